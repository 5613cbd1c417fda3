"""Whole rollouts through the real reconciler, on a cluster in memory."""

import copy

import pytest

from andon.core.observed import Route
from andon.desired.platform import Images
from tests.support.cluster import failed, succeeded
from tests.support.runs import Run


async def stable_at_version_1() -> Run:
    run = Run()
    run.apply()
    await run.settle()
    assert run.condition("Ready") == ("True", "RolledOut")
    return run


async def test_first_version_is_built_served_and_ready() -> None:
    run = await stable_at_version_1()
    status = run.model["status"]
    assert status["stable"] == {"version": 1, "digest": f"sha256:{'a' * 64}", "weight": 100}
    assert status["artifact"] == {"bytes": 1000, "size": "1000", "reduction": "6.5", "f1": "0.750"}
    assert status["endpoints"]["http"] == "http://spindle.plant.svc:8000"
    assert run.servers == ["spindle-router", "spindle-v1"]
    assert run.condition("Available") == ("True", "Serving")
    assert run.condition("Stalled")[0] == run.condition("Reconciling")[0] == "Absent"
    assert status["observedGeneration"] == run.model["metadata"]["generation"]


async def test_the_very_first_status_says_unknown() -> None:
    run = Run()
    run.apply()
    await run.turn()
    assert run.condition("Ready")[0] == "Unknown"


async def test_at_rest_nothing_is_written() -> None:
    run = await stable_at_version_1()
    writes = len(run.cluster.writes)
    for _ in range(10):
        await run.turn()
    assert run.cluster.writes[writes:] == []


async def test_second_version_takes_over_step_by_step() -> None:
    run = await stable_at_version_1()
    run.world.build = lambda job: succeeded("b")
    run.annotate(retrain="1")
    await run.settle()
    assert run.condition("Ready") == ("True", "RolledOut")
    assert run.model["status"]["stable"]["version"] == 2
    assert run.servers == ["spindle-router", "spindle-v2"]
    assert run.world.routes_seen == [
        Route.of({1: 100}),
        Route.of({1: 100, 2: 0}),
        Route.of({1: 0, 2: 100}),
        Route.of({2: 100}),
    ]
    assert len(run.cluster.of("FaultModelVersion")) == 2


async def test_the_same_digest_changes_nothing() -> None:
    run = await stable_at_version_1()
    run.annotate(retrain="1")
    await run.settle()
    assert run.condition("Ready") == ("True", "RolledOut")
    assert len(run.cluster.of("FaultModelVersion")) == 1
    assert run.world.routes_seen == [Route.of({1: 100})]


async def test_a_change_of_replicas_builds_nothing() -> None:
    run = await stable_at_version_1()
    run.world.build = lambda job: pytest.fail("no build was asked for")
    run.apply(serving={"replicas": 2})
    await run.settle()
    assert run.condition("Ready") == ("True", "RolledOut")
    assert run.cluster.objects["Deployment", "spindle-v1"]["spec"]["replicas"] == 2


async def test_a_failed_build_leaves_what_serves_and_says_why() -> None:
    run = await stable_at_version_1()
    run.world.build = lambda job: failed()
    run.annotate(retrain="1")
    await run.settle()
    assert run.condition("Available") == ("True", "Serving")
    assert run.condition("Ready") == ("False", "TargetMissing")
    assert run.condition("Stalled") == ("True", "TargetMissing")
    assert run.condition("Built") == ("False", "TargetMissing")
    message = next(c["message"] for c in run.model["status"]["conditions"] if c["type"] == "Built")
    assert "column fault is missing" in message
    assert "torque, wear" in message
    assert "name another target" in message
    assert run.servers == ["spindle-router", "spindle-v1"]


async def test_a_failed_build_is_not_run_again_when_its_job_is_removed() -> None:
    run = Run()
    run.world.build = lambda job: failed()
    run.apply()
    await run.settle()
    (job,) = run.cluster.of("Job")
    run.cluster.remove("Job", job["metadata"]["name"])
    await run.settle()
    assert run.cluster.of("Job") == []
    assert run.condition("Built") == ("False", "TargetMissing")


@pytest.mark.fault
async def test_a_version_that_never_gets_ready_is_given_up() -> None:
    run = await stable_at_version_1()
    run.world.build = lambda job: succeeded("b")
    run.world.healthy = lambda version: version == 1
    run.annotate(retrain="1")
    await run.settle()
    assert run.condition("Ready") == ("False", "ProgressDeadlineExceeded")
    assert run.condition("Stalled") == ("True", "ProgressDeadlineExceeded")
    message = next(c["message"] for c in run.model["status"]["conditions"] if c["type"] == "Ready")
    assert "CrashLoopBackOff" in message
    assert run.condition("Available") == ("True", "Serving")
    assert run.model["status"]["failedDigests"] == [f"sha256:{'b' * 64}"]
    assert run.servers == ["spindle-router", "spindle-v1"]
    assert Route.of({1: 0, 2: 100}) not in run.world.routes_seen


_ENDED = {"terminated": {"exitCode": 3, "message": "DigestMismatch"}}


@pytest.mark.parametrize(
    "ailing",
    [
        {"state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}, "lastState": _ENDED},
        {"state": {"running": {}}, "lastState": _ENDED, "ready": False},
        {"state": {"waiting": {"reason": "PodInitializing"}}, "lastState": _ENDED},
    ],
    ids=["waits for the next try", "tries again", "is about to try again"],
)
async def test_why_it_never_gets_ready_is_told_whatever_its_container_does_just_then(ailing: dict[str, object]) -> None:
    run = await stable_at_version_1()
    run.world.build = lambda job: succeeded("b")
    run.world.healthy, run.world.ailing = lambda version: version == 1, ailing
    run.annotate(retrain="1")
    await run.settle()
    assert run.condition("Ready") == ("False", "ProgressDeadlineExceeded")
    message = next(c["message"] for c in run.model["status"]["conditions"] if c["type"] == "Ready")
    assert "(exit code 3): DigestMismatch" in message


async def test_more_replicas_are_no_other_chance_for_a_failed_version() -> None:
    run = await stable_at_version_1()
    run.world.build = lambda job: succeeded("b")
    run.world.healthy = lambda version: version == 1
    run.annotate(retrain="1")
    await run.settle()
    run.world.healthy = lambda version: True
    run.apply(serving={"replicas": 3})
    await run.settle()
    assert run.model["status"]["failedDigests"] == [f"sha256:{'b' * 64}"]
    assert run.model["status"]["stable"]["version"] == 1
    assert run.model["status"]["replicas"] == 3
    wanted = dict(label.split("=") for label in run.model["status"]["selector"].split(","))
    (server,) = (one for one in run.cluster.of("Deployment") if one["metadata"]["name"] == "spindle-v1")
    assert wanted.items() <= server["spec"]["template"]["metadata"]["labels"].items()


async def test_another_spec_gives_a_failed_version_another_chance() -> None:
    run = await stable_at_version_1()
    run.world.build = lambda job: succeeded("b")
    run.world.healthy = lambda version: version == 1
    run.annotate(retrain="1")
    await run.settle()
    run.world.healthy = lambda version: True
    run.apply(serving={"resources": {"limits": {"memory": "2Gi"}}})
    await run.settle()
    assert run.condition("Ready") == ("True", "RolledOut")
    assert run.model["status"]["stable"]["version"] == 2
    assert "failedDigests" not in run.model["status"]


async def test_going_back_builds_and_creates_nothing() -> None:
    run = await stable_at_version_1()
    run.world.build = lambda job: succeeded("b")
    run.annotate(retrain="1")
    await run.settle()
    run.world.build = lambda job: succeeded("a")
    run.annotate(retrain="2")
    await run.settle()
    assert run.model["status"]["stable"]["version"] == 1
    assert len(run.cluster.of("FaultModelVersion")) == 2


async def test_other_columns_need_a_person() -> None:
    run = await stable_at_version_1()
    run.world.build = lambda job: succeeded("b", columns=("torque", "wear", "speed"))
    run.annotate(retrain="1")
    await run.settle()
    assert run.condition("Ready") == ("False", "SignatureChanged")
    assert run.servers == ["spindle-router", "spindle-v1"]
    run.annotate(approve=f"sha256:{'c' * 64}")
    await run.settle()
    assert run.condition("Ready") == ("False", "SignatureChanged")
    run.annotate(approve=f"sha256:{'b' * 64}")
    await run.settle()
    assert run.condition("Ready") == ("True", "RolledOut")
    assert run.servers == ["spindle-router", "spindle-v2"]


async def test_a_version_that_scores_much_worse_needs_a_person() -> None:
    gates = [{"metric": "f1", "maxLossToStable": "0.02", "bound": "point"}]
    run = Run()
    run.apply(validation={"gates": gates})
    await run.settle()
    assert run.condition("Ready") == ("True", "RolledOut")
    run.world.build = lambda job: succeeded("b", f1=0.7)
    run.annotate(retrain="1")
    await run.settle()
    assert run.condition("Ready") == ("False", "LossToStable")
    assert run.servers == ["spindle-router", "spindle-v1"], "it got no server, and so no request"
    run.annotate(approve=f"sha256:{'b' * 64}")
    await run.settle()
    assert run.condition("Ready") == ("True", "RolledOut")
    run.world.build = lambda job: succeeded("c", f1=0.69)
    run.annotate(retrain="2")
    await run.settle()
    assert run.condition("Ready") == ("True", "RolledOut"), "within what may be lost"
    assert run.model["status"]["stable"]["version"] == 3


async def test_going_back_to_a_version_that_once_served_is_no_loss() -> None:
    run = Run()
    run.apply(validation={"gates": [{"metric": "f1", "maxLossToStable": "0.02", "bound": "point"}]})
    await run.settle()
    run.world.build = lambda job: succeeded("b", f1=0.9)
    run.annotate(retrain="1")
    await run.settle()
    run.world.build = lambda job: succeeded("a")
    run.annotate(retrain="2")
    await run.settle()
    assert run.condition("Ready") == ("True", "RolledOut")
    assert run.model["status"]["stable"]["version"] == 1


async def test_a_new_spec_while_a_version_starts_drops_that_version() -> None:
    run = await stable_at_version_1()
    run.world.build = lambda job: succeeded("b")
    run.world.healthy = lambda version: version != 2
    run.annotate(retrain="1")
    await run.until(lambda: "spindle-v2" in run.servers)
    run.world.build = lambda job: succeeded("c")
    run.annotate(retrain="2")
    await run.settle()
    assert run.model["status"]["stable"]["version"] == 3
    assert run.servers == ["spindle-router", "spindle-v3"]


async def test_suspended_starts_nothing_and_serves_on() -> None:
    run = await stable_at_version_1()
    run.world.build = lambda job: pytest.fail("no build while suspended")
    run.apply(suspend=True)
    run.annotate(retrain="1")
    await run.settle()
    assert run.condition("Ready") == ("False", "Suspended")
    assert run.condition("Available") == ("True", "Serving")
    assert run.condition("Reconciling")[0] == "Absent"


async def test_what_people_change_by_hand_is_put_right() -> None:
    run = await stable_at_version_1()
    run.cluster.objects["Deployment", "spindle-v1"]["spec"]["replicas"] = 0
    run.cluster.remove("Service", "spindle")
    await run.settle()
    assert run.cluster.objects["Deployment", "spindle-v1"]["spec"]["replicas"] == 1
    assert ("Service", "spindle") in run.cluster.objects


async def test_a_deleted_fault_model_is_left_to_the_garbage_collector() -> None:
    run = await stable_at_version_1()
    run.cluster.remove("FaultModel", "spindle")
    assert [kind for kind, _ in run.cluster.objects if kind not in ("PersistentVolumeClaim", "Event")] == []
    await run.turn()
    assert run.servers == []


async def test_an_upgrade_of_andon_restarts_nothing_until_asked() -> None:
    run = await stable_at_version_1()
    before = {name: copy.deepcopy(run.cluster.objects["Deployment", name]["spec"]) for name in run.servers}
    run.upgrade(Images(builder="builder:2", triton="triton:2", envoy="envoy:2"))
    await run.settle()
    assert {name: run.cluster.objects["Deployment", name]["spec"] for name in run.servers} == before
    run.cluster.objects["Deployment", "spindle-v1"]["spec"]["replicas"] = 0
    await run.settle()
    assert run.cluster.objects["Deployment", "spindle-v1"]["spec"] == before["spindle-v1"]
    run.annotate(restart="1")
    await run.settle()
    pods = [run.cluster.objects["Deployment", name]["spec"]["template"]["spec"] for name in run.servers]
    assert [pod["containers"][0]["image"] for pod in pods] == ["envoy:2", "triton:2"]
