"""A canary with steps through the real reconciler, on a cluster in memory."""

from datetime import timedelta
from typing import Any

import pytest

from andon.core.observed import Followed, Route
from tests.support.cluster import START, succeeded
from tests.support.runs import KEY, Run

STEPS: list[dict[str, Any]] = [{"weight": 20}, {"pause": "5m"}, {"weight": 60}, {"approval": {}}]
DIGEST_B = f"sha256:{'b' * 64}"


async def at_version_1(**rollout: object) -> Run:
    run = Run()
    run.apply(rollout={"steps": STEPS, **rollout})
    await run.settle()
    assert run.condition("Ready") == ("True", "RolledOut")
    run.world.build = lambda job: succeeded("b")
    return run


def phase(run: Run) -> str:
    return str(run.model["status"]["phase"])


def candidate(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = run.model["status"].get("candidate") or {}
    return found


async def at_weight(run: Run, weight: int) -> None:
    await run.until(lambda: candidate(run).get("weight") == weight)


def message(run: Run) -> str:
    return next(str(one["message"]) for one in run.model["status"]["conditions"] if one["type"] == "Ready")


async def test_the_first_version_goes_without_steps() -> None:
    run = await at_version_1()
    assert run.world.routes_seen == [Route.of({1: 100})]


async def test_a_version_goes_step_by_step_and_waits_for_a_person() -> None:
    run = await at_version_1()
    run.annotate(retrain="1")
    await run.until(lambda: phase(run) == "Paused")
    assert candidate(run) == {"version": 2, "digest": DIGEST_B, "weight": 20, "step": 2, "heldBecause": "Paused"}
    assert run.model["status"]["stable"]["weight"] == 80
    paused = run.clock.now()
    await at_weight(run, 60)
    assert run.clock.now() - paused >= timedelta(minutes=5)
    await run.settle()
    assert phase(run) == "AwaitingApproval"
    assert run.condition("Ready") == ("False", "AwaitingApproval")
    assert run.condition("Reconciling")[0] == run.condition("Stalled")[0] == "Absent"
    assert candidate(run)["heldBecause"] == "AwaitingApproval"
    assert run.model["status"]["stable"]["version"] == 1, "a candidate with most of the traffic is still on trial"
    assert DIGEST_B in message(run)
    run.annotate(approve=f"sha256:{'c' * 64}")
    await run.settle()
    assert phase(run) == "AwaitingApproval", "that was another one's approval"
    run.annotate(approve=DIGEST_B)
    await run.settle()
    assert run.condition("Ready") == ("True", "RolledOut")
    assert run.servers == ["spindle-router", "spindle-v2"]
    assert run.world.routes_seen == [
        Route.of({1: 100}),
        Route.of({1: 100, 2: 0}),
        Route.of({1: 80, 2: 20}),
        Route.of({1: 40, 2: 60}),
        Route.of({1: 0, 2: 100}),
        Route.of({2: 100}),
    ]


async def test_each_step_is_told_by_an_event() -> None:
    run = await at_version_1()
    run.annotate(retrain="1", approve=DIGEST_B)
    await run.settle()
    told = [event["reason"] for event in run.cluster.of("Event")]
    assert {"CanaryAdvancing", "Paused", "SwitchingTraffic", "RolledOut"} <= set(told)


async def test_a_step_begins_when_every_router_pod_follows_the_one_before() -> None:
    run = await at_version_1()
    run.annotate(retrain="1", approve=DIGEST_B)
    await run.until(lambda: candidate(run).get("weight") == 20)
    follows, before = run.world.followed, Followed(Route.of({1: 100, 2: 0}), frozenset({1, 2}))
    run.world.followed = lambda address: before  # type: ignore[method-assign]
    for _ in range(30):
        await run.turn()
    assert candidate(run)["step"] == 1
    run.world.followed = follows  # type: ignore[method-assign]
    await run.settle()
    assert run.condition("Ready") == ("True", "RolledOut")


async def test_while_it_waits_nothing_is_written() -> None:
    run = await at_version_1()
    run.annotate(retrain="1")
    await run.until(lambda: phase(run) == "Paused")
    await run.reconciler.reconcile(KEY)
    writes = len(run.cluster.writes)
    for _ in range(5):
        run.clock.forward(10)
        await run.reconciler.reconcile(KEY)
    assert run.cluster.writes[writes:] == []


@pytest.mark.parametrize("weight", [20, 60])
async def test_an_abort_gives_stable_its_traffic_back(weight: int) -> None:
    run = await at_version_1()
    run.annotate(retrain="1")
    await at_weight(run, weight)
    run.annotate(abort=DIGEST_B)
    await run.settle()
    assert phase(run) == "RolledBack"
    assert run.condition("Ready") == ("False", "Aborted")
    assert run.condition("Stalled") == ("True", "Aborted")
    assert run.condition("Available") == ("True", "Serving")
    assert run.model["status"]["stable"] == {"version": 1, "digest": f"sha256:{'a' * 64}", "weight": 100}
    assert run.model["status"]["failedDigests"] == [DIGEST_B]
    assert "candidate" not in run.model["status"]
    assert run.servers == ["spindle-router", "spindle-v1"]
    assert run.world.routes_seen[-2:] == [Route.of({1: 100, 2: 0}), Route.of({1: 100})]
    assert Route.of({1: 0, 2: 100}) not in run.world.routes_seen


async def test_an_abort_holds_when_the_annotation_goes_and_ends_with_a_new_spec() -> None:
    run = await at_version_1()
    run.annotate(retrain="1")
    await at_weight(run, 20)
    run.annotate(abort=DIGEST_B)
    await run.settle()
    run.apply(rollout={"steps": [{"weight": 50}]})
    await run.settle()
    assert run.condition("Ready") == ("False", "Aborted"), "the annotation is still there"
    assert run.servers == ["spindle-router", "spindle-v1"]
    del run.model["metadata"]["annotations"]["andon.dev/abort"]
    await run.settle()
    assert run.condition("Ready") == ("True", "RolledOut")
    assert run.model["status"]["stable"]["version"] == 2


async def test_without_the_status_a_version_that_failed_stays_away() -> None:
    run = await at_version_1()
    run.annotate(retrain="1")
    await at_weight(run, 20)
    run.annotate(abort=DIGEST_B)
    await run.settle()
    del run.model["metadata"]["annotations"]["andon.dev/abort"]
    run.model["status"] = {}
    await run.settle()
    assert run.condition("Ready") == ("False", "Aborted")
    assert run.model["status"]["failedDigests"] == [DIGEST_B]


@pytest.mark.fault
@pytest.mark.parametrize("weight", [20, 60])
async def test_a_candidate_that_breaks_down_is_rolled_back(weight: int) -> None:
    run = await at_version_1()
    run.annotate(retrain="1")
    await at_weight(run, weight)
    run.world.healthy = lambda version: version == 1
    await run.settle()
    assert phase(run) == "RolledBack"
    assert run.condition("Ready") == ("False", "CandidateFailed")
    assert run.model["status"]["failedDigests"] == [DIGEST_B]
    assert run.servers == ["spindle-router", "spindle-v1"]
    assert run.world.routes_seen[-2:] == [Route.of({1: 100, 2: 0}), Route.of({1: 100})]
    run.world.healthy = lambda version: True
    await run.settle()
    assert run.condition("Ready") == ("False", "CandidateFailed"), "not tried again by itself"
    kinds = {event["reason"]: event["type"] for event in run.cluster.of("Event")}
    assert kinds["CandidateFailed"] == "Warning"


@pytest.mark.parametrize("weight", [20, 60])
async def test_a_new_spec_in_mid_canary_takes_the_traffic_back_first(weight: int) -> None:
    run = await at_version_1()
    run.annotate(retrain="1")
    await at_weight(run, weight)
    run.world.build = lambda job: succeeded("c")
    run.annotate(retrain="2", approve=f"sha256:{'c' * 64}")
    await run.settle()
    assert run.condition("Ready") == ("True", "RolledOut")
    assert run.model["status"]["stable"]["version"] == 3
    assert "failedDigests" not in run.model["status"]
    seen = run.world.routes_seen
    assert seen[seen.index(Route.of({1: 100 - weight, 2: weight})) + 1 :][:3] == [
        Route.of({1: 100, 2: 0}),
        Route.of({1: 100}),
        Route.of({1: 100, 3: 0}),
    ]
    assert "Superseded" in [event["reason"] for event in run.cluster.of("Event")]


async def test_back_to_the_spec_that_serves_in_mid_canary() -> None:
    run = await at_version_1()
    run.annotate(retrain="1")
    await at_weight(run, 60)
    run.world.build = lambda job: succeeded("a")
    run.annotate(retrain="2")
    await run.settle()
    assert run.condition("Ready") == ("True", "RolledOut")
    assert run.model["status"]["stable"]["version"] == 1
    assert run.servers == ["spindle-router", "spindle-v1"]


async def test_going_back_to_a_version_that_was_promoted_skips_steps_and_windows() -> None:
    run = await at_version_1()
    run.annotate(retrain="1", approve=DIGEST_B)
    await run.settle()
    assert run.model["status"]["stable"]["version"] == 2
    run.apply(rollout={"steps": STEPS, "windows": [{"kind": "Allow", "cron": "0 0 1 6 *", "duration": "1h"}]})
    seen = len(run.world.routes_seen)
    run.world.build = lambda job: succeeded("a")
    run.annotate(retrain="2")
    await run.settle()
    assert run.model["status"]["stable"]["version"] == 1
    assert run.world.routes_seen[seen:] == [Route.of({1: 0, 2: 100}), Route.of({1: 100, 2: 0}), Route.of({1: 100})]


async def test_a_version_that_was_called_off_and_never_promoted_takes_the_steps() -> None:
    run = await at_version_1()
    run.annotate(retrain="1")
    await at_weight(run, 20)
    run.world.build = lambda job: succeeded("c")
    run.annotate(retrain="2", approve=f"sha256:{'c' * 64}")
    await run.settle()
    assert run.model["status"]["stable"]["version"] == 3
    run.world.build = lambda job: succeeded("b")
    run.annotate(retrain="3")
    await run.settle()
    assert phase(run) == "AwaitingApproval"
    assert candidate(run)["version"] == 2
    assert run.model["status"]["stable"]["version"] == 3


async def test_promote_cuts_the_steps_short() -> None:
    run = await at_version_1()
    run.annotate(retrain="1")
    await at_weight(run, 20)
    run.annotate(promote=DIGEST_B)
    await run.settle()
    assert run.condition("Ready") == ("True", "RolledOut")
    assert Route.of({1: 40, 2: 60}) not in run.world.routes_seen
    run.annotate(abort=DIGEST_B)
    await run.settle()
    assert run.condition("Ready") == ("True", "RolledOut"), "what serves is no candidate any more"


async def test_suspend_keeps_a_canary_where_it_is_but_lets_it_fail() -> None:
    run = await at_version_1()
    run.annotate(retrain="1")
    await at_weight(run, 20)
    run.apply(rollout={"steps": STEPS}, suspend=True)
    await run.settle()
    run.clock.forward(3600)
    await run.settle()
    assert phase(run) == "Suspended"
    assert candidate(run)["weight"] == 20
    assert candidate(run)["heldBecause"] == "Suspended"
    run.world.healthy = lambda version: version == 1
    await run.settle()
    assert run.condition("Ready") == ("False", "CandidateFailed")


async def test_outside_the_windows_no_version_gains_traffic() -> None:
    windows = [{"kind": "Allow", "cron": "0 14 * * *", "duration": "1h"}]
    run = await at_version_1(windows=windows, steps=[{"weight": 20}, {"pause": "2h"}])
    run.annotate(retrain="1")
    await run.until(lambda: phase(run) == "WaitingForWindow")
    status = run.model["status"]
    assert status["nextWindow"] == "2026-01-01T14:00:00Z"
    assert candidate(run)["heldBecause"] == "WaitingForWindow"
    assert run.condition("Reconciling")[0] == "Absent"
    await at_weight(run, 20)
    assert START + timedelta(hours=14) <= run.clock.now() < START + timedelta(hours=15)
    await run.until(lambda: phase(run) == "WaitingForWindow")
    assert run.model["status"]["nextWindow"] == "2026-01-02T14:00:00Z"
    run.annotate(abort=DIGEST_B)
    await run.settle()
    assert run.condition("Ready") == ("False", "Aborted"), "no window holds a roll-back"
    assert run.clock.now() < START + timedelta(hours=17)


async def test_a_time_zone_that_is_not_known_holds_and_is_named() -> None:
    windows = [{"kind": "Allow", "cron": "0 14 * * *", "duration": "1h", "timeZone": "Europe/Nowhere"}]
    run = await at_version_1(windows=windows)
    run.annotate(retrain="1")
    await run.settle()
    assert run.condition("Stalled") == ("True", "InvalidWindow")
    assert "Europe/Nowhere" in message(run)
    assert Route.of({1: 80, 2: 20}) not in run.world.routes_seen


async def test_other_columns_cannot_share_traffic_and_go_without_steps_once_approved() -> None:
    run = await at_version_1()
    run.world.build = lambda job: succeeded("b", columns=("torque", "wear", "speed"))
    run.annotate(retrain="1", approve=DIGEST_B)
    await run.settle()
    assert run.condition("Ready") == ("True", "RolledOut")
    assert Route.of({1: 80, 2: 20}) not in run.world.routes_seen


async def test_steps_that_change_in_mid_canary_go_on_from_the_share_that_is() -> None:
    run = await at_version_1()
    run.annotate(retrain="1")
    await run.until(lambda: phase(run) == "Paused")
    run.apply(rollout={"steps": [{"weight": 5}, {"weight": 10}, {"approval": {}}, {"weight": 50}]})
    await run.settle()
    assert phase(run) == "AwaitingApproval"
    assert candidate(run)["weight"] == 10
    assert candidate(run)["step"] == 3
    run.apply(rollout={})
    await run.settle()
    assert run.condition("Ready") == ("True", "RolledOut")


@pytest.mark.parametrize("weight", [20, 60])
async def test_a_note_that_somebody_took_away_in_mid_canary_is_found_anew(weight: int) -> None:
    run = await at_version_1()
    run.annotate(retrain="1", approve=DIGEST_B)
    await at_weight(run, weight)
    del run.cluster.objects["ConfigMap", "spindle-router"]["metadata"]["annotations"]["andon.dev/canary"]
    await run.turn()
    assert run.model["status"]["stable"]["version"] == 1
    await run.settle()
    assert run.condition("Ready") == ("True", "RolledOut")
    assert run.model["status"]["stable"]["version"] == 2
