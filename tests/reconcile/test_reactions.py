"""Drift and lost accuracy: alert, hold, roll back; damped, remembered, and never back and forth."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from andon.core.live import Live
from andon.core.observed import Route
from andon.reconcile import Reconciler
from tests.support.cluster import succeeded
from tests.support.live import drifting, quality, scores, steady
from tests.support.runs import KEY, Run

A, B, C = (f"sha256:{letter * 64}" for letter in "abc")
DAMPED = {"after": "5m", "cooldown": "2h"}
LONG = 120
"""Looks: the monitor is asked every half a minute of the plant's time."""


def lost(digest: str, version: int, former: str = "") -> Live:
    """Give a recall that fell from 0.90 to 0.80; without a version before only a gate can say that it is too low."""
    told = [scores("stable", version, digest, 240, 300)]
    told += [scores("former", version - 1, former, 270, 300)] if former else []
    return Live(quality=quality(*told))


async def second_version(**monitoring: object) -> Run:
    """A line that version 2 serves; version 1 held it before."""
    run = Run()
    run.world.live = lambda: Live()
    run.apply(monitoring={"enabled": True, "damping": DAMPED, "recallLoss": "0.03", **monitoring})
    await run.settle(LONG)
    await build(run, "b")
    await run.settle(LONG)
    assert run.model["status"]["stable"]["digest"] == B
    return run


async def build(run: Run, letter: str) -> None:
    run.world.build = lambda job: succeeded(letter)
    run.annotate(retrain=letter)


async def wait(run: Run, minutes: float) -> None:
    """Let so much time go by, with some looks in it: operators and monitors are late now and then."""
    end = run.clock.now() + timedelta(minutes=minutes)
    step = max(30.0, minutes * 60 / 8)
    while run.clock.now() < end:
        due = run.clock.now() + timedelta(seconds=step)
        await run.turn()
        run.clock.forward(max(0.0, (due - run.clock.now()).total_seconds()))


def serves(run: Run) -> int:
    version: int = run.model["status"]["stable"]["version"]
    return version


def message(run: Run, kind: str) -> str:
    found: str = next(one["message"] for one in run.model["status"]["conditions"] if one["type"] == kind)
    return found


def events(run: Run) -> list[str]:
    return [one["reason"] for one in run.cluster.of("Event")]


async def test_alert_tells_and_changes_nothing() -> None:
    run = await second_version()
    run.world.live = lambda: Live(drifting(B).inputs, lost(B, 2, A).quality)
    await wait(run, 30)
    assert run.condition("InputsSteady") == ("False", "Drifted")
    assert run.condition("AccuracyKept") == ("False", "AccuracyLost")
    assert "Recall is 0.80 by the labels of late, at least 0.04 below the 0.90 of version 1" in message(
        run, "AccuracyKept"
    )
    assert run.condition("Ready") == ("True", "RolledOut"), "neither fails a sync"
    assert serves(run) == 2
    assert {"Drifted", "AccuracyLost"} <= set(events(run))


async def test_conditions_are_gone_where_nothing_is_watched() -> None:
    run = await second_version()
    assert run.condition("InputsSteady") == ("Unknown", "MonitorSilent")
    run.apply(monitoring={"enabled": False})
    await run.settle()
    assert run.condition("InputsSteady")[0] == run.condition("AccuracyKept")[0] == "Absent"


async def test_recall_that_is_lost_gives_the_line_back_and_leaves_it_there() -> None:
    run = await second_version(onAccuracyLoss="RollBack")
    run.world.live = lambda: lost(B, 2, A)
    await wait(run, 4)
    assert serves(run) == 2, "it has not lasted yet"
    assert "If it lasts until" in message(run, "AccuracyKept")
    await run.until(lambda: serves(run) == 1, LONG)
    await wait(run, 30)
    assert (run.model["status"]["phase"], serves(run)) == ("RolledBack", 1)
    assert run.condition("Ready") == ("False", "AccuracyLost")
    assert run.condition("Stalled") == ("True", "AccuracyLost")
    assert "at least 0.04 below" in message(run, "Ready")
    assert run.model["status"]["failedDigests"] == [B]
    assert run.servers == ["spindle-router", "spindle-v1"]
    assert "AccuracyLost" in events(run)
    assert set(run.world.routes_seen[-3:]) == {Route.of({1: 0, 2: 100}), Route.of({1: 100, 2: 0}), Route.of({1: 100})}
    # Version 1 does no better by now, but it is the last one.
    run.world.live = lambda: lost(A, 1, B)
    await wait(run, 300)
    assert serves(run) == 1
    assert "no earlier version to go back to" in message(run, "AccuracyKept")


async def test_a_gate_that_live_recall_misses_gives_the_line_back() -> None:
    gates: dict[str, Any] = {"gates": [{"metric": "recall", "min": "0.90", "bound": "point"}]}
    run = await second_version(onAccuracyLoss="RollBack", recallLoss="0.5")
    live = run.model["spec"]
    run.apply(monitoring=live["monitoring"], validation=gates)
    await run.settle(LONG)
    number = serves(run)
    digest = run.model["status"]["stable"]["digest"]
    run.world.live = lambda: lost(digest, number)
    await run.until(lambda: serves(run) != number, LONG)
    assert "recall is at most 0.84; the gate asks 0.90" in message(run, "Ready")


async def test_no_way_back_to_what_was_no_better() -> None:
    run = await second_version(onDrift="Alert", onAccuracyLoss="RollBack", recallLoss="0.5")
    run.apply(monitoring=run.model["spec"]["monitoring"], validation={"gates": [{"metric": "recall", "min": "0.90"}]})
    await run.settle(LONG)
    number, digest = serves(run), run.model["status"]["stable"]["digest"]
    before = run.cluster.objects["FaultModelVersion", f"spindle-v{number - 1}"]["spec"]["digest"]
    told = quality(scores("stable", number, digest, 240, 300), scores("former", number - 1, before, 230, 300))
    run.world.live = lambda: Live(quality=told)
    await wait(run, 30)
    assert serves(run) == number
    assert "no earlier version" in message(run, "AccuracyKept")


async def test_drift_may_give_the_line_back_too() -> None:
    run = await second_version(onDrift="RollBack")
    run.world.live = lambda: drifting(B)
    await run.until(lambda: serves(run) == 1, LONG)
    await wait(run, 10)
    assert run.condition("Ready") == ("False", "Drifted")


async def test_what_flaps_is_not_acted_on() -> None:
    run = await second_version(onDrift="RollBack")
    for _ in range(8):
        run.world.live = lambda: drifting(B)
        await wait(run, 4)
        run.world.live = lambda: steady(B)
        await wait(run, 1)
    assert serves(run) == 2


@pytest.mark.parametrize("field", ["onDrift", "onAccuracyLoss"])
async def test_hold_keeps_a_new_version_from_traffic_until_it_is_over(field: str) -> None:
    run = await second_version(**{field: "Hold"})
    run.world.live = lambda: drifting(B) if field == "onDrift" else lost(B, 2, A)
    await wait(run, 10)
    assert "No new version gains traffic while it lasts" in message(
        run, "InputsSteady" if field == "onDrift" else "AccuracyKept"
    )
    await build(run, "c")
    await wait(run, 30)
    reason = "HeldByDrift" if field == "onDrift" else "HeldByAccuracyLoss"
    assert (run.model["status"]["phase"], serves(run)) == ("Frozen", 2)
    assert run.condition("Ready") == ("False", reason)
    assert run.model["status"]["candidate"]["heldBecause"] == reason
    assert reason in events(run)
    run.world.live = lambda: (
        steady(B)
        if field == "onDrift"
        else Live(quality=quality(scores("stable", 2, B, 270, 300), scores("former", 1, A, 270, 300)))
    )
    await wait(run, 3)
    assert serves(run) == 2, "it has to be over for a while"
    await run.until(lambda: serves(run) == 3, LONG)


async def test_a_person_may_let_a_version_through_a_hold() -> None:
    run = await second_version(onAccuracyLoss="Hold")
    run.world.live = lambda: lost(B, 2, A)
    await wait(run, 10)
    await build(run, "c")
    await wait(run, 5)
    assert serves(run) == 2
    run.annotate(promote=C)
    await run.until(lambda: serves(run) == 3, LONG)


async def test_a_restarted_operator_remembers() -> None:
    run = await second_version(onDrift="RollBack")
    run.world.live = lambda: drifting(B)
    await wait(run, 4)
    run.reconciler = Reconciler(run.cluster, run.sources, run.clock, run.platform)
    run.world.live = lambda: Live()  # and the monitor is silent for a while
    await wait(run, 3)
    assert serves(run) == 2
    run.world.live = lambda: drifting(B)
    await run.turn()
    await run.turn()
    assert run.model["status"]["phase"] == "RollingBack", "what began before the restart counts"


async def test_a_second_roll_back_waits_for_the_cool_down() -> None:
    run = await second_version(onAccuracyLoss="RollBack")
    await build(run, "c")
    await run.settle(LONG)
    assert serves(run) == 3
    run.world.live = lambda: lost(C, 3, B)
    await run.until(lambda: serves(run) == 2, LONG)
    run.world.live = lambda: lost(B, 2, A)
    await wait(run, 60)
    assert serves(run) == 2
    assert "none follows before" in message(run, "AccuracyKept")
    await wait(run, 90)
    await run.until(lambda: serves(run) == 1)
    assert sorted(run.model["status"]["failedDigests"]) == [B, C]


async def test_the_version_before_that_does_not_come_up_is_not_gone_to() -> None:
    run = await second_version(onDrift="RollBack")
    run.world.healthy = lambda version: version != 1
    run.world.live = lambda: drifting(B)
    await wait(run, 60)
    assert serves(run) == 2
    assert run.condition("Available") == ("True", "Serving")
    assert run.servers == ["spindle-router", "spindle-v2"]


async def test_at_rest_nothing_is_written() -> None:
    run = await second_version(onDrift="Hold", onAccuracyLoss="Hold")
    run.world.live = lambda: drifting(B)
    await wait(run, 20)
    writes = len(run.cluster.writes)
    await wait(run, 60)
    assert run.cluster.writes[writes:] == []


SEEN = st.sampled_from(["drift", "steady", "lost", "kept", "silent"])
EVENTS = st.one_of(
    SEEN, st.sampled_from(["minutes", "hours", "build", "break", "mend", "restart", "back", "stay", "spec", "forget"])
)


class _Line:
    """A line to which things happen; what serves is checked after each look."""

    def __init__(self) -> None:
        self.run = Run(watch=self._watch)
        self.run.world.live = self._live
        self.seen = "steady"
        self.broken: set[int] = set()
        self.run.world.healthy = lambda version: version not in self.broken
        self.letter = "a"
        self.run.world.build = lambda job: succeeded(self.letter)
        self.builds = 0
        self.left: dict[str, int] = {}
        self.asked = ""

    def _live(self) -> Live:
        stable = (self.run.model.get("status") or {}).get("stable")
        if stable is None or self.seen == "silent":
            return Live()
        digest, number = stable["digest"], stable["version"]
        if self.seen in ("drift", "steady"):
            return drifting(digest) if self.seen == "drift" else steady(digest)
        caught = 150 if self.seen == "lost" else 270
        former = scores("former", 999, f"sha256:{'f' * 64}", 270, 300)
        told = quality(scores("stable", number, digest, caught, 300), former)
        return Live(inputs=steady(digest).inputs if self.seen == "well" else None, quality=told)

    def _watch(self, run: Run) -> None:
        config = run.cluster.objects.get(("ConfigMap", "spindle-router"))
        status = run.model.get("status") or {}
        if config is None or not status.get("stable"):
            return
        generation = run.model["metadata"]["generation"]
        route = Route.parse(config["metadata"]["annotations"]["andon.dev/weights"])
        versions = {one["spec"]["version"]: one["spec"]["digest"] for one in run.cluster.of("FaultModelVersion")}
        for number, weight in route.weights:
            if weight == 100 and not self.asked:
                assert self.left.get(versions[number]) != generation, "back to a version that has left for a reaction"
        note = config["metadata"]["annotations"].get("andon.dev/canary", "")
        if "ended=Drifted" in note or "ended=AccuracyLost" in note:
            gone = int(note.split("version=")[1].split(",")[0])
            if route.weight(gone) == 0:
                self.left.setdefault(versions[gone], generation)

    async def happen(self, what: str) -> None:
        run = self.run
        if what in ("drift", "steady", "lost", "kept", "silent"):
            self.seen = what
            await wait(run, 4)
        elif what in ("minutes", "hours"):
            await wait(run, 7 if what == "minutes" else 130)
        elif what == "build":
            self.builds += 1
            self.letter = "bcdef"[self.builds % 5]
            run.annotate(retrain=str(self.builds))
        elif what == "break":
            self.broken = set(range(1, 9)) - {serves(run)}
        elif what == "mend":
            self.broken = set()
        elif what == "restart":
            run.reconciler = Reconciler(run.cluster, run.sources, run.clock, run.platform)
        elif what == "back":
            self.asked = A
            run.annotate(rollback=A)
        elif what == "stay":
            run.model["metadata"].get("annotations", {}).pop("andon.dev/rollback", None)
            await wait(run, 1)
        elif what == "spec":
            run.apply(**{**self.spec, "serving": {"replicas": 1 + self.builds % 2}})
        elif what == "forget":
            run.model["status"] = {}
            run.cluster.put(run.model)
            await run.turn()
        await run.turn()

    @property
    def spec(self) -> dict[str, Any]:
        return {"monitoring": self.run.model["spec"]["monitoring"]}


async def _story(on_drift: str, on_loss: str, happenings: list[str]) -> None:
    line = _Line()
    run = line.run
    run.apply(
        monitoring={
            "enabled": True,
            "onDrift": on_drift,
            "onAccuracyLoss": on_loss,
            "recallLoss": "0.05",
            "damping": {"after": "5m", "cooldown": "1h"},
        }
    )
    await run.settle(LONG)
    for _ in range(2):  # three versions have held the line
        await line.happen("build")
        await run.settle(LONG)
    for one in happenings:
        await line.happen(one)
    line.broken = set()
    run.model["metadata"].get("annotations", {}).pop("andon.dev/rollback", None)
    line.seen = "well"  # of both: while the monitor is silent about one, what that held is held
    await wait(run, 20)
    await run.settle(LONG)
    status = run.model["status"]
    assert status["phase"] in ("Stable", "RolledBack"), status
    assert run.servers == ["spindle-router", f"spindle-v{status['stable']['version']}"]
    # Whatever is seen from now on, versions do not chase each other: each that leaves stays away.
    changes = len(run.world.routes_seen)
    for seen in ("drift", "lost", "drift", "lost"):
        line.seen = seen
        await wait(run, 130)
    routes = [route for route in run.world.routes_seen[changes:] if len(route.versions) == 1]
    served = [route.versions[0] for route in routes]
    assert served == sorted(set(served), reverse=True), "each is left once, for an earlier one"
    assert KEY.name == "spindle"


@settings(deadline=None, max_examples=8)
@given(
    on_drift=st.sampled_from(["Alert", "Hold", "RollBack", "Retrain"]),
    on_loss=st.sampled_from(["Hold", "RollBack"]),
    happenings=st.lists(EVENTS, max_size=8),
)
def test_no_version_that_has_left_comes_back_by_a_reaction(on_drift: str, on_loss: str, happenings: list[str]) -> None:
    asyncio.run(_story(on_drift, on_loss, happenings))
