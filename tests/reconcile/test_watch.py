"""After a promotion: the watch, the way back to a version that held all traffic, and a frozen namespace."""

from datetime import timedelta
from typing import Any

import pytest

from andon.core.observed import Route
from tests.support import evidence
from tests.support.cluster import START, succeeded
from tests.support.runs import KEY, Run

DIGEST_A, DIGEST_B, DIGEST_C = (f"sha256:{letter * 64}" for letter in "abc")
WATCHED: dict[str, Any] = {"watch": "1h"}


async def at_version_1(**rollout: object) -> Run:
    run = Run()
    run.apply(rollout=rollout)
    await run.settle()
    run.world.build = lambda job: succeeded("b")
    return run


async def at_version_2(**rollout: object) -> Run:
    run = await at_version_1(**rollout)
    run.annotate(retrain="1")
    await run.settle()
    assert status(run)["stable"]["version"] == 2
    return run


async def watched(**rollout: object) -> Run:
    run = await at_version_1(**{**WATCHED, **rollout})
    run.annotate(retrain="1")
    await run.until(lambda: status(run)["phase"] == "Watching")
    return run


def status(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = run.model["status"]
    return found


def message(run: Run) -> str:
    return next(str(one["message"]) for one in status(run)["conditions"] if one["type"] == "Ready")


def promoted(run: Run) -> str:
    config = run.cluster.objects["ConfigMap", "spindle-router"]
    return str(config["metadata"]["annotations"]["andon.dev/promoted"])


async def test_the_version_before_stands_ready_until_the_watch_is_over() -> None:
    run = await watched()
    began = run.clock.now()
    assert run.condition("Ready") == ("False", "Watching")
    assert run.condition("Reconciling")[0] == run.condition("Stalled")[0] == "Absent"
    assert run.servers == ["spindle-router", "spindle-v1", "spindle-v2"]
    assert status(run)["stable"] == {"version": 2, "digest": DIGEST_B, "weight": 100}
    await run.settle(rounds=20)
    assert timedelta(minutes=59) <= run.clock.now() - began <= timedelta(minutes=62)
    assert run.condition("Ready") == ("True", "RolledOut")
    assert run.servers == ["spindle-router", "spindle-v2"]
    assert promoted(run) == "1,2"


@pytest.mark.fault
async def test_a_version_that_breaks_down_while_watched_is_rolled_back() -> None:
    run = await watched()
    run.world.healthy = lambda version: version == 1
    await run.settle()
    assert run.condition("Ready") == ("False", "CandidateFailed")
    assert status(run)["failedDigests"] == [DIGEST_B]
    assert run.servers == ["spindle-router", "spindle-v1"]
    assert promoted(run) == "1"
    assert run.world.routes_seen[-3:] == [Route.of({1: 0, 2: 100}), Route.of({1: 100, 2: 0}), Route.of({1: 100})]


@pytest.mark.fault
async def test_where_the_version_before_is_down_too_nothing_moves() -> None:
    run = await watched()
    run.world.healthy = lambda version: False
    for _ in range(5):
        await run.turn()
    assert status(run)["stable"]["version"] == 2


@pytest.mark.fault
async def test_a_limit_broken_while_watched_takes_the_traffic_back() -> None:
    analysis = {"limits": {"errorRate": "0.05"}}
    run = await at_version_1(**WATCHED, analysis=analysis)
    share = 0.0

    def counts(version: int) -> object:
        total = int((run.clock.now() - START).total_seconds() * 100)
        return evidence.traffic(run.clock.now(), total, failed=int(share * total))

    run.world.traffic = counts  # type: ignore[assignment]
    run.annotate(retrain="1")
    await run.until(lambda: status(run)["phase"] == "Watching")
    share = 0.2
    await run.settle()
    assert run.condition("Ready") == ("False", "AnalysisFailed")
    assert "over the limit of 0.05" in message(run)
    assert status(run)["stable"]["version"] == 1
    assert status(run)["failedDigests"] == [DIGEST_B]


async def test_a_watch_lasts_through_a_build_and_ends_for_the_next_version() -> None:
    run = await watched()
    run.world.build = lambda job: succeeded("b")
    plan = status(run)["build"]["plan"]
    run.annotate(retrain="2")
    await run.until(lambda: status(run)["build"]["plan"] != plan)
    assert "spindle-v1" in run.servers
    assert status(run)["phase"] == "Watching"
    run.world.build = lambda job: succeeded("c")
    run.annotate(retrain="3")
    await run.until(lambda: "spindle-v1" not in run.servers)
    await run.until(lambda: status(run)["phase"] == "Watching" and status(run)["stable"]["version"] == 3)
    assert run.servers == ["spindle-router", "spindle-v2", "spindle-v3"]


async def test_other_columns_are_not_watched() -> None:
    run = await at_version_1(**WATCHED)
    run.world.build = lambda job: succeeded("b", columns=("torque", "wear", "speed"))
    run.annotate(retrain="1", approve=DIGEST_B)
    await run.settle()
    assert run.condition("Ready") == ("True", "RolledOut")
    assert run.servers == ["spindle-router", "spindle-v2"]


async def test_a_person_goes_back_to_a_kept_version_without_build_or_analysis() -> None:
    run = await at_version_1(steps=[{"weight": 20}], analysis={"limits": {"errorRate": "0.05"}})
    run.annotate(retrain="1", promote=DIGEST_B)
    await run.settle()
    run.world.build = lambda job: pytest.fail("a roll-back builds nothing")
    run.apply(rollout={"windows": [{"kind": "Allow", "cron": "0 0 1 6 *", "duration": "1h"}]}, suspend=True)
    seen = len(run.world.routes_seen)
    run.annotate(rollback=DIGEST_A)
    await run.settle()
    assert status(run)["stable"] == {"version": 1, "digest": DIGEST_A, "weight": 100}
    assert status(run)["phase"] == "RolledBack"
    assert run.condition("Ready") == ("False", "RollbackAsked")
    assert run.servers == ["spindle-router", "spindle-v1"]
    assert run.world.routes_seen[seen:] == [
        Route.of({1: 0, 2: 100}),
        Route.of({1: 100, 2: 0}),
        Route.of({1: 100}),
    ]
    writes = len(run.cluster.writes)
    for _ in range(3):
        await run.reconciler.reconcile(KEY)
    assert run.cluster.writes[writes:] == []


async def test_what_was_rolled_back_by_hand_stays_away_until_the_spec_changes_and_takes_the_steps_then() -> None:
    run = await at_version_2(steps=[])
    run.annotate(rollback=DIGEST_A)
    await run.settle()
    del run.model["metadata"]["annotations"]["andon.dev/rollback"]
    await run.settle()
    assert status(run)["stable"]["version"] == 1
    assert run.condition("Ready") == ("False", "RollbackAsked")
    assert status(run)["failedDigests"] == [DIGEST_B]
    run.apply(rollout={"steps": [{"weight": 20}, {"approval": {}}]})
    await run.settle()
    assert status(run)["phase"] == "AwaitingApproval"
    assert status(run)["candidate"]["version"] == 2


async def test_a_roll_back_in_mid_canary_calls_the_candidate_off() -> None:
    run = await at_version_1(steps=[{"weight": 20}, {"pause": "1h"}])
    run.annotate(retrain="1")
    await run.until(lambda: status(run)["phase"] == "Paused")
    run.annotate(rollback=DIGEST_A)
    await run.settle()
    assert run.condition("Ready") == ("False", "RollbackAsked")
    assert status(run)["failedDigests"] == [DIGEST_B]
    assert run.servers == ["spindle-router", "spindle-v1"]


async def test_a_roll_back_while_watched_is_two_writes_away() -> None:
    run = await watched()
    run.annotate(rollback=DIGEST_A)
    await run.settle()
    assert run.world.routes_seen[-3:] == [Route.of({1: 0, 2: 100}), Route.of({1: 100, 2: 0}), Route.of({1: 100})]
    assert run.condition("Ready") == ("False", "RollbackAsked")


async def test_a_roll_back_to_what_the_spec_asks_for_is_nothing_special() -> None:
    run = await at_version_2()
    run.annotate(rollback=DIGEST_B)
    await run.settle()
    assert run.condition("Ready") == ("True", "RolledOut")


@pytest.mark.parametrize("digest", [DIGEST_C, "nonsense", DIGEST_B])
async def test_a_version_that_never_held_all_traffic_is_no_way_back(digest: str) -> None:
    run = await at_version_1(steps=[{"weight": 20}, {"pause": "1h"}])
    run.annotate(retrain="1")
    await run.until(lambda: status(run)["phase"] == "Paused")
    run.annotate(rollback=digest)
    await run.settle()
    assert run.condition("Stalled") == ("True", "InvalidRollback")
    assert DIGEST_A in message(run)
    assert status(run)["stable"] == {"version": 1, "digest": DIGEST_A, "weight": 100}


async def test_a_kept_version_that_does_not_come_up_leaves_what_serves() -> None:
    run = await at_version_2()
    run.world.healthy = lambda version: version == 2
    run.annotate(rollback=DIGEST_A)
    await run.settle()
    assert status(run)["stable"]["version"] == 2
    assert run.condition("Stalled") == ("True", "ProgressDeadlineExceeded")
    assert run.servers == ["spindle-router", "spindle-v2"]


async def test_a_frozen_namespace_lets_no_version_gain_traffic_but_lets_it_go_back() -> None:
    run = await at_version_1(steps=[{"weight": 20}, {"weight": 60}])
    run.freeze(True)
    run.annotate(retrain="1")
    await run.until(lambda: status(run)["phase"] == "Frozen")
    assert run.condition("Ready") == ("False", "Frozen")
    assert status(run)["candidate"]["heldBecause"] == "Frozen"
    run.clock.forward(3600)
    for _ in range(5):
        await run.turn()
    assert max(route.weight(2) for route in run.world.routes_seen) == 0
    run.freeze(False)
    await run.settle()
    assert status(run)["stable"]["version"] == 2
    run.freeze(True)
    run.annotate(rollback=DIGEST_A)
    await run.settle()
    assert status(run)["stable"]["version"] == 1


async def test_a_freeze_does_not_hold_the_first_version() -> None:
    run = Run()
    run.freeze(True)
    run.apply()
    await run.settle()
    assert run.condition("Ready") == ("True", "RolledOut")
