"""What a plant does to an operator: objects taken away, notes stripped, names taken, changes in the worst moment."""

import pytest

from andon.core.observed import Route
from andon.errors import ForbiddenError, NameTakenError
from tests.reconcile.test_rollout_whole import stable_at_version_1
from tests.support.cluster import succeeded
from tests.support.runs import KEY, Run


async def test_a_number_never_stands_for_two_artifacts() -> None:
    run = await stable_at_version_1()
    run.cluster.remove("FaultModelVersion", "spindle-v1")
    run.world.build = lambda job: succeeded("b")
    run.annotate(retrain="1")
    await run.settle()
    assert run.model["status"]["stable"] == {"version": 2, "digest": f"sha256:{'b' * 64}", "weight": 100}
    assert Route.of({1: 100, 2: 0}) in run.world.routes_seen


@pytest.mark.parametrize("note", ["andon.dev/weights", "andon.dev/since"])
@pytest.mark.parametrize("value", [None, "nonsense"])
async def test_a_note_that_somebody_took_away_is_written_anew(note: str, value: str | None) -> None:
    run = await stable_at_version_1()
    annotations = run.cluster.objects["ConfigMap", "spindle-router"]["metadata"]["annotations"]
    if value is None:
        del annotations[note]
    else:
        annotations[note] = value
    await run.settle()
    assert run.condition("Ready") == ("True", "RolledOut")
    assert run.servers == ["spindle-router", "spindle-v1"]
    assert run.cluster.objects["ConfigMap", "spindle-router"]["metadata"]["annotations"]["andon.dev/weights"] == "1=100"


async def test_an_object_of_somebody_else_is_not_taken_over() -> None:
    run = Run()
    theirs = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "spindle-v1", "namespace": "plant"},
        "spec": {},
    }
    run.cluster.put(theirs)
    run.apply()
    with pytest.raises(NameTakenError, match="Service spindle-v1"):
        await run.settle()
    assert run.condition("Ready") == ("False", "NameTaken")
    assert run.condition("Stalled") == ("True", "NameTaken")
    assert "ownerReferences" not in run.cluster.objects["Service", "spindle-v1"]["metadata"]
    run.cluster.remove("Service", "spindle-v1")
    await run.settle()
    assert run.condition("Ready") == ("True", "RolledOut")


async def test_a_right_that_is_missing_is_said_in_the_status_once() -> None:
    run = await stable_at_version_1()

    async def forbidden(manifest: object) -> None:
        raise ForbiddenError("deployments.apps is forbidden")

    run.apply(serving={"replicas": 2})
    allowed, run.cluster.apply = run.cluster.apply, forbidden  # type: ignore[method-assign]
    for _ in range(3):
        with pytest.raises(ForbiddenError):
            await run.reconciler.reconcile(KEY)
    assert run.condition("Ready") == ("False", "Forbidden")
    assert run.condition("Available")[0] == "True"
    assert run.model["status"]["observedGeneration"] == run.model["metadata"]["generation"]
    assert sum(write.startswith("create Event") for write in run.cluster.writes[-2:]) == 1
    run.cluster.apply = allowed  # type: ignore[method-assign]
    await run.settle()
    assert run.condition("Ready") == ("True", "RolledOut")
    assert run.condition("Stalled")[0] == "Absent"
