"""The commands `andon labels …` and their options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from andon.cli.errors import ExitCode
from andon.cli.options import Context, Kubeconfig, Name, Namespace, StatusOutput

labels = typer.Typer(no_args_is_help=True, help="What people are asked to inspect, and what they found.")


@labels.command("queue")
def labels_queue(
    name: Name,
    namespace: Namespace = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="Only the first N.")] = 20,
    output: Annotated[StatusOutput, typer.Option("--output", "-o", help="Form of the output.")] = StatusOutput.TEXT,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Show on which inputs the new version and the one that serves disagree, so that people can look at the parts.

    Only these decide whether the new one finds fewer faults; the most telling come first.

    **Examples**

    - `andon labels queue spindle -n press-shop`
    """
    import json

    from andon.cli import labels as found
    from andon.cli.cluster import connect

    with found.monitor_of(connect(kubeconfig, context), namespace, name) as monitor:
        document = found.queue(monitor.address, name, limit)
    typer.echo(json.dumps(document) if output == StatusOutput.JSON else found.told_queue(document, name))


@labels.command("import")
def labels_import(
    name: Name,
    file: Annotated[Path, typer.Argument(help="CSV with a header, or JSON (.json).", metavar="FILE")],
    namespace: Namespace = None,
    account: Annotated[
        str, typer.Option(metavar="NAME", help="Service account of the namespace that the labels come from.")
    ] = "default",
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Send labels: what the parts of earlier requests turned out to be.

    Columns: requestId (and row), or asset and time; and fault (true or false), or label. The account is kept with each
    label. Ends with 0 if all were taken, with 1 if any was refused, with 2 if there is no connection or no right.

    **Examples**

    - `andon labels import spindle inspected.csv -n press-shop`
    """
    from andon.cli import labels as found
    from andon.cli.cluster import connect

    with found.monitor_of(connect(kubeconfig, context), namespace, name) as monitor:
        document = found.send(monitor.address, name, file, monitor.token(account))
    typer.echo(found.told_outcome(document, name))
    raise typer.Exit(ExitCode.FAILED if document.get("refused") else ExitCode.OK)
