"""A version gets no request before it has answered its golden samples."""

import pytest

from andon.core.observed import Route
from model_builder.report import PreflightReport
from tests.support.cluster import succeeded
from tests.support.runs import Run

DIGEST_B = f"sha256:{'b' * 64}"
DIFFER = PreflightReport(outcome="Differ", message="worst sample 3 (near the decision): score 0.7, recorded 0.4.")
SLOW = PreflightReport(outcome="Slow", message="11 of 11 requests of one row took longer than 0.05 s.")


async def at_version_1() -> Run:
    run = Run()
    run.apply()
    await run.settle()
    run.world.build = lambda job: succeeded("b")
    return run


def checks(run: Run) -> list[str]:
    return [job["metadata"]["name"] for job in run.cluster.of("Job") if "-check-" in job["metadata"]["name"]]


def message(run: Run) -> str:
    return next(str(one["message"]) for one in run.model["status"]["conditions"] if one["type"] == "Ready")


async def test_every_version_is_asked_once_before_its_first_request() -> None:
    asked: list[int] = []
    run = Run()

    def answer(version: int) -> PreflightReport:
        asked.append(version)
        assert all(not route.weight(version) for route in run.world.routes_seen)
        return PreflightReport(outcome="Passed", message="as recorded")

    run.world.preflight = answer
    run.world.build = lambda job: succeeded("a")
    run.apply()
    await run.settle()
    run.world.build = lambda job: succeeded("b")
    run.annotate(retrain="1")
    await run.settle()
    run.world.build = lambda job: succeeded("a")
    run.annotate(retrain="2")
    await run.settle()
    assert run.condition("Ready") == ("True", "RolledOut")
    assert asked == [1, 2], "what has held all traffic is not asked again"
    assert checks(run) == []


@pytest.mark.fault
@pytest.mark.parametrize(
    ("said", "reason"), [(DIFFER, "GoldenSamplesDiffer"), (SLOW, "LatencyOverLimit")], ids=["wrong", "late"]
)
async def test_a_server_that_is_wrong_or_late_is_refused_and_stable_left_alone(
    said: PreflightReport, reason: str
) -> None:
    run = await at_version_1()
    run.world.preflight = lambda version: said
    run.annotate(retrain="1")
    await run.settle()
    assert run.condition("Ready") == ("False", reason)
    assert run.condition("Stalled") == ("True", reason)
    assert said.message in message(run)
    assert run.condition("Available") == ("True", "Serving")
    assert run.model["status"]["failedDigests"] == [DIGEST_B]
    assert run.world.routes_seen == [Route.of({1: 100})]
    assert run.servers == ["spindle-router", "spindle-v1"]
    assert checks(run) == []


@pytest.mark.parametrize(("limits", "asked"), [({"latency": {"limit": "50ms"}}, ["0.05"]), ({"errorRate": "0.1"}, [])])
async def test_the_limit_of_latency_is_asked_of_the_idle_server(limits: dict[str, object], asked: list[str]) -> None:
    seen: list[str] = []

    def look(run: Run) -> None:
        jobs = (run.cluster.objects["Job", name] for name in checks(run))
        words = (word for job in jobs for word in job["spec"]["template"]["spec"]["containers"][0]["args"])
        seen.extend(word.partition("=")[2] for word in words if word.startswith("--latency-limit"))

    run = Run(watch=look)
    run.apply(rollout={"steps": [{"weight": 20}], "analysis": {"limits": limits}})
    await run.settle()
    assert sorted(set(seen)) == asked


@pytest.mark.parametrize("first", [True, False])
async def test_a_job_that_cannot_ask_is_no_verdict(first: bool) -> None:
    run = Run()
    run.apply()
    if not first:
        await run.settle()
        run.world.build = lambda job: succeeded("b")
        run.annotate(retrain="1")
    run.world.preflight = lambda version: None
    await run.settle()
    assert run.condition("Ready") == ("False", "PreflightFailed")
    assert "failedDigests" not in run.model["status"]
    (job,) = checks(run)
    assert job in message(run)
    run.world.preflight = lambda version: PreflightReport(outcome="Passed", message="as recorded")
    run.cluster.remove("Job", job)
    await run.settle()
    assert run.condition("Ready") == ("True", "RolledOut")
    assert run.model["status"]["stable"]["version"] == (1 if first else 2)


async def test_the_first_version_that_differs_is_told_and_gets_nothing() -> None:
    run = Run()
    run.world.preflight = lambda version: DIFFER
    run.apply()
    await run.settle()
    assert run.condition("Ready") == ("False", "GoldenSamplesDiffer")
    assert run.world.routes_seen == []
