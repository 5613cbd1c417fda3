"""The operator is killed before and after every single write of a rollout, and comes to the same end each time."""

from typing import Any

from andon.core.observed import Route
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
        stable = run.cluster.objects.get(("Deployment", f"spindle-v{route.stable}"))
        assert stable is not None, "what holds the traffic has no server"


async def _upgrade(crash_at: int | None) -> Run:
    run = Run(crash_at=crash_at, watch=_invariants)
    run.apply()
    await run.settle()
    run.world.build = lambda job: succeeded("b")
    run.annotate(retrain="1")
    await run.settle()
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


async def test_killed_at_every_write_it_comes_to_the_same_end() -> None:
    undisturbed = await _upgrade(None)
    assert undisturbed.model["status"]["stable"]["version"] == 2
    assert len(undisturbed.points) > 40
    for point in range(len(undisturbed.points)):
        run = await _upgrade(point)
        assert len(run.points) > point, "the run never came to the point at which it was to be killed"
        assert _end(run) == _end(undisturbed), f"killed {undisturbed.points[point]}"
