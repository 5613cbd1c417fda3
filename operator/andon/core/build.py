"""Which build a FaultModel asks for, and what to make of how it went."""

import hashlib
from dataclasses import dataclass
from typing import Literal

from andon.api.conditions import Reason
from andon.api.meta import build_name
from andon.api.status import BuildResult
from andon.core.observed import BuildJob, Observed
from andon.core.times import utc_text
from model_builder.report import BuildReport, canonical_json
from model_builder.spec import BuildSpec, Runtime


@dataclass(frozen=True)
class BuildPlan:
    """A build to carry out.

    Attributes
    ----------
    digest
        Over everything that makes a new build necessary: the builder's part of the spec, the value of
        `andon.dev/retrain`, and the time for which a retraining read the data. A change of replicas or of a deadline
        is none, so it never reads the data again.
    """

    spec: BuildSpec
    digest: str
    job: str


def plan(observed: Observed) -> BuildPlan:
    """Give the build plan of a FaultModel."""
    name = observed.identity.name
    spec = BuildSpec(
        name=name,
        source=observed.spec.source,
        compression=observed.spec.compression,
        validation=observed.spec.validation,
        exports=observed.spec.exports,
        compute=observed.spec.compute,
        runtime=Runtime(onnxruntime=observed.spec.serving.onnxruntime),
    )
    inputs = {"spec": spec.model_dump(mode="json", by_alias=True, exclude_defaults=True), "retrain": observed.retrain}
    note = observed.router.retraining
    if note is not None and note.at is not None:
        inputs["readFor"] = utc_text(note.at)
    digest = "sha256:" + hashlib.sha256(canonical_json(inputs)).hexdigest()
    return BuildPlan(spec=spec, digest=digest, job=build_name(name, digest))


@dataclass(frozen=True)
class BuildVerdict:
    """Where a build plan stands.

    Attributes
    ----------
    state
        Absent: nothing has been tried. Lost: it ended, but nobody can say how, so it has to run again.
    report
        The builder's report, of a build that succeeded in this very Job.
    """

    state: Literal["Absent", "Running", "Succeeded", "Failed", "Lost"]
    reason: str = ""
    message: str = ""
    digest: str | None = None
    data_sha256: str | None = None
    report: BuildReport | None = None


def judge(observed: Observed, build_plan: BuildPlan) -> BuildVerdict:
    """Say where a plan stands, from the status, the Job and the versions, whichever still knows."""
    recorded = observed.status.build
    if recorded is not None and recorded.plan == build_plan.digest and _still_true(observed, recorded):
        return BuildVerdict(recorded.outcome, recorded.reason, recorded.message, recorded.digest, recorded.data_sha256)
    job = observed.build(build_plan.job)
    if job is not None:
        return _judge_job(job)
    for version in observed.versions:
        if version.spec.built_from.plan == build_plan.digest:
            message, spec = _success_message(None), version.spec
            return BuildVerdict("Succeeded", Reason.BUILD_SUCCEEDED, message, spec.digest, spec.built_from.data_sha256)
    return BuildVerdict("Absent")


def _still_true(observed: Observed, recorded: BuildResult) -> bool:
    # A success whose version somebody deleted has to be built again; the builder finds its bytes in the store.
    return recorded.outcome == "Failed" or (
        recorded.digest is not None and observed.version_of(recorded.digest) is not None
    )


def _judge_job(job: BuildJob) -> BuildVerdict:
    if job.state == "Running":
        if job.waiting:
            return BuildVerdict("Running", Reason.BUILD_NOT_STARTED, f"The build's pod does not start: {job.waiting}")
        return BuildVerdict("Running", Reason.BUILD_RUNNING, f"Job {job.name} is at work.")
    report = job.report
    if job.state == "Succeeded":
        if report is None or report.digest is None:
            return BuildVerdict("Lost", Reason.BUILD_FAILED, f"Job {job.name} succeeded, but its report is gone.")
        message = _success_message(report)
        return BuildVerdict("Succeeded", Reason.BUILD_SUCCEEDED, message, report.digest, report.data_sha256, report)
    if report is not None and report.outcome == "Failed":
        return BuildVerdict("Failed", report.reason, _failure_message(report), data_sha256=report.data_sha256)
    return BuildVerdict("Failed", *_infrastructure_failure(job))


def _success_message(report: BuildReport | None) -> str:
    if report is None or report.rows is None or report.metrics is None:
        return "The artifact is in the store."
    return f"Built from {report.rows} rows; F1 {report.metrics.f1:.3f}; ONNX file of {report.bytes} bytes."


def _failure_message(report: BuildReport) -> str:
    parts = [report.message]
    if report.found and report.found not in report.message:
        parts.append(f"Found: {report.found}.")
    if report.allowed and report.allowed not in report.message:
        parts.append(f"Allowed: {report.allowed}.")
    if report.remedy and report.remedy not in report.message:
        parts.append(f"To mend it: {report.remedy}.")
    return " ".join(part.replace("..", ".") if part.endswith("..") else part for part in parts)


def _infrastructure_failure(job: BuildJob) -> tuple[str, str]:
    again = f"Set the annotation andon.dev/retrain to a new value to try again; logs: kubectl logs job/{job.name}."
    if "OOMKilled" in job.failure:
        return Reason.BUILD_OUT_OF_MEMORY, (
            f"The builder ran out of memory ({job.failure}). Give builds more memory in the chart's values"
            f" (builder.resources), or use fewer rows or columns. {again}"
        )
    if "DeadlineExceeded" in job.failure:
        return Reason.BUILD_TIMED_OUT, (
            f"The build took longer than it may ({job.failure}). Raise the chart's value builder.deadlineSeconds."
            f" {again}"
        )
    if "Evicted" in job.failure:
        return Reason.BUILD_EVICTED, f"The builder's pod was evicted ({job.failure}). {again}"
    return Reason.BUILD_FAILED, f"The build failed without a report ({job.failure or 'no reason known'}). {again}"
