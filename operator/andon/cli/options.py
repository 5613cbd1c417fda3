"""Options that several commands have."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class StatusOutput(StrEnum):
    """Forms of what a command shows."""

    TEXT = "text"
    JSON = "json"


Name = Annotated[str, typer.Argument(help="Name of the FaultModel.", metavar="NAME", show_default=False)]
Namespace = Annotated[
    str | None, typer.Option("--namespace", "-n", help="Its namespace.", show_default="that of the context")
]
Context = Annotated[
    str | None, typer.Option(help="Context of the kubeconfig to use.", show_default="the current context")
]
Kubeconfig = Annotated[
    str | None, typer.Option(help="Kubeconfig file.", show_default="$KUBECONFIG or ~/.kube/config", metavar="FILE")
]
