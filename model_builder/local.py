"""A build on a laptop: the same pipeline, told to a terminal."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from rich.console import Console

from model_builder.artifact import check_output
from model_builder.build import Built, build
from model_builder.console import ConsoleProgress, problem, summary
from model_builder.errors import EXIT_OK, BuilderError
from model_builder.failure import as_builder_error, failed
from model_builder.progress import Progress, Silent
from model_builder.settings import Settings
from model_builder.sources import bring
from model_builder.spec import BuildSpec
from model_builder.specfile import read_spec
from model_builder.uri import Location, locate


def build_locally(file: Path, out: Path, data: str | None, as_json: bool, settings: Settings) -> int:
    """Build the model of a manifest into a folder.

    Parameters
    ----------
    data
        Where to take the data from instead of the manifest's URI; a relative path starts at the working folder.
    as_json
        Print the report as JSON and nothing else.

    Returns
    -------
    int
        Exit status.
    """
    console = Console(stderr=as_json)
    progress: Progress = Silent() if as_json else ConsoleProgress(console)
    try:
        spec = read_spec(file)
        check_output(out)
        base = Path() if data else file.parent
        location = locate(data or spec.source.train.data.uri, settings, base)
        other = spec.validation.independent_data
        further = None if other is None else locate(other.uri, settings, file.parent)
        built = _build(spec, location, further, out, progress, settings)
    except (BuilderError, MemoryError, OSError) as error:
        failure = as_builder_error(error)
        if as_json:
            sys.stdout.write(failed(failure).to_json() + "\n")
        else:
            console.print(problem(failure))
        return failure.exit_code
    if as_json:
        report = built.report.model_copy(update={"uri": out.absolute().as_uri()})
        sys.stdout.write(report.to_json() + "\n")
    else:
        console.print(summary(built.model, built.artifact.digest, str(out)))
    return EXIT_OK


def _build(
    spec: BuildSpec, location: Location, further: Location | None, out: Path, progress: Progress, settings: Settings
) -> Built:
    with tempfile.TemporaryDirectory(prefix="andon-") as scratch:
        with progress.step("fetch", f"Fetching {location.uri}") as step:
            local = bring(spec.source.train.data, location, spec.limits.max_bytes, settings, Path(scratch))
            step.done(f"{local.bytes:,} bytes")
        independent = None
        if further is not None and spec.validation.independent_data is not None:
            folder = Path(scratch) / "independent"
            folder.mkdir()
            with progress.step("fetch", f"Fetching {further.uri}") as step:
                limit = spec.limits.max_bytes
                independent = bring(spec.validation.independent_data, further, limit, settings, folder)
                step.done(f"{independent.bytes:,} bytes")
        return build(spec, local, out, progress, independent)
