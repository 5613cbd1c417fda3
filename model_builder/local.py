"""Builds, looks at data and judges artifacts on a laptop: the same pipeline, told to a terminal."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console, RenderableType

from model_builder.artifact import check_output
from model_builder.build import build
from model_builder.compressing import (
    Elsewhere,
    Wanted,
    compression_view,
    data_not_named,
    spec_of_model,
    spec_to_compress,
)
from model_builder.console import ConsoleProgress, problem, summary
from model_builder.console_compression import compression_panel
from model_builder.console_views import data_view, validation_view
from model_builder.errors import EXIT_OK, BuilderError, Reason
from model_builder.failure import as_builder_error, failed
from model_builder.imports.files import ModelFile, bring_model
from model_builder.progress import Progress, Silent
from model_builder.record import BuildRecord, record
from model_builder.report import BuildReport, Report, canonical_json
from model_builder.report_page.command import check_extra, write_page
from model_builder.report_page.opening import of_record, open_document
from model_builder.settings import Settings
from model_builder.sources import LocalData, bring
from model_builder.spec import BuildSpec
from model_builder.specfile import read_spec
from model_builder.uri import locate
from model_builder.usage import Stopwatch


def build_locally(
    file: Path,
    out: Path,
    data: str | None,
    as_json: bool,
    settings: Settings,
    watch: Stopwatch | None = None,
    page: Path | None = None,
) -> int:
    """Build the model of a manifest into a folder.

    Parameters
    ----------
    data
        Where to take the data from instead of the manifest's URI; a relative path starts at the working folder.
    as_json
        Print the report as JSON and nothing else.
    watch
        Runs since the command began; None to begin now.
    page
        Where to write the report as a page, however the build ends.

    Returns
    -------
    int
        Exit status.
    """
    watch = watch or Stopwatch()
    asked: BuildSpec | None = None

    def run(progress: Progress) -> tuple[str, RenderableType]:
        nonlocal asked
        if page is not None:
            check_extra()
        spec = read_spec(file)
        asked = spec
        check_output(out)
        with tempfile.TemporaryDirectory(prefix="andon-") as folder:
            local = _fetched(spec, data, file.parent, settings, Path(folder), progress)
            other = _independent(spec, file.parent, settings, Path(folder), progress)
            imported = _model(spec, file.parent, settings, Path(folder), progress)
            built = build(spec, local, out, progress, other, imported)
        usage = watch.usage()
        report = built.report.model_copy(update={"uri": out.absolute().as_uri(), "usage": usage})
        if page is not None:
            write_page(open_document(out), page)
        return report.to_json(), summary(built.model, built.artifact.digest, str(out), usage)

    def recorded(failure: BuilderError) -> BuildRecord:
        found = record(failed(failure), asked, failure)
        if page is not None and failure.reason is not Reason.EXTRA_MISSING:
            write_page(of_record(found), page)
        return found

    return _tell(run, as_json, recorded)


def compress_locally(
    source: Path | Elsewhere,
    wanted: Wanted,
    data: str | None,
    out: Path | None,
    as_json: bool,
    settings: Settings,
    watch: Stopwatch,
) -> int:
    """Make a model as small as its budget allows, and tell what there was to choose.

    Parameters
    ----------
    source
        A manifest, the folder of an artifact, or the file of a model that was made elsewhere.
    out
        Where to write the artifact; None to keep nothing.
    """

    def run(progress: Progress) -> tuple[str, RenderableType]:
        spec, base = _asked(source, wanted, data)
        if out is not None:
            check_output(out)
        with tempfile.TemporaryDirectory(prefix="andon-") as folder:
            scratch = Path(folder)
            local = _fetched(spec, data, base, settings, scratch, progress)
            other = _independent(spec, base, settings, scratch, progress)
            imported = _model(spec, base, settings, scratch, progress)
            built = build(spec, local, out or scratch / "artifact", progress, other, imported)
        view = compression_view(built, None if out is None else out.absolute().as_uri(), watch.usage())
        return _json(view), compression_panel(view)

    return _tell(run, as_json)


def _asked(source: Path | Elsewhere, wanted: Wanted, data: str | None) -> tuple[BuildSpec, Path]:
    """Give the spec, and the folder that relative paths in it start at."""
    if isinstance(source, Elsewhere):
        if data is None:
            raise data_not_named(source.model)
        return spec_of_model(source, wanted, data), Path()
    if source.is_dir() and data is None:
        raise data_not_named(source)
    return spec_to_compress(source, wanted, data), source.parent


def inspect_locally(file: Path, data: str | None, as_json: bool, settings: Settings) -> int:
    """Tell what a build would make of the data of a manifest; parameters are those of a build."""
    from model_builder.inspecting import inspect

    def run(progress: Progress) -> tuple[str, RenderableType]:
        spec = read_spec(file)
        with tempfile.TemporaryDirectory(prefix="andon-") as folder:
            local = _fetched(spec, data, file.parent, settings, Path(folder), progress)
            view = inspect(spec, data or spec.source.train.data.uri, local)
        return _json(view), data_view(view)

    return _tell(run, as_json)


def validate_locally(artifact: Path, data: str, as_json: bool, settings: Settings) -> int:
    """Judge an artifact on data.

    Parameters
    ----------
    artifact
        The folder that a build has written.
    """
    from model_builder.validating import open_artifact, spec_of, validate

    def run(progress: Progress) -> tuple[str, RenderableType]:
        opened = open_artifact(artifact)
        spec = spec_of(opened, data)
        with tempfile.TemporaryDirectory(prefix="andon-") as folder:
            local = _fetched(spec, data, Path(), settings, Path(folder), progress)
            view = validate(opened, spec, local)
        return _json(view), validation_view(view)

    return _tell(run, as_json)


def _tell(
    run: Callable[[Progress], tuple[str, RenderableType]],
    as_json: bool,
    report: Callable[[BuilderError], BuildReport] = failed,
) -> int:
    console = Console(stderr=as_json)
    progress: Progress = Silent() if as_json else ConsoleProgress(console)
    try:
        machine, people = run(progress)
    except (BuilderError, MemoryError, OSError) as error:
        failure = as_builder_error(error)
        told = report(failure)
        if as_json:
            sys.stdout.write(told.to_json() + "\n")
        else:
            console.print(problem(failure))
        return failure.exit_code
    if as_json:
        sys.stdout.write(machine + "\n")
    else:
        console.print(people)
    return EXIT_OK


def _json(view: Report) -> str:
    return canonical_json(view.model_dump(mode="json", by_alias=True, exclude_none=True)).decode()


def _fetched(
    spec: BuildSpec, data: str | None, base: Path, settings: Settings, folder: Path, progress: Progress
) -> LocalData:
    location = locate(data or spec.source.train.data.uri, settings, Path() if data else base)
    with progress.step("fetch", f"Fetching {location.uri}") as step:
        local = bring(spec.source.train.data, location, spec.limits.max_bytes, settings, folder)
        step.done(f"{local.bytes:,} bytes")
    return local


def _model(spec: BuildSpec, base: Path, settings: Settings, scratch: Path, progress: Progress) -> ModelFile | None:
    wanted = spec.source.importing
    if wanted is None:
        return None
    with progress.step("fetch", f"Fetching {wanted.uri}") as step:
        found = bring_model(wanted, settings.for_model(), scratch, base)
        step.done(f"{found.bytes:,} bytes")
    return found


def _independent(
    spec: BuildSpec, base: Path, settings: Settings, scratch: Path, progress: Progress
) -> LocalData | None:
    data = spec.validation.independent_data
    if data is None:
        return None
    folder = scratch / "independent"
    folder.mkdir()
    location = locate(data.uri, settings, base)
    with progress.step("fetch", f"Fetching {location.uri}") as step:
        local = bring(data, location, spec.limits.max_bytes, settings, folder)
        step.done(f"{local.bytes:,} bytes")
    return local
