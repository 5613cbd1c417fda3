"""Rollouts by a Service alone and by routes under a Gateway, through the real reconciler on a cluster in memory."""

from dataclasses import replace
from typing import Any

import pytest

from andon.core.observed import Route
from andon.errors import RejectedError, UnsupportedError
from tests.support.cluster import succeeded
from tests.support.runs import PLATFORM, Run

DIRECT = {"traffic": {"provider": "Direct"}}
EDGE = {"parentRefs": [{"name": "edge"}], "hostnames": ["a.example"], "grpcHostnames": ["b.example"]}
GATEWAY: dict[str, Any] = {"traffic": {"provider": "GatewayAPI", "gateway": EDGE}}
STEPS = [{"weight": 20}, {"approval": {}}]
DIGEST_B = f"sha256:{'b' * 64}"


def _run(*, gateways: bool = True, features: tuple[str, ...] = ()) -> Run:
    routes: list[Route] = []

    def watch(run: Run) -> None:
        note = run.cluster.objects.get(("ConfigMap", "spindle-router"))
        if note is not None:
            route = Route.parse(note["metadata"]["annotations"]["andon.dev/weights"])
            if not run.world.routes_seen or run.world.routes_seen[-1] != route:
                run.world.routes_seen.append(route)

    run = Run(watch=watch, platform=replace(PLATFORM, gateway_api=gateways))
    run.world.routes_seen = routes
    where = {"namespace": "plant", "labels": {}}
    run.cluster.put({"kind": "Gateway", "metadata": {"name": "edge", **where}, "spec": {"gatewayClassName": "lab"}})
    run.cluster.put(
        {
            "kind": "GatewayClass",
            "metadata": {"name": "lab"},
            "status": {"supportedFeatures": [{"name": name} for name in features]},
        }
    )
    return run


def _kinds(run: Run) -> set[tuple[str, str]]:
    kinds = ("Service", "Deployment", "HTTPRoute", "GRPCRoute", "ConfigMap", "PodDisruptionBudget")
    return {(kind, one["metadata"]["name"]) for kind in kinds for one in run.cluster.of(kind)} - {
        place for place in run.cluster.objects if "-build-" in place[1]
    }


def _selected(run: Run) -> str:
    return str(run.cluster.objects["Service", "spindle"]["spec"]["selector"].get("andon.dev/version", "router"))


async def _ready(run: Run) -> None:
    await run.turn()
    await run.until(lambda: run.condition("Ready")[0] == "True")


async def _new_version(run: Run) -> None:
    run.world.build = lambda job: succeeded("b")
    run.annotate(retrain="1")


async def test_direct_switches_one_service() -> None:
    run = _run()
    run.apply(rollout=DIRECT)
    await run.settle()
    assert run.condition("Ready") == ("True", "RolledOut")
    assert _selected(run) == "1"
    assert _kinds(run) == {
        ("Service", "spindle"),
        ("Service", "spindle-v1"),
        ("Deployment", "spindle-v1"),
        ("PodDisruptionBudget", "spindle-v1"),
        ("ConfigMap", "spindle-router"),
    }
    await _new_version(run)
    await run.settle()
    assert run.condition("Ready") == ("True", "RolledOut")
    assert _selected(run) == "2"
    assert run.servers == ["spindle-v2"]
    assert run.world.routes_seen == [
        Route.of({1: 100}),
        Route.of({1: 100, 2: 0}),
        Route.of({1: 0, 2: 100}),
        Route.of({2: 100}),
    ]


async def test_direct_waits_for_a_person_at_an_approval() -> None:
    run = _run()
    run.apply(rollout={**DIRECT, "steps": [{"approval": {}}]})
    await run.settle()
    await _new_version(run)
    await run.settle()
    assert run.condition("Ready") == ("False", "AwaitingApproval")
    assert _selected(run) == "1"
    run.annotate(approve=DIGEST_B)
    await run.settle()
    assert _selected(run) == "2"


async def test_direct_brings_a_changed_signature_once_approved() -> None:
    run = _run()
    run.apply(rollout=DIRECT)
    await run.settle()
    run.world.build = lambda job: succeeded("b", columns=("torque", "wear", "speed"))
    run.annotate(retrain="1")
    await run.settle()
    assert run.condition("Stalled") == ("True", "SignatureChanged")
    assert _selected(run) == "1"
    run.annotate(approve=DIGEST_B)
    await run.settle()
    assert (_selected(run), run.condition("Ready")) == ("2", ("True", "RolledOut"))


@pytest.mark.parametrize(
    "spec",
    [
        {"rollout": {**DIRECT, "steps": [{"weight": 20}]}},
        {"rollout": DIRECT, "monitoring": {"enabled": True}},
        {"rollout": {"traffic": {"provider": "Direct", "stickyBy": "x-asset-id"}}},
        {"rollout": {"traffic": {"provider": "GatewayAPI"}}},
        {"rollout": {"traffic": {**GATEWAY["traffic"], "provider": "Envoy"}}},
        {"rollout": {"traffic": {**GATEWAY["traffic"], "gateway": {**EDGE, "hostnames": ["b.example"]}}}},
    ],
)
async def test_what_a_provider_cannot_do_is_refused(spec: dict[str, Any]) -> None:
    run = _run()
    run.apply(**spec)
    with pytest.raises(RejectedError, match=r"provider|grpcHostnames"):
        await run.settle()


async def test_a_service_that_somebody_turned_round_is_put_right() -> None:
    run = _run()
    run.apply(rollout=DIRECT)
    await run.settle()
    run.cluster.objects["Service", "spindle"]["spec"]["selector"] = {"other": "one"}
    await run.settle()
    assert _selected(run) == "1"


async def test_a_gateways_routes_take_the_steps() -> None:
    run = _run()
    run.apply(rollout={**GATEWAY, "steps": STEPS})
    await _ready(run)
    assert {place for place in _kinds(run) if place[1] == "spindle"} == {
        ("HTTPRoute", "spindle"),
        ("GRPCRoute", "spindle"),
    }
    assert "endpoints" not in run.model["status"]
    await _new_version(run)
    await run.until(lambda: run.condition("Ready")[1] == "AwaitingApproval")
    for kind in ("HTTPRoute", "GRPCRoute"):
        (rule,) = run.cluster.objects[kind, "spindle"]["spec"]["rules"]
        assert [(one["name"], one["weight"]) for one in rule["backendRefs"]] == [("spindle-v1", 80), ("spindle-v2", 20)]
    run.annotate(approve=DIGEST_B)
    await _ready(run)
    assert run.servers == ["spindle-v2"]
    assert run.world.routes_seen == [
        Route.of({1: 100}),
        Route.of({1: 100, 2: 0}),
        Route.of({1: 80, 2: 20}),
        Route.of({1: 0, 2: 100}),
        Route.of({2: 100}),
    ]


async def test_without_host_names_for_grpc_there_is_no_route_for_it() -> None:
    run = _run()
    run.apply(rollout={"traffic": {"provider": "GatewayAPI", "gateway": {"parentRefs": EDGE["parentRefs"]}}})
    await _ready(run)
    assert run.cluster.of("GRPCRoute") == []
    (rule,) = run.cluster.objects["HTTPRoute", "spindle"]["spec"]["rules"]
    assert rule["matches"] == [{"path": {"type": "PathPrefix", "value": "/v2/models/spindle"}}]


async def test_a_gateway_that_takes_no_route_is_waited_for_and_named() -> None:
    run = _run()
    run.world.accepted = "False"
    run.apply(rollout=GATEWAY)
    for _ in range(20):
        await run.turn()
    assert run.condition("Ready")[0] == "False"
    assert run.condition("Available") == ("False", "RouterNotReady")
    told = next(one["message"] for one in run.model["status"]["conditions"] if one["type"] == "Ready")
    assert "Accepted is False" in told
    run.world.accepted = "True"
    await _ready(run)


@pytest.mark.parametrize(
    ("features", "sample", "ready"),
    [
        ((), 100, False),
        (("HTTPRoute",), 100, False),
        (("HTTPRouteRequestMirror",), 100, True),
        (("HTTPRouteRequestMirror",), 50, False),
        (("HTTPRouteRequestMirror", "HTTPRouteRequestPercentageMirror"), 50, True),
    ],
)
async def test_copies_need_a_gateway_that_can(features: tuple[str, ...], sample: int, ready: bool) -> None:
    run = _run(features=features)
    run.apply(rollout=GATEWAY, monitoring={"enabled": True, "sample": sample})
    if ready:
        await _ready(run)
        filters = run.cluster.objects["HTTPRoute", "spindle"]["spec"]["rules"][0]["filters"]
        mirror = filters[-1]["requestMirror"]
        assert mirror["backendRef"]["name"] == "andon-monitor"
        assert mirror.get("percent", 100) == sample
        return
    await _refused(run, "MirrorUnsupported", "supportedFeatures")


async def test_a_gateway_that_is_not_there_is_named() -> None:
    run = _run()
    run.cluster.remove("Gateway", "edge")
    run.apply(rollout=GATEWAY)
    await _refused(run, "GatewayMissing", "no Gateway edge in namespace plant")


async def test_without_the_chart_s_leave_there_is_no_gateway() -> None:
    run = _run(gateways=False)
    run.apply(rollout=GATEWAY)
    await _refused(run, "GatewayMissing", "gatewayAPI.enabled=true")


async def _refused(run: Run, reason: str, said: str) -> None:
    await run.turn()  # the very first status
    with pytest.raises(UnsupportedError, match=said):
        await run.turn()
    assert run.condition("Stalled") == ("True", reason)


async def test_another_provider_leaves_nothing_of_the_one_before() -> None:
    run = _run()
    run.apply(rollout=GATEWAY)
    await _ready(run)
    run.apply()
    await run.settle()
    assert run.condition("Ready")[0] == "True"
    assert _selected(run) == "router"
    assert not run.cluster.of("HTTPRoute") + run.cluster.of("GRPCRoute")
    run.apply(rollout=DIRECT)
    await run.settle()
    assert run.servers == ["spindle-v1"]
    assert _selected(run) == "1"


def _stands_in(run: Run) -> bool:
    note = run.cluster.objects.get(("ConfigMap", "spindle-router"))
    return note is not None and '"v2-http-else-v1"' in note["data"]["routes.json"]


async def test_the_version_before_stands_in_while_the_new_one_is_watched() -> None:
    run = _run()
    run.apply(rollout={"watch": "1h"})
    await run.settle()
    await _new_version(run)
    await run.until(lambda: run.condition("Ready")[1] == "Watching")
    assert _stands_in(run)
    await run.settle()
    assert run.condition("Ready") == ("True", "RolledOut")
    assert not _stands_in(run)


async def test_a_version_with_other_inputs_never_stands_in() -> None:
    stood_in: list[bool] = []
    run = Run(watch=lambda run: stood_in.append(_stands_in(run)))
    run.apply(rollout={"watch": "1h"})
    await run.settle()
    run.world.build = lambda job: succeeded("b", columns=("torque", "wear", "speed"))
    run.annotate(retrain="1", approve=DIGEST_B)
    await run.settle()
    assert run.condition("Ready") == ("True", "RolledOut")
    assert run.model["status"]["stable"]["version"] == 2
    assert not any(stood_in)
