"""The analysis takes part in each step: the real reconciler, on a cluster in memory, with counts that a test gives."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from andon.core.observed import Route
from tests.support import evidence
from tests.support.cluster import START, succeeded
from tests.support.runs import KEY, Run

DIGEST_A, DIGEST_B = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
STEPS: list[dict[str, Any]] = [{"shadow": "10m"}, {"weight": 20}, {"weight": 60}]
RATE = 5.0
"""Requests a second to each version."""


def analysis(**more: object) -> dict[str, object]:
    return {"limits": {"errorRate": "0.05"}, "maxHold": "2h", **more}


async def at_version_1(steps: list[dict[str, Any]] = STEPS, **rollout: object) -> Run:
    run = Run()
    run.apply(rollout={"analysis": analysis(), "steps": steps, **rollout}, monitoring={"enabled": True})
    await run.settle()
    run.world.build = lambda job: succeeded("b")
    return run


def requests(run: Run) -> int:
    return int((run.clock.now() - START).total_seconds() * RATE)


def failing(run: Run, share: float) -> Callable[[int], object]:
    return lambda version: evidence.traffic(run.clock.now(), requests(run), failed=int(requests(run) * share))


def seen(run: Run, share: float = 0.0, **more: Any) -> None:
    """Let routers and monitor count from now on."""
    run.world.traffic = failing(run, share)  # type: ignore[assignment]
    run.world.comparison = lambda old, new: evidence.comparison(run.clock.now(), old, new, requests(run), **more)


def status(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = run.model["status"]
    return found


def message(run: Run) -> str:
    return next(str(one["message"]) for one in status(run)["conditions"] if one["type"] == "Ready")


def weights(run: Run) -> list[int]:
    return [route.weight(2) for route in run.world.routes_seen]


async def test_a_good_candidate_goes_from_shadow_to_all_traffic_on_evidence() -> None:
    run = await at_version_1()
    seen(run)
    run.annotate(retrain="1")
    await run.until(lambda: status(run)["phase"] == "Shadow")
    began = run.clock.now()
    assert run.world.routes_seen[-1] in (Route.of({1: 100, 2: 0}), Route.of({1: 100, 2: 0}, shadow=2))
    assert status(run)["candidate"]["step"] == 1
    await run.until(lambda: 20 in weights(run), rounds=100)
    assert run.clock.now() - began >= timedelta(minutes=10)
    await run.settle()
    assert run.condition("Ready") == ("True", "RolledOut")
    assert run.world.routes_seen[1:] == [
        Route.of({1: 100, 2: 0}),
        Route.of({1: 100, 2: 0}, shadow=2),
        Route.of({1: 80, 2: 20}),
        Route.of({1: 40, 2: 60}),
        Route.of({1: 0, 2: 100}),
        Route.of({2: 100}),
    ]
    told = status(run)["evidence"]
    assert (told["version"], told["verdict"]) == (2, "Pass")
    assert told["metrics"][0]["name"] == "errorRate"


@pytest.mark.parametrize(
    ("assets", "said"),
    [
        (8, "at 20% of 8 assets the candidate has 1.6 on average, and none with a chance of 17%; from 32% on"),
        (500, "at 20% of 500 assets the candidate has 100 on average."),
        (0, ""),
    ],
)
async def test_what_a_share_means_for_assets_is_said_while_it_lasts(assets: int, said: str) -> None:
    run = await at_version_1([{"weight": 20}, {"pause": "5m"}])
    seen(run, assets=assets)
    run.annotate(retrain="1")
    await run.until(lambda: status(run)["phase"] == "Paused", rounds=100)
    assert (said in message(run)) if said else ("assets" not in message(run))
    await run.settle()
    assert run.condition("Ready") == ("True", "RolledOut")
    assert "assets" not in message(run)


@pytest.mark.fault
@pytest.mark.parametrize("step", [0, 20, 60])
async def test_a_broken_limit_takes_it_off_the_line_at_once(step: int) -> None:
    run = await at_version_1()
    seen(run)
    run.annotate(retrain="1")
    await run.until(lambda: run.world.routes_seen[-1].trial_beside(1) == 2 and weights(run)[-1] == step, rounds=200)
    run.world.traffic = failing(run, 0.2)  # type: ignore[assignment]
    broken = run.clock.now()
    await run.settle()
    assert run.clock.now() - broken < timedelta(minutes=1)
    assert status(run)["phase"] == "RolledBack"
    assert run.condition("Ready") == ("False", "AnalysisFailed")
    assert status(run)["failedDigests"] == [DIGEST_B]
    assert "over the limit of 0.05" in message(run)
    assert status(run)["evidence"]["verdict"] == "Fail"
    assert run.servers == ["spindle-router", "spindle-v1"]
    assert run.world.routes_seen[-2:] == [Route.of({1: 100, 2: 0}), Route.of({1: 100})]
    kinds = {event["reason"]: event["type"] for event in run.cluster.of("Event")}
    assert kinds["AnalysisFailed"] == "Warning"


@pytest.mark.fault
@pytest.mark.parametrize(
    ("limits", "more", "said"),
    [
        ({"disagreement": "0.02"}, {"disagreements": 400}, "answered otherwise"),
        ({"recallLoss": "0.05"}, {"faults": (40, 2, 200)}, "recall is at least"),
        ({"errorRate": "0.05"}, {"invalid": 300}, "NaN"),
    ],
)
async def test_what_only_the_monitor_sees_breaks_a_limit_too(
    limits: dict[str, str], more: dict[str, Any], said: str
) -> None:
    run = await at_version_1(analysis=analysis(limits=limits))
    seen(run, **more)
    run.annotate(retrain="1")
    await run.settle()
    assert run.condition("Ready") == ("False", "AnalysisFailed")
    assert said in message(run)
    assert max(weights(run)) == 0, "it never got a request of its own"


@pytest.mark.fault
async def test_slow_answers_break_the_limit_of_latency() -> None:
    run = await at_version_1(analysis=analysis(limits={"latency": {"limit": "50ms"}}))
    run.world.traffic = lambda version: evidence.traffic(run.clock.now(), requests(run), slow=requests(run) // 10)
    run.annotate(retrain="1")
    await run.settle()
    assert run.condition("Ready") == ("False", "AnalysisFailed")
    assert "slower than the limit of latency" in message(run)


@pytest.mark.fault
async def test_without_evidence_it_holds_then_asks_a_person_and_is_never_promoted() -> None:
    run = await at_version_1()
    run.annotate(retrain="1")
    await run.until(lambda: status(run)["phase"] == "AwaitingEvidence", rounds=200)
    assert run.condition("Reconciling")[0] == run.condition("Stalled")[0] == "Absent"
    assert status(run)["candidate"]["heldBecause"] == "AwaitingEvidence"
    assert "no fresh data" in message(run)
    run.clock.forward(7200)
    await run.until(lambda: status(run)["phase"] == "AwaitingApproval")
    assert run.condition("Ready") == ("False", "EvidenceExhausted")
    assert DIGEST_B in message(run)
    run.clock.forward(72000)
    for _ in range(20):
        await run.turn()
    assert max(weights(run)) == 0
    run.annotate(approve=DIGEST_B)
    await run.until(lambda: 20 in weights(run))


async def test_an_approval_beforehand_does_not_stand_for_evidence() -> None:
    run = await at_version_1()
    run.annotate(retrain="1", approve=DIGEST_B)
    await run.until(lambda: status(run)["phase"] == "AwaitingEvidence", rounds=200)
    for _ in range(20):
        await run.turn()
    assert max(weights(run)) == 0


@pytest.mark.fault
async def test_labels_may_come_late() -> None:
    run = await at_version_1(analysis=analysis(limits={"recallLoss": "0.05"}, labelDelay="8h", onNoData="RollBack"))
    seen(run)
    run.annotate(retrain="1")
    await run.until(lambda: status(run)["phase"] == "AwaitingEvidence", rounds=200)
    run.clock.forward(7 * 3600)
    for _ in range(5):
        await run.turn()
    assert status(run)["phase"] == "AwaitingEvidence"
    seen(run, faults=(0, 0, 400))
    await run.settle()
    assert run.condition("Ready") == ("True", "RolledOut")


async def test_lack_of_evidence_withdraws_where_that_is_asked_for_and_is_no_failure() -> None:
    run = await at_version_1(analysis=analysis(onExhausted="RollBack"))
    run.annotate(retrain="1")
    await run.until(lambda: status(run)["phase"] == "AwaitingEvidence", rounds=200)
    run.clock.forward(7200)
    await run.settle()
    assert status(run)["phase"] == "RolledBack"
    assert run.condition("Ready") == ("False", "EvidenceMissing")
    assert run.condition("Stalled") == ("True", "EvidenceMissing")
    assert "failedDigests" not in status(run)
    assert run.servers == ["spindle-router", "spindle-v1"]
    seen(run)
    run.apply(
        rollout={"analysis": analysis(onExhausted="RollBack", minRequests=100), "steps": STEPS},
        monitoring={"enabled": True},
    )
    await run.settle(rounds=200)
    assert run.condition("Ready") == ("True", "RolledOut"), "a changed spec lets it try again"


@pytest.mark.fault
async def test_a_source_that_is_silent_for_a_moment_withdraws_nothing() -> None:
    run = await at_version_1(analysis=analysis(onNoData="RollBack", minRequests=1_000_000))
    seen(run)
    run.annotate(retrain="1")
    await run.until(lambda: status(run)["phase"] == "AwaitingEvidence", rounds=200)
    run.world.traffic = lambda version: None
    run.clock.forward(10)
    await run.turn()
    note = run.cluster.objects["ConfigMap", "spindle-router"]["metadata"]["annotations"]["andon.dev/canary"]
    assert "blind=" in note
    seen(run)
    run.clock.forward(600)
    await run.turn()
    note = run.cluster.objects["ConfigMap", "spindle-router"]["metadata"]["annotations"]["andon.dev/canary"]
    assert "blind=" not in note
    run.world.traffic = lambda version: None
    await run.turn()
    run.clock.forward(301)
    await run.settle()
    assert run.condition("Ready") == ("False", "EvidenceMissing")
    assert "failedDigests" not in status(run)


async def test_what_was_withdrawn_may_be_promoted_by_a_person() -> None:
    run = await at_version_1(analysis=analysis(onExhausted="RollBack", maxHold="1m"))
    run.annotate(retrain="1")
    await run.settle(rounds=200)
    assert run.condition("Ready") == ("False", "EvidenceMissing")
    run.annotate(promote=DIGEST_B)
    await run.settle()
    assert run.condition("Ready") == ("True", "RolledOut")


async def test_counts_reach_the_status_every_few_minutes_only() -> None:
    run = await at_version_1(analysis=analysis(minRequests=1_000_000))
    seen(run)
    run.annotate(retrain="1")
    await run.until(lambda: status(run)["phase"] == "AwaitingEvidence", rounds=200)
    writes = len(run.cluster.writes)
    for _ in range(60):
        run.clock.forward(10)
        await run.reconciler.reconcile(KEY)
    written = run.cluster.writes[writes:]
    assert 2 <= len(written) <= 4, written
    assert set(written) == {"status FaultModel spindle"}


async def test_a_monitor_that_speaks_nonsense_is_no_data() -> None:
    run = await at_version_1(analysis=analysis(limits={"disagreement": "0.02"}))
    seen(run)

    def long_ago(old: str, new: str) -> object:
        stale: datetime = run.clock.now() - timedelta(minutes=6)
        return evidence.comparison(stale, old, new, 10_000)

    run.world.comparison = long_ago  # type: ignore[assignment]
    run.annotate(retrain="1")
    await run.until(lambda: status(run)["phase"] == "AwaitingEvidence", rounds=200)
    assert "no fresh data" in message(run)


async def test_an_approval_before_the_first_request_needs_no_evidence() -> None:
    run = await at_version_1(steps=[{"approval": {}}, {"weight": 20}])
    seen(run)
    run.annotate(retrain="1")
    await run.until(lambda: status(run)["phase"] == "AwaitingApproval")
    run.annotate(approve=DIGEST_B)
    await run.settle()
    assert run.condition("Ready") == ("True", "RolledOut")
