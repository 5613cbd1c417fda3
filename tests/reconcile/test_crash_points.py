"""The operator is killed before and after every single write of a rollout, and comes to the same end each time."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from andon.core.observed import Route
from andon.core.traffic_counts import Traffic
from tests.support import evidence
from tests.support.cluster import succeeded
from tests.support.runs import Run


def _invariants(run: Run) -> None:
    status = run.model.get("status", {})
    for condition in status.get("conditions", ()):
        if condition["type"] == "Ready" and condition["status"] == "True":
            assert condition["observedGeneration"] == run.model["metadata"]["generation"]
    if ("ConfigMap", "spindle-router") in run.cluster.objects:
        config = run.cluster.objects["ConfigMap", "spindle-router"]
        route = Route.parse(config["metadata"]["annotations"]["andon.dev/weights"])
        for version, weight in route.weights:
            server = run.cluster.objects.get(("Deployment", f"spindle-v{version}"))
            assert server is not None or not weight, "what gets traffic has no server"


Story = Callable[[Run], Awaitable[None]]
DIGEST_B = f"sha256:{'b' * 64}"
STEPS = [{"weight": 20}, {"pause": "5m"}, {"weight": 60}, {"approval": {}}]


async def _upgrade(run: Run) -> None:
    run.apply()
    await run.settle()
    run.world.build = lambda job: succeeded("b")
    run.annotate(retrain="1")
    await run.settle()


async def _canary(run: Run) -> None:
    run.apply(rollout={"steps": STEPS})
    await run.settle()
    run.skipped = len(run.points)  # killed there by the story without steps
    run.world.build = lambda job: succeeded("b")
    run.annotate(retrain="1")
    await run.settle()
    assert run.model["status"]["phase"] == "AwaitingApproval"


async def _canary_told_elsewhere(run: Run) -> None:
    await _canary(run)
    run.skipped = len(run.points)


async def _promoted(run: Run) -> None:
    await _canary(run)
    run.annotate(approve=DIGEST_B)
    await run.settle()


async def _aborted(run: Run) -> None:
    await _canary_told_elsewhere(run)
    run.annotate(abort=DIGEST_B)
    await run.settle()


async def _broken(run: Run) -> None:
    await _canary_told_elsewhere(run)
    run.world.healthy = lambda version: version == 1
    await run.settle()


async def _superseded(run: Run) -> None:
    await _canary_told_elsewhere(run)
    run.world.build = lambda job: succeeded("c")
    run.annotate(retrain="2", approve=f"sha256:{'c' * 64}")
    await run.settle()


JUDGED = {"steps": [{"shadow": "10s"}, {"weight": 20}], "watch": "10s", "analysis": {"limits": {"errorRate": "0.05"}}}


async def _judged(run: Run, failed: int = 0) -> None:
    def counted(version: int) -> Traffic | None:
        asked = run.world.routes_seen[-1].trial_beside(1) == version
        return evidence.traffic(run.clock.now(), 5000, failed=failed) if asked else None

    run.world.traffic = counted
    run.apply(rollout=JUDGED)
    await run.settle()
    run.skipped = len(run.points)
    run.world.build = lambda job: succeeded("b")
    run.annotate(retrain="1")


async def _passed(run: Run) -> None:
    await _judged(run)
    await run.settle()


async def _failed_in_shadow(run: Run) -> None:
    await _judged(run, failed=1000)
    await run.settle()


async def _watched(run: Run) -> None:
    await _judged(run)
    await run.until(lambda: run.model["status"]["phase"] == "Watching", rounds=100)
    run.skipped = len(run.points)


async def _failed_while_watched(run: Run) -> None:
    await _watched(run)
    run.world.healthy = lambda version: version == 1
    await run.settle()


async def _gone_back(run: Run) -> None:
    await _passed(run)
    run.skipped = len(run.points)
    run.annotate(rollback=f"sha256:{'a' * 64}")
    await run.settle()


async def _tell(story: Story, crash_at: int | None) -> Run:
    run = Run(crash_at=crash_at, watch=_invariants)
    await story(run)
    return run


def _end(run: Run) -> dict[str, Any]:
    status = run.model["status"]
    return {
        "stable": status["stable"],
        "phase": status["phase"],
        "conditions": [(one["type"], one["status"], one["reason"]) for one in status["conditions"]],
        "objects": sorted(place for place in run.cluster.objects if place[0] != "Event"),
        "routes": run.world.routes_seen,
    }


@pytest.mark.fault
@pytest.mark.parametrize(
    ("story", "version", "reason"),
    [
        (_upgrade, 2, "RolledOut"),
        (_promoted, 2, "RolledOut"),
        (_aborted, 1, "Aborted"),
        (_broken, 1, "CandidateFailed"),
        (_superseded, 3, "RolledOut"),
        (_passed, 2, "RolledOut"),
        (_failed_in_shadow, 1, "AnalysisFailed"),
        (_failed_while_watched, 1, "CandidateFailed"),
        (_gone_back, 1, "RollbackAsked"),
    ],
    ids=lambda value: getattr(value, "__name__", "").strip("_") or None,
)
async def test_killed_at_every_write_it_comes_to_the_same_end(story: Story, version: int, reason: str) -> None:
    undisturbed = await _tell(story, None)
    assert undisturbed.model["status"]["stable"]["version"] == version
    assert undisturbed.condition("Ready")[1] == reason
    assert len(undisturbed.points) - undisturbed.skipped > 15
    for point in range(undisturbed.skipped, len(undisturbed.points)):
        run = await _tell(story, point)
        assert len(run.points) > point, "the run never came to the point at which it was to be killed"
        assert _end(run) == _end(undisturbed), f"killed {undisturbed.points[point]}"
