"""``python -m model_builder``: build, compress, inspect, validate, report; run as the operator's Job; fetch."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from model_builder.errors import EXIT_INPUT, EXIT_OK, BuilderError
from model_builder.settings import Settings
from model_builder.usage import Stopwatch

EXIT_CODES = "Exit status: 0 done; 3 the input is at fault, mend it first; 1 anything else, trying again may help."

app = typer.Typer(
    name="model_builder",
    help="Train, export and prove fault-prediction models.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command(epilog=EXIT_CODES)
def build(
    file: Annotated[Path, typer.Argument(help="A FaultModel manifest or a plain BuildSpec, in YAML.")],
    out: Annotated[Path, typer.Option(help="Folder for the artifact; an earlier artifact in it is replaced.")],
    data: Annotated[
        str | None,
        typer.Option(help="Take the data from here instead: a local path or any URI that the spec may name."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON and nothing else.")] = False,
    page: Annotated[
        Path | None, typer.Option("--report", help="Write the report as a page to this file, however the build ends.")
    ] = None,
) -> None:
    """Build a model from a manifest, without a cluster.

    The data's URI in the manifest is resolved as in the cluster, with pvc://CLAIM/PATH read from
    $ANDON_PVC_ROOT/CLAIM/PATH; a relative path starts at the manifest's folder.

    Try: python -m model_builder build examples/spindle.yaml --data machine_fault.csv --out spindle
    """
    watch = Stopwatch()
    from model_builder.local import build_locally

    raise typer.Exit(build_locally(file, out, data, as_json, Settings.from_environment(), watch, page))


@app.command(epilog=EXIT_CODES)
def compress(
    source: Annotated[
        Path | None,
        typer.Argument(help="A FaultModel manifest or BuildSpec in YAML, or an artifact: the folder of a build."),
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="Instead of SOURCE: a fitted forest, as skops or ONNX. Checked like any import.")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="The data: a local path or a URI. Needed for an artifact (the file it was built from) and for a model "
            "(labelled rows that it was not fitted on)."
        ),
    ] = None,
    target: Annotated[str | None, typer.Option(help="With --model: the column of the data that it predicts.")] = None,
    feature: Annotated[
        list[str] | None,
        typer.Option(help="With --model, again and again: its columns in order. Needed where the file has no names."),
    ] = None,
    max_bytes: Annotated[
        int | None, typer.Option(help="Largest model file in bytes.", show_default="no limit", min=500)
    ] = None,
    max_loss: Annotated[
        str | None,
        typer.Option(
            help="Largest loss of macro-F1, best F1 and average precision alike, as a share.", show_default="0.005"
        ),
    ] = None,
    max_minutes: Annotated[
        int | None, typer.Option(help="Stop with the best so far after so many minutes.", show_default="30", min=1)
    ] = None,
    interactions: Annotated[
        bool, typer.Option("--interactions", help="Let the model file compute products and differences of columns.")
    ] = False,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="Let the loss with its standard error added stay inside --max-loss, come what may."
        ),
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the artifact.", show_default="none is kept: a trial")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON and nothing else.")] = False,
) -> None:
    """Find the smallest model that is surely as good: what each step saved, what it cost, and what else there was.

    A manifest's model is trained first; that of an artifact is trained again, as it was. Options go before the
    manifest's own budget, and its prune and quantize give way to the search.

    Try: python -m model_builder compress examples/spindle.yaml --data machine_fault.csv --max-bytes 10000

    Try: python -m model_builder compress --model forest.skops --data labelled.csv --target fault
    """
    watch = Stopwatch()
    if (source is None) == (model is None):
        raise typer.BadParameter("give SOURCE or --model, one of the two")
    if (model is None) != (target is None) or (feature and model is None):
        raise typer.BadParameter("--model goes with --target, and --feature only with them")
    from model_builder.compressing import Elsewhere, Wanted
    from model_builder.local import compress_locally

    wanted = Wanted(max_bytes, max_loss, max_minutes, interactions, strict)
    given = source if source is not None else Elsewhere(model or Path(), target or "", tuple(feature or ()))
    raise typer.Exit(compress_locally(given, wanted, data, out, as_json, Settings.from_environment(), watch))


@app.command(epilog=EXIT_CODES)
def inspect(
    file: Annotated[Path, typer.Argument(help="A FaultModel manifest or a plain BuildSpec, in YAML.")],
    data: Annotated[
        str | None,
        typer.Option(help="Take the data from here instead: a local path or any URI that the spec may name."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON and nothing else.")] = False,
) -> None:
    """Look at a manifest's data as a build would, and train nothing.

    Tells what each column is used as or why it is not, which columns nearly give the target away, and how the rows
    would be split. What became of a build is told by the command report.

    Try: python -m model_builder inspect examples/spindle.yaml --data machine_fault.csv
    """
    from model_builder.local import inspect_locally

    raise typer.Exit(inspect_locally(file, data, as_json, Settings.from_environment()))


@app.command(epilog=EXIT_CODES)
def validate(
    artifact: Annotated[Path, typer.Argument(help="An artifact: the folder that was --out of a build.")],
    data: Annotated[str, typer.Option(help="Data with the columns of the training data: a local path or a URI.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the scores as JSON and nothing else.")] = False,
) -> None:
    """Judge an artifact on data: every digest, its golden samples, its scores, and the gates it was built with.

    Try: python -m model_builder validate spindle --data last_week.csv
    """
    from model_builder.local import validate_locally

    raise typer.Exit(validate_locally(artifact, data, as_json, Settings.from_environment()))


@app.command(epilog=EXIT_CODES)
def report(
    place: Annotated[
        Path,
        typer.Argument(
            metavar="ARTIFACT_OR_BUILD",
            help="An artifact's folder, or a build's record: what build --json prints, a file of a store's builds/.",
        ),
    ],
    out: Annotated[Path | None, typer.Option(help="The file to write; absent: ARTIFACT_OR_BUILD.html.")] = None,
) -> None:
    """Write the report of a build as one page for people; a build that failed has one too.

    Try: python -m model_builder report spindle --out report.html
    """
    from model_builder.report_page.command import report as write

    raise typer.Exit(write(place, out))


@app.command(epilog=EXIT_CODES)
def convert(
    file: Annotated[Path, typer.Argument(help="A file of pickle or joblib with a fitted classifier.")],
    out: Annotated[Path, typer.Option(help="The skops file to write.")],
    trusted: Annotated[bool, typer.Option("--i-trust-this-file", help="Do not ask.")] = False,
) -> None:
    """Write the classifier of a pickle or joblib file as skops. THIS RUNS WHATEVER CODE IS IN THE FILE.

    The cluster takes in ONNX and skops only, because opening a pickle runs the code in it. Do this on a machine where
    you trust the file.
    """
    from model_builder.imports.convert import WARNING
    from model_builder.imports.convert import convert as run

    typer.secho(WARNING.format(file=file), fg="red", bold=True, err=True)
    if not trusted and not typer.confirm("Open it?", err=True):
        raise typer.Exit(EXIT_INPUT)
    try:
        name = run(file, out)
    except BuilderError as error:
        _report_failure(error, Settings.from_environment())
        raise typer.Exit(error.exit_code) from None
    print(f"{out}: {name}")  # noqa: T201


@app.command(epilog=EXIT_CODES)
def job() -> None:
    """Build what $ANDON_BUILD_SPEC says into $ANDON_STORE; what the operator's Job runs.

    Reports to the operator through the termination message in $ANDON_TERMINATION_LOG.
    """
    from model_builder.job import run_job

    raise typer.Exit(run_job(Settings.from_environment()))


@app.command(epilog=EXIT_CODES)
def fetch(
    digest: Annotated[str, typer.Option(help="The artifact's digest, sha256: and 64 hexadecimal digits.")],
    name: Annotated[str, typer.Option(help="The model's name.")],
    version: Annotated[int, typer.Option(min=1, help="The version's number.")],
    out: Annotated[Path, typer.Option(help="The Triton model repository to lay it out in.")],
) -> None:
    """Bring an artifact from $ANDON_STORE into a Triton model repository, after checking every digest."""
    from model_builder.fetch import fetch as bring
    from model_builder.store import open_store

    settings = Settings.from_environment()
    try:
        model = bring(open_store(settings).read, digest, name, version, out)
    except BuilderError as error:
        _report_failure(error, settings)
        raise typer.Exit(error.exit_code) from None
    print(f"{model}: {digest}")  # noqa: T201
    raise typer.Exit(EXIT_OK)


@app.command(epilog=EXIT_CODES)
def preflight(
    digest: Annotated[str, typer.Option(help="The artifact's digest, sha256: and 64 hexadecimal digits.")],
    name: Annotated[str, typer.Option(help="The model's name.")],
    version: Annotated[int, typer.Option(min=1, help="The version's number.")],
    host: Annotated[str, typer.Option(help="The server, as HOST:PORT of its HTTP endpoint.")],
    latency_limit: Annotated[
        float | None, typer.Option(min=0, help="Seconds within which most requests of one row have to be answered.")
    ] = None,
) -> None:
    """Ask a server for the golden samples of an artifact in $ANDON_STORE, compare, and time it where asked.

    Reports to the operator through the termination message in $ANDON_TERMINATION_LOG.
    """
    from model_builder.preflight import run_preflight

    raise typer.Exit(run_preflight(Settings.from_environment(), digest, name, version, host, latency_limit))


def _report_failure(error: BuilderError, settings: Settings) -> None:
    from model_builder.failure import failed, tell

    report = failed(error)
    print(report.to_json(), file=sys.stderr)  # noqa: T201
    tell(settings, report)


if __name__ == "__main__":
    app()
