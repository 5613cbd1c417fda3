"""What the operator's Job runs: builds once, keeps artifact and report in the store, tells the operator."""

from __future__ import annotations

import tempfile
import traceback
from dataclasses import dataclass
from pathlib import Path

from model_builder.build import build, inputs_digest
from model_builder.errors import EXIT_OK, BuilderError, Reason
from model_builder.failure import as_builder_error, failed, tell
from model_builder.imports.files import ModelFile, bring_model
from model_builder.progress import LogProgress
from model_builder.record import BuildRecord, record
from model_builder.report import BuildReport
from model_builder.settings import Settings
from model_builder.sources import LocalData, bring
from model_builder.spec import BuildSpec
from model_builder.specfile import read_spec
from model_builder.store import Store, artifact_path, open_store, read_artifact
from model_builder.uri import locate
from model_builder.usage import Stopwatch


@dataclass
class _Known:
    """What is known of a build so far, for the report should it fail."""

    build_inputs_digest: str | None = None
    data_sha256: str | None = None
    spec: BuildSpec | None = None


def run_job(settings: Settings) -> int:
    """Build what ``$ANDON_BUILD_SPEC`` says, unless the store has it already.

    Returns
    -------
    int
        Exit status: 0 built or already there, 3 the input is at fault, 1 a retry may help.
    """
    log, store, known, watch = LogProgress("-"), None, _Known(), Stopwatch()
    try:
        spec = read_spec(settings.build_spec)
        log, known.spec = LogProgress(spec.name), spec
        known.build_inputs_digest = inputs_digest(spec, None, None)
        store = open_store(settings)
        report = _build_once(spec, store, settings, log, known, watch)
    except Exception as error:  # noqa: BLE001 (every failure is reported, whatever it is)
        failure = as_builder_error(error)
        if failure.reason is Reason.INTERNAL_ERROR:
            log.log("error", "failed", traceback.format_exc())
        report = failed(failure, known.build_inputs_digest, known.data_sha256)
        tell(settings, report)
        _keep(store, record(report, known.spec, failure), log)
        log.log(
            "error", "failed", failure.message, **report.model_dump(include={"reason", "found", "allowed", "remedy"})
        )
        return failure.exit_code
    tell(settings, report)
    log.log("info", "done", report.message, reason=report.reason, digest=report.digest, uri=report.uri)
    return EXIT_OK


def _build_once(
    spec: BuildSpec, store: Store, settings: Settings, log: LogProgress, known: _Known, watch: Stopwatch
) -> BuildReport:
    data = spec.source.train.data
    location = locate(data.uri, settings)
    with tempfile.TemporaryDirectory(prefix="andon-") as folder:
        scratch = Path(folder)
        with log.step("fetch", f"Fetching {data.uri}") as step:
            local = bring(data, location, spec.limits.max_bytes, settings, scratch)
            step.done(f"{local.bytes:,} bytes", bytes=local.bytes, sha256=local.sha256)
        other = _independent(spec, settings, log, scratch)
        imported = _model(spec, settings, log, scratch)
        others = (each.sha256 if each else None for each in (other, imported))
        digest = inputs_digest(spec, local.format, local.sha256, *others)
        known.build_inputs_digest, known.data_sha256 = digest, local.sha256
        earlier = already_built(store, digest)
        if earlier:
            return earlier
        built = build(spec, local, scratch / "artifact", log, other, imported)
        with log.step("store", "Storing the artifact") as step:
            store.publish(scratch / "artifact", built.artifact.digest)
            uri = store.uri(artifact_path(built.artifact.digest))
            report = built.report.model_copy(update={"uri": uri, "usage": watch.usage()})
            store.write(report_path(digest), record(report, spec).to_json().encode())
            step.done(uri)
    return report


def _independent(spec: BuildSpec, settings: Settings, log: LogProgress, scratch: Path) -> LocalData | None:
    data = spec.validation.independent_data
    if data is None:
        return None
    folder = scratch / "independent"
    folder.mkdir()
    with log.step("fetch", f"Fetching {data.uri}") as step:
        own = settings.for_independent_data()
        local = bring(data, locate(data.uri, own), spec.limits.max_bytes, own, folder)
        step.done(f"{local.bytes:,} bytes", bytes=local.bytes, sha256=local.sha256)
    return local


def _model(spec: BuildSpec, settings: Settings, log: LogProgress, scratch: Path) -> ModelFile | None:
    wanted = spec.source.importing
    if wanted is None:
        return None
    with log.step("fetch", f"Fetching {wanted.uri}") as step:
        found = bring_model(wanted, settings.for_model(), scratch)
        step.done(f"{found.bytes:,} bytes", bytes=found.bytes, sha256=found.sha256)
    return found


def report_path(digest: str) -> str:
    """Give the place of a build's report in a store, by the digest of its inputs."""
    return f"builds/{digest.removeprefix('sha256:')}.json"


def already_built(store: Store, digest: str) -> BuildReport | None:
    """Find the report of an earlier build of the same inputs whose artifact is whole.

    A damaged artifact does not count: it is built again, and the good copy replaces it.
    """
    try:
        report = BuildReport.model_validate_json(store.read(report_path(digest)))
        if report.outcome != "Succeeded" or report.digest is None:
            return None
        read_artifact(report.digest, store.read)
    except BuilderError as error:
        if error.reason in (Reason.ARTIFACT_NOT_FOUND, Reason.DIGEST_MISMATCH):
            return None
        raise
    except ValueError:
        return None
    again = {"reason": "AlreadyBuilt", "message": "the same inputs were built before: nothing to do"}
    return report.model_copy(update=again)


def _keep(store: Store | None, report: BuildRecord, log: LogProgress) -> None:
    # A later success with the same inputs overwrites it; a store that fails too must not hide the first failure.
    if store is None or report.build_inputs_digest is None:
        return
    try:
        store.write(report_path(report.build_inputs_digest), report.to_json().encode())
    except BuilderError as error:
        log.log("warning", "store", f"the report could not be kept: {error.message}")
