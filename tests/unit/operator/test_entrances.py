"""What is read from a Service and from routes under Gateways, when no router pod can be asked."""

from typing import Any

import pytest

from andon.api.traffic import Traffic
from andon.core.observed import Identity, Route
from andon.desired.children import provider
from andon.desired.envoy_routes import Forwarding
from andon.desired.platform import Images, Platform
from andon.desired.providers import Asked, Live

IDENTITY = Identity("plant", "spindle", "uid", 1)
PLATFORM = Platform(images=Images(builder="b", triton="t", envoy="e"))
DIRECT = Traffic(provider="Direct")
GATEWAY = Traffic.model_validate(
    {
        "provider": "GatewayAPI",
        "gateway": {
            "parentRefs": [{"name": "edge", "namespace": "infra"}],
            "hostnames": ["spindle.plant.example"],
            "grpcHostnames": ["grpc.spindle.plant.example"],
        },
    }
)
SHARED = Route.of({1: 80, 2: 20})
GOOD = {"Accepted": "True", "ResolvedRefs": "True"}


def _written(traffic: Traffic, route: Route, *, mirrored: int = 0) -> dict[str, list[Any]]:
    asked = Asked(IDENTITY, traffic, Forwarding(route, 1, mirrored=mirrored), {}, 1, PLATFORM)
    live: dict[str, list[Any]] = {"Service": [], "HTTPRoute": [], "GRPCRoute": []}
    for one in provider(traffic).manifests(asked):
        one["metadata"] |= {"uid": "uid", "generation": 3}
        live.setdefault(one["kind"], []).append(one)
    return live


def _judged(live: dict[str, list[Any]], conditions: dict[str, str], generation: int = 3) -> Live:
    """Let the Gateway's controller say something of both routes."""
    said = [
        {"type": kind, "status": status, "observedGeneration": generation, "reason": "Why", "message": "so"}
        for kind, status in conditions.items()
    ]
    for kind in ("HTTPRoute", "GRPCRoute"):
        ref = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "edge", "namespace": "infra"}
        live[kind][0]["status"] = {"parents": [{"parentRef": ref, "conditions": said}]}
    return live


def _follows(traffic: Traffic, live: Live) -> tuple[set[Route | None], str]:
    entrances = provider(traffic).entrances(IDENTITY, traffic, live) or ()
    return {one.live for one in entrances}, " ".join(one.trouble for one in entrances if one.trouble)


@pytest.mark.parametrize("route", [Route.of({1: 100}), Route.of({1: 100, 2: 0})])
def test_a_service_follows_when_it_selects_the_version(route: Route) -> None:
    assert _follows(DIRECT, _written(DIRECT, route)) == ({route}, "")


def test_a_service_that_somebody_turned_round_follows_nothing() -> None:
    live = _written(DIRECT, Route.of({1: 100, 2: 0}))
    live["Service"][0]["spec"]["selector"]["andon.dev/version"] = "2"
    follows, trouble = _follows(DIRECT, live)
    assert follows == {None}
    assert "does not select" in trouble


def test_a_service_cannot_share_and_serves_the_stable_version_meanwhile() -> None:
    live = _written(DIRECT, SHARED)
    assert live["Service"][0]["spec"]["selector"]["andon.dev/version"] == "1"
    assert _follows(DIRECT, live)[0] == {None}


def test_no_service_is_no_entrance() -> None:
    assert provider(DIRECT).entrances(IDENTITY, DIRECT, {"Service": []}) == ()


@pytest.mark.parametrize(
    "route", [Route.of({1: 100}), SHARED, Route.of({1: 100, 2: 0}), Route.of({1: 100, 2: 0}, shadow=2)]
)
def test_routes_that_the_gateway_has_taken_are_followed(route: Route) -> None:
    live = _judged(_written(GATEWAY, route), GOOD)
    assert _follows(GATEWAY, live) == ({route}, "")


@pytest.mark.parametrize("percent", [1, 40, 100])
def test_copies_to_the_monitor_are_read_back(percent: int) -> None:
    live = _judged(_written(GATEWAY, SHARED, mirrored=percent), GOOD)
    assert [one.mirrored for one in provider(GATEWAY).entrances(IDENTITY, GATEWAY, live) or ()] == [percent, 0]


@pytest.mark.parametrize(
    ("conditions", "generation", "said"),
    [
        ({}, 3, "waits for the Gateway's controller"),
        (GOOD, 2, "waits for the Gateway's controller"),
        ({"Accepted": "True"}, 3, "waits for the Gateway's controller"),
        ({**GOOD, "Accepted": "False"}, 3, "Accepted is False: Why: so"),
        ({**GOOD, "ResolvedRefs": "False"}, 3, "ResolvedRefs is False: Why: so"),
    ],
)
def test_routes_that_are_not_taken_say_why(conditions: dict[str, str], generation: int, said: str) -> None:
    follows, trouble = _follows(GATEWAY, _judged(_written(GATEWAY, SHARED), conditions, generation))
    assert follows == {None}
    assert said in trouble


def test_what_another_gateway_says_counts_for_nothing() -> None:
    live = _judged(_written(GATEWAY, SHARED), GOOD)
    live["HTTPRoute"][0]["status"]["parents"][0]["parentRef"]["namespace"] = "other"
    follows, trouble = _follows(GATEWAY, live)
    assert follows == {None, SHARED}
    assert "no controller has looked" in trouble


def test_a_route_that_somebody_changed_is_not_followed() -> None:
    live = _judged(_written(GATEWAY, SHARED), GOOD)
    live["HTTPRoute"][0]["spec"]["rules"][0]["backendRefs"][0]["weight"] = 70
    assert None in _follows(GATEWAY, live)[0]
