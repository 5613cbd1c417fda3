"""Build plans, and what is made of how a build went."""

from typing import Any

import pytest

from andon.api.status import BuildResult, FaultModelStatus
from andon.api.v1alpha1 import FaultModelSpec
from andon.api.versions import FaultModelVersionSpec
from andon.core.build import judge, plan
from andon.core.observed import BuildJob, Identity, Observed, Version
from tests.support.cluster import failed, fault_model, succeeded


def observed(retrain: str = "", status: FaultModelStatus | None = None, **spec: object) -> Observed:
    return Observed(
        identity=Identity("plant", "spindle", "uid-1", 1),
        spec=FaultModelSpec.model_validate(fault_model(**spec)["spec"]),
        status=status or FaultModelStatus(),
        retrain=retrain,
    )


def version(plan_digest: str, letter: str = "a") -> Version:
    report = succeeded(letter)
    spec = {
        "faultModelName": "spindle",
        "version": 1,
        "digest": report.digest,
        "artifact": {"uri": "artifacts/a", "bytes": 1},
        "builtFrom": {"plan": plan_digest, "inputsDigest": "x", "dataSha256": "d" * 64, "generation": 1},
        "signature": report.signature,
        "runtime": report.runtime,
        "metrics": report.metrics,
    }
    return Version("spindle-v1", FaultModelVersionSpec.model_validate(spec))


@pytest.mark.parametrize(
    "change",
    [
        {"serving": {"replicas": 3}},
        {"rollout": {"progressDeadline": "5m"}},
        {"suspend": True},
    ],
)
def test_what_does_not_reach_the_builder_needs_no_build(change: dict[str, Any]) -> None:
    assert plan(observed(**change)).digest == plan(observed()).digest


def test_what_reaches_the_builder_needs_one() -> None:
    digests = {plan(observed()).digest, plan(observed("1")).digest, plan(observed("2")).digest}
    other = {"train": {"data": {"uri": "pvc://plant-data/machine.csv"}, "target": "fault", "seed": 7}}
    digests.add(plan(observed(source=other)).digest)
    assert len(digests) == 4


def test_the_jobs_name_fits_a_label() -> None:
    whole = observed()
    longest = Observed(Identity("plant", "a" * 45, "uid", 1), whole.spec, whole.status)
    assert len(plan(longest).job) <= 63


def _judged(job: BuildJob | None = None, **more: object) -> tuple[str, str, str]:
    whole = observed()
    jobs = () if job is None else (BuildJob(plan(whole).job, job.state, job.report, job.failure, job.waiting),)
    verdict = judge(Observed(whole.identity, whole.spec, whole.status, builds=jobs, **more), plan(whole))  # type: ignore[arg-type]
    return verdict.state, verdict.reason, verdict.message


@pytest.mark.parametrize(
    ("job", "state", "reason", "says"),
    [
        (None, "Absent", "", ""),
        (BuildJob("", "Running"), "Running", "BuildRunning", "at work"),
        (
            BuildJob("", "Running", waiting="ImagePullBackOff: no such image"),
            "Running",
            "BuildNotStarted",
            "no such image",
        ),
        (BuildJob("", "Succeeded", report=succeeded("a")), "Succeeded", "BuildSucceeded", "100 rows"),
        (BuildJob("", "Succeeded"), "Lost", "BuildFailed", "report is gone"),
        (BuildJob("", "Failed", report=failed("ChecksumDiffers")), "Failed", "ChecksumDiffers", "To mend it"),
        (
            BuildJob("", "Failed", failure="BackoffLimitExceeded; OOMKilled"),
            "Failed",
            "BuildOutOfMemory",
            "builder.resources",
        ),
        (BuildJob("", "Failed", failure="DeadlineExceeded: too long"), "Failed", "BuildTimedOut", "builder.deadline"),
        (BuildJob("", "Failed", failure="Evicted"), "Failed", "BuildEvicted", "evicted"),
        (BuildJob("", "Failed"), "Failed", "BuildFailed", "no reason known"),
    ],
)
def test_a_job_is_judged(job: BuildJob | None, state: str, reason: str, says: str) -> None:
    found = _judged(job)
    assert found[:2] == (state, reason)
    assert says in found[2]


def test_a_recorded_failure_stands_without_its_job() -> None:
    whole = observed()
    record = BuildResult(plan=plan(whole).digest, outcome="Failed", reason="TargetMissing", message="none", digest=None)
    assert judge(observed(status=FaultModelStatus(build=record)), plan(whole)).reason == "TargetMissing"
    assert judge(observed("again", status=FaultModelStatus(build=record)), plan(observed("again"))).state == "Absent"


def test_a_version_tells_of_its_build() -> None:
    whole = observed()
    known = Observed(whole.identity, whole.spec, whole.status, versions=(version(plan(whole).digest),))
    assert judge(known, plan(whole)).digest == f"sha256:{'a' * 64}"


def test_a_recorded_success_whose_version_is_gone_is_built_again() -> None:
    whole = observed()
    record = BuildResult(
        plan=plan(whole).digest, outcome="Succeeded", reason="BuildSucceeded", message="", digest=f"sha256:{'a' * 64}"
    )
    assert judge(observed(status=FaultModelStatus(build=record)), plan(whole)).state == "Absent"
