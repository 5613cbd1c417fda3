"""The commands and their options. What they do is imported when it is called, so that `--help` answers at once."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from andon.cli.errors import CliError, ExitCode
from andon.cli.labels_app import labels
from andon.cli.options import Context, Kubeconfig, Name, Namespace, StatusOutput

if TYPE_CHECKING:
    from andon.cli.verbs import Verb

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="Fault-prediction models on Kubernetes: how they are, what they say, and what is to become of a new version.",
    epilog="Exit status: 0 all is well · 1 not Ready, or rows at fault · 2 not found, no connection, or a wrong"
    " command line.",
)

app.add_typer(labels, name="labels")

_PIPE_WIDTH = 120
"""Columns of text that goes to a file or a pipe."""


class PredictOutput(StrEnum):
    """Forms of `andon predict`."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"


@app.callback()
def _all_commands() -> None:
    """Make the functions below commands, however many there are."""


@app.command()
def status(
    name: Name,
    namespace: Namespace = None,
    output: Annotated[StatusOutput, typer.Option("--output", "-o", help="Form of the output.")] = StatusOutput.TEXT,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Show it again when it changes; Ctrl-C ends.")] = False,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Show how a FaultModel is: what serves, what is on its way, and what to do where something is wrong.

    Ends with 0 if it is Ready, with 1 if it is not, with 2 if it is not found or there is no connection.

    **Examples**

    - `andon status spindle -n press-shop`

    - `andon status spindle -o json | jq .stable.version`

    - `andon status spindle --watch`
    """
    from rich.console import Console

    from andon.cli.cluster import connect
    from andon.cli.status import exit_code, gather, show
    from andon.cli.status import watch as watch_status

    cluster = connect(kubeconfig, context)
    place = namespace or cluster.namespace
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_PIPE_WIDTH)
    if watch:
        raise typer.Exit(watch_status(lambda: gather(cluster, place, name), output, console))
    facts = gather(cluster, place, name)
    show(facts, output, console)
    raise typer.Exit(exit_code(facts))


@app.command()
def predict(
    name: Name,
    row: Annotated[
        list[str] | None,
        typer.Option(
            "--row",
            metavar="KEY=VALUE,…",
            help="A row: every column of the model by name. May be given several times. Part the pairs by ; where"
            " numbers have decimal commas; write KEY= for a missing value.",
            show_default=False,
        ),
    ] = None,
    csv: Annotated[
        str | None,
        typer.Option(
            "--csv",
            metavar="FILE",
            help="Rows from a CSV file with a header (- for standard input). Comma, semicolon or tab; decimal point"
            " or comma; columns are matched by name, others left out.",
            show_default=False,
        ),
    ] = None,
    namespace: Namespace = None,
    grpc: Annotated[bool, typer.Option("--grpc", help="Use gRPC instead of HTTP.")] = False,
    url: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Where the model's Service is reached directly.",
            show_default="through the API server",
        ),
    ] = None,
    output: Annotated[PredictOutput, typer.Option("--output", "-o", help="Form of the output.")] = PredictOutput.TEXT,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Only the first N rows.", show_default="all")
    ] = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Ask a FaultModel for predictions, through its Service or, from outside the cluster, through the API server.

    Every row is checked against the model's own columns before the first is sent. Ends with 0 if all rows were
    predicted, with 1 if the rows are at fault, with 2 if there is no such model or no connection.

    **Examples**

    - `andon predict spindle -n press-shop --row "Torque [Nm]=42.8,Tool wear [min]=108"`

    - `andon predict spindle --row "Torque [Nm]=42,8; Tool wear [min]=108"` (decimal comma)

    - `andon predict spindle --row 'Torque [Nm]=42.8,Type=M,Shop="hall 3, left"'` (texts too)

    - `andon predict spindle --csv shift.csv --limit 20`

    - `cat shift.csv | andon predict spindle --csv - -o csv > predictions.csv`

    - `andon predict spindle --csv shift.csv --grpc --url spindle.press-shop.svc:8001`
    """
    from andon.cli.cluster import connect
    from andon.cli.predict import Request, run

    request = Request(
        name=name,
        row=tuple(row or ()),
        csv=csv,
        namespace=namespace,
        grpc=grpc,
        url=url,
        output=output,
        limit=limit,
        context=context,
        kubeconfig=kubeconfig,
    )
    raise typer.Exit(run(request, connect))


Digest = Annotated[
    str | None,
    typer.Option(
        metavar="DIGEST",
        help="Only if the candidate has this digest, or one that begins so.",
        show_default="whatever the candidate is",
    ),
]


@app.command()
def approve(
    name: Name,
    digest: Digest = None,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Approve the candidate: it passes its step of approval, or takes over though its columns differ.

    Ends with 0 if that is set, with 1 if there is no such candidate, with 2 if there is no connection or no right.

    **Examples**

    - `andon approve spindle -n press-shop`

    - `andon approve spindle --digest sha256:3b1f0b9a`
    """
    from andon.cli import verbs

    _say(verbs.APPROVE, name, digest, namespace, context, kubeconfig)


@app.command()
def promote(
    name: Name,
    digest: Digest = None,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Let the candidate skip what is left of its steps. Windows and spec.suspend still hold it.

    Ends with 0 if that is set, with 1 if there is no such candidate, with 2 if there is no connection or no right.

    **Examples**

    - `andon promote spindle -n press-shop`
    """
    from andon.cli import verbs

    _say(verbs.PROMOTE, name, digest, namespace, context, kubeconfig)


@app.command()
def abort(
    name: Name,
    digest: Digest = None,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Call the candidate off: the stable version takes all traffic at once, and this artifact stays away.

    Ends with 0 if that is set, with 1 if there is no such candidate, with 2 if there is no connection or no right.

    **Examples**

    - `andon abort spindle -n press-shop`
    """
    from andon.cli import verbs

    _say(verbs.ABORT, name, digest, namespace, context, kubeconfig)


@app.command()
def rollback(
    name: Name,
    to: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="VERSION",
            help="Number of the version to go back to.",
            show_default="the newest other one that held all traffic",
        ),
    ] = None,
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Go back to a version that has held all traffic, whatever the spec asks for: no build, no analysis, no window.

    It holds until the annotation is taken away. Ends with 0 if that is set, with 1 if there is no such version, with 2
    if there is no connection or no right.

    **Examples**

    - `andon rollback spindle -n press-shop`

    - `andon rollback spindle --to 4`
    """
    from andon.cli.cluster import connect
    from andon.cli.rollback import rollback as go_back

    cluster = connect(kubeconfig, context)
    typer.echo(go_back(cluster, namespace or cluster.namespace, name, to))


@app.command()
def rebaseline(
    name: Name,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="What was changed.")],
    namespace: Namespace = None,
    account: Annotated[
        str, typer.Option(metavar="NAME", help="Service account of the namespace that is kept as who asked.")
    ] = "default",
    context: Context = None,
    kubeconfig: Kubeconfig = None,
) -> None:
    """Begin a new baseline of the inputs after maintenance, so that what was changed on purpose is no drift.

    It belongs to the version that serves. Ends with 0 if it began, with 1 if it was refused, with 2 if there is no
    connection or no right.

    **Examples**

    - `andon rebaseline spindle --reason "spindle bearing replaced" -n press-shop`
    """
    from andon.cli.cluster import connect
    from andon.cli.labels import monitor_of
    from andon.cli.rebaseline import rebaseline as renew
    from andon.cli.rebaseline import told

    with monitor_of(connect(kubeconfig, context), namespace, name) as monitor:
        document = renew(monitor.address, name, reason, monitor.token(account))
    typer.echo(told(document, name))


def _say(
    verb: Verb, name: str, digest: str | None, namespace: str | None, context: str | None, kubeconfig: str | None
) -> None:
    from andon.cli.cluster import connect
    from andon.cli.verbs import say

    cluster = connect(kubeconfig, context)
    typer.echo(say(verb, cluster, namespace or cluster.namespace, name, digest))


def run() -> None:
    """Run the command line; what a person can mend is told in words."""
    plugin = Path(sys.argv[0]).name.startswith("kubectl-")
    try:
        app(prog_name="kubectl andon" if plugin else "andon")
    except CliError as error:
        typer.secho(str(error), fg="red", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader has gone (| head). Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(ExitCode.OK)
