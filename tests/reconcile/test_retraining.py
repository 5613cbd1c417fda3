"""Builds from the data as they are: on a schedule, or because of what is seen on the line."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from andon.api.v1alpha1 import FaultModelSpec
from andon.core.cron import Cron, CronError
from andon.core.live import Live
from andon.core.notes import Retraining
from andon.reconcile import Reconciler
from tests.support.cluster import START, failed, fault_model, succeeded
from tests.support.live import drifting, inputs, quality, scores, steady
from tests.support.runs import Run

A, B = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
NIGHTLY = {"schedule": "0 3 * * *", "timeZone": "Europe/Berlin"}
"""02:00 UTC in winter; the run begins on 1 January 2026 at 00:00 UTC."""


class Line:
    """A run that counts its builds; each reads other data, where there is other data."""

    def __init__(self, **spec: object) -> None:
        self.run = Run()
        self.builds: list[str] = []
        self.letter = "a"
        self.run.world.build = self._build
        self.run.world.live = lambda: Live()
        self.run.apply(**spec)

    def _build(self, job: Any) -> Any:
        self.builds.append(job["metadata"]["name"])
        return succeeded(self.letter) if self.letter else failed()

    async def until(self, hours: float) -> None:
        """Let time go by to so many hours after the beginning, with few looks in it."""
        end = START + timedelta(hours=hours)
        while True:
            await self._calm()
            left = (end - self.run.clock.now()).total_seconds()
            if left <= 0:
                return
            self.run.clock.forward(min(left, 3600.0))

    async def _calm(self) -> None:
        """Look until nothing more comes of it at once."""
        quiet = 0
        for _ in range(40):
            before, writes = self.run.clock.now(), len(self.run.cluster.writes)
            await self.run.turn()
            self.run.clock.time = min(self.run.clock.now(), before + timedelta(seconds=10))
            quiet = quiet + 1 if len(self.run.cluster.writes) == writes else 0
            if quiet == 3:
                return

    @property
    def told(self) -> dict[str, Any]:
        found: dict[str, Any] = self.run.model["status"].get("retrain") or {}
        return found


async def test_a_schedule_reads_the_data_again_and_the_version_takes_the_whole_rollout() -> None:
    line = Line(retrain=NIGHTLY, rollout={"steps": [{"weight": 10}, {"pause": "2h"}]})
    await line.until(1)
    assert len(line.builds) == 1
    assert line.told == {"next": "2026-01-01T02:00:00Z"}
    line.letter = "b"
    await line.until(2.9)
    assert len(line.builds) == 2
    assert line.told == {"last": "2026-01-01T02:00:00Z", "because": "Schedule", "next": "2026-01-02T02:00:00Z"}
    status = line.run.model["status"]
    assert (status["candidate"]["digest"], status["candidate"]["weight"]) == (B, 10)
    await line.until(6)
    assert line.run.model["status"]["stable"]["digest"] == B
    assert len(line.builds) == 2


async def test_the_same_data_changes_nothing_that_serves() -> None:
    line = Line(retrain=NIGHTLY)
    await line.until(3)
    assert len(line.builds) == 2
    assert [one["metadata"]["name"] for one in line.run.cluster.of("FaultModelVersion")] == ["spindle-v1"]
    assert line.run.condition("Ready") == ("True", "RolledOut")


async def test_runs_that_were_missed_start_one_build() -> None:
    line = Line(retrain=NIGHTLY)
    await line.until(1)
    line.run.clock.forward(10 * 86400)  # the operator is down for ten nights
    line.run.reconciler = Reconciler(line.run.cluster, line.run.sources, line.run.clock, line.run.platform)
    await line.until(24 * 10 + 1.5)
    assert len(line.builds) == 2
    assert line.told["last"] == "2026-01-10T02:00:00Z"


async def test_nights_before_the_schedule_was_asked_for_are_not_made_up_for() -> None:
    line = Line()
    await line.until(5)
    line.run.apply(retrain=NIGHTLY)
    await line.until(20)
    assert len(line.builds) == 1
    line.run.apply(retrain={"schedule": "0 1 * * *"})  # another one: 01:00 is over for today
    await line.until(24)
    assert len(line.builds) == 1
    await line.until(26)
    assert len(line.builds) == 2


@pytest.mark.parametrize("held", ["suspend", "rollback"])
async def test_what_a_person_holds_waits_and_is_made_up_for_once(held: str) -> None:
    line = Line(retrain=NIGHTLY)
    await line.until(1)
    if held == "suspend":
        line.run.apply(retrain=NIGHTLY, suspend=True)
    else:
        line.run.annotate(rollback=A)
    await line.until(60)
    assert len(line.builds) == 1
    assert "Due since 2026-01-03T02:00:00Z (Schedule): " in line.told["waits"]
    line.run.apply(retrain=NIGHTLY, suspend=False)
    line.run.model["metadata"]["annotations"].pop("andon.dev/rollback", None)
    await line.until(62)
    assert len(line.builds) == 2
    assert "waits" not in line.told


async def test_a_build_that_fails_is_tried_again_the_next_night_and_leaves_alone_what_serves() -> None:
    line = Line(retrain=NIGHTLY)
    await line.until(1)
    line.letter = ""
    await line.until(4)
    assert line.run.model["status"]["stable"]["digest"] == A
    assert line.run.condition("Built") == ("False", "TargetMissing")
    line.letter = "b"
    await line.until(25)
    assert len(line.builds) == 2, "not before the next night"
    await line.until(27)
    assert len(line.builds) == 3
    assert line.run.model["status"]["stable"]["digest"] == B


@pytest.mark.parametrize("lost", ["note", "config", "status"])
async def test_a_note_that_is_lost_brings_no_older_plan_back(lost: str) -> None:
    line = Line(retrain=NIGHTLY)
    await line.until(1)
    line.letter = "b"
    await line.until(3)
    if lost == "note":
        live = line.run.cluster.objects["ConfigMap", "spindle-router"]
        del live["metadata"]["annotations"]["andon.dev/retraining"]
        line.run.cluster.put(live)
    elif lost == "config":
        line.run.cluster.remove("ConfigMap", "spindle-router")
    else:
        line.run.model["status"] = {}
        line.run.cluster.put(line.run.model)
    await line.until(5)
    assert line.run.model["status"]["stable"]["digest"] == B
    assert len(line.builds) == 2


WATCHED = {"enabled": True, "damping": {"after": "5m", "cooldown": "6h"}}


async def test_drift_that_lasts_builds_anew_once_until_the_cool_down_is_over() -> None:
    line = Line(monitoring={**WATCHED, "onDrift": "Retrain"})
    await line.until(1)
    line.run.world.live = lambda: drifting(A)
    await line.until(6)
    assert len(line.builds) == 2
    assert line.told["because"] == "Drift"
    message = next(one["message"] for one in line.run.model["status"]["conditions"] if one["type"] == "InputsSteady")
    assert "by reaction not before" in message
    await line.until(8)
    assert len(line.builds) == 3, "it drifts still, and the cool-down is over"


async def test_lost_accuracy_builds_anew_too() -> None:
    line = Line(monitoring={**WATCHED, "onAccuracyLoss": "Retrain", "recallLoss": "0.03"})
    told = quality(scores("stable", 1, A, 240, 300), scores("former", 9, B, 290, 300))
    line.run.world.live = lambda: Live(quality=told)
    await line.until(2)
    assert len(line.builds) == 2
    assert line.told["because"] == "AccuracyLoss"


@pytest.mark.parametrize("cause", ["Drift", "Schedule"])
async def test_a_broken_sensor_keeps_from_retraining(cause: str) -> None:
    wanted: dict[str, Any] = {"retrain": NIGHTLY} if cause == "Schedule" else {}
    line = Line(monitoring={**WATCHED, "onDrift": "Retrain" if cause == "Drift" else "Alert"}, **wanted)
    await line.until(1)
    line.run.world.live = lambda: Live(inputs=inputs(A, torque="Drifted", wear="stuck"))
    await line.until(4)
    assert len(line.builds) == 1
    assert "sensors look broken (wear (stuck)), so the data would be wrong" in line.told["waits"]
    if cause == "Drift":
        conditions = line.run.model["status"]["conditions"]
        message = next(one["message"] for one in conditions if one["type"] == "InputsSteady")
        assert "but not yet: sensors look broken" in message
    line.run.world.live = lambda: drifting(A) if cause == "Drift" else steady(A)
    await line.until(5)
    assert len(line.builds) == 2


async def test_a_kill_between_a_job_and_its_note_starts_the_same_build() -> None:
    line = Line(retrain=NIGHTLY)
    await line.until(1.9)
    line.run.points.clear()
    line.run.clock.forward(900)
    await line.run.turn()
    writes = list(line.run.points)
    jobs = next(place for place, what in enumerate(writes) if what.startswith("after create Job"))
    other = Line(retrain=NIGHTLY)
    await other.until(1.9)
    other.run.points.clear()
    other.run.clock.forward(900)
    other.run.crash_at = jobs
    await other.run.turn()
    other.run.crash_at = None
    await other.until(4)
    assert len(other.builds) == 2
    assert other.builds[1] == next(what.rpartition(" ")[2] for what in writes if what.startswith("after create Job"))


@pytest.mark.parametrize(
    ("spec", "good"),
    [
        ({"retrain": NIGHTLY}, True),
        ({"retrain": NIGHTLY, "pinned": True}, False),
        ({"monitoring": {"enabled": True, "onDrift": "Retrain"}}, True),
        ({"monitoring": {"enabled": True, "onDrift": "Retrain"}, "pinned": True}, False),
        ({"retrain": {"schedule": "every night"}}, False),
        ({"pinned": True}, True),
    ],
)
def test_only_data_that_can_change_is_read_again(spec: dict[str, Any], good: bool) -> None:
    manifest = fault_model(**{key: value for key, value in spec.items() if key != "pinned"})
    if spec.get("pinned"):
        manifest["spec"]["source"]["train"]["data"]["sha256"] = "a" * 64
    if good:
        FaultModelSpec.model_validate(manifest["spec"])
    else:
        with pytest.raises(ValidationError):
            FaultModelSpec.model_validate(manifest["spec"])


async def test_a_time_zone_that_nobody_knows_is_told() -> None:
    line = Line(retrain={"schedule": "0 3 * * *", "timeZone": "Mars/Olympus"})
    await line.until(1)
    assert line.told == {"waits": "spec.retrain: time zone Mars/Olympus is not known."}


def test_times_of_a_schedule_come_once_when_clocks_change() -> None:
    cron = Cron("30 2 * * *", "Europe/Berlin")
    spring = [datetime(2026, 3, 28, 0, tzinfo=UTC)]
    for _ in range(3):
        found = cron.next(spring[-1])
        assert found is not None
        spring.append(found)
    assert [f"{time:%d %H:%M}" for time in spring[1:]] == ["28 01:30", "29 01:30", "30 00:30"]
    assert cron.last(spring[2]) == spring[2]
    assert Cron("0 0 30 2 *", "UTC").next(spring[0]) is None
    with pytest.raises(CronError):
        Cron("61 * * * *", "UTC")


@pytest.mark.parametrize(
    "note",
    [
        Retraining(),
        Retraining("ab12", START),
        Retraining("", None, START, "Drift"),
        Retraining("ab12", START, START + timedelta(hours=3), "Schedule"),
    ],
)
def test_the_note_is_read_as_it_was_written(note: Retraining) -> None:
    assert Retraining.parse(str(note)) == note
