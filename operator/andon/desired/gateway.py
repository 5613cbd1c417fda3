"""Provider GatewayAPI: an HTTPRoute and, with host names of its own, a GRPCRoute, under Gateways that are there.

Gateway API reference 1.2 and later (gateway.networking.k8s.io/v1): HTTPRoute, GRPCRoute, RouteParentStatus. Used is
what every implementation has to have ("core"), but for copies, which `unsupported` guards.
"""

from collections.abc import Sequence
from typing import Any

from andon.api.meta import (
    COMPONENT_ROUTER,
    GRPC_PORT,
    HEADER_ASSET,
    HEADER_MODEL,
    HEADER_VERSIONS,
    HTTP_PORT,
    MONITOR_NAME,
    child_labels,
    version_name,
)
from andon.api.traffic import Gateway, ParentRef, Traffic
from andon.api.v1alpha1 import FaultModelSpec, Manifest
from andon.core.observed import Identity, Route, RouterPod
from andon.desired.envoy_routes import Forwarding, versions_header
from andon.desired.pods import metadata
from andon.desired.providers import Asked, Live, note

GROUP = "gateway.networking.k8s.io"
KINDS = ("HTTPRoute", "GRPCRoute")
MIRROR_FEATURE = "HTTPRouteRequestMirror"
SEVERAL_MIRRORS_FEATURE = "HTTPRouteRequestMultipleMirrors"
SAMPLED_MIRROR_FEATURE = "HTTPRouteRequestPercentageMirror"
_SERVICE = "inference.GRPCInferenceService"


class GatewayAPI:
    """Answers `andon.desired.providers.Provider`."""

    def manifests(self, asked: Asked) -> list[Manifest]:
        """Write the note and the routes."""
        gateway = _gateway(asked.traffic)
        return [note(asked), _http(asked, gateway), *([_grpc(asked, gateway)] if gateway.grpc_hostnames else [])]

    def entrances(self, identity: Identity, traffic: Traffic, live: Live) -> tuple[RouterPod, ...]:
        """Read what the Gateways say of each route: one entrance for a route under a Gateway."""
        parents = _gateway(traffic).parent_refs
        routes = [one for kind in KINDS for one in live.get(kind, ()) if one["metadata"]["name"] == identity.name]
        # A GRPCRoute has no word for copies, so what is shadowed the HTTPRoute says alone.
        shadow = next((_shadow(identity, one) for one in routes if one["kind"] == "HTTPRoute"), None)
        return tuple(_entrance(identity, one, parent, shadow) for one in routes for parent in parents)


def unsupported(spec: FaultModelSpec, features: frozenset[str]) -> str:
    """Say which feature of the Gateway API a FaultModel needs that a GatewayClass does not name; empty where none."""
    shadowed = any(getattr(step, "shadow", None) is not None for step in spec.rollout.steps)
    monitored = spec.monitoring.enabled
    needed = {
        MIRROR_FEATURE: shadowed or monitored,
        SEVERAL_MIRRORS_FEATURE: shadowed and monitored,
        SAMPLED_MIRROR_FEATURE: monitored and spec.monitoring.sample < 100,
    }
    return next((feature for feature, wanted in needed.items() if wanted and feature not in features), "")


def _gateway(traffic: Traffic) -> Gateway:
    if traffic.gateway is None:
        raise ValueError("provider GatewayAPI without a gateway: the API refuses that")
    return traffic.gateway


def _route(kind: str, asked: Asked, hostnames: Sequence[str], rule: dict[str, Any]) -> Manifest:
    identity = asked.identity
    parents = [{"group": GROUP, "kind": "Gateway", **_dumped(parent)} for parent in _gateway(asked.traffic).parent_refs]
    spec: dict[str, Any] = {"parentRefs": parents, "rules": [rule]}
    if hostnames:
        spec["hostnames"] = list(hostnames)
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": kind,
        "metadata": metadata(identity, identity.name, child_labels(identity.name, COMPONENT_ROUTER)),
        "spec": spec,
    }


def _dumped(parent: ParentRef) -> dict[str, Any]:
    return parent.model_dump(by_alias=True, exclude_none=True)


def _http(asked: Asked, gateway: Gateway) -> Manifest:
    path = "/v2" if gateway.hostnames else f"/v2/models/{asked.identity.name}"
    rule = {
        "matches": [{"path": {"type": "PathPrefix", "value": path}}],
        "filters": [_headers(asked), *_mirrors(asked)],
        "backendRefs": _shares(asked, HTTP_PORT),
    }
    return _route("HTTPRoute", asked, gateway.hostnames, rule)


def _grpc(asked: Asked, gateway: Gateway) -> Manifest:
    # The name of the model is in a gRPC request's body, which no route looks into: the host name has to do. And of two
    # routes with one host name, an HTTPRoute and a GRPCRoute, a Gateway has to refuse one (HostnameConflict).
    match = {"method": {"type": "Exact", "service": _SERVICE}}
    rule = {"matches": [match], "filters": [_headers(asked)], "backendRefs": _shares(asked, GRPC_PORT)}
    return _route("GRPCRoute", asked, gateway.grpc_hostnames, rule)


def _shares(asked: Asked, port: int) -> list[dict[str, Any]]:
    return [
        {**_backend(version_name(asked.identity.name, version), port), "weight": weight}
        for version, weight in asked.forwarding.route.weights
    ]


def _backend(service: str, port: int) -> dict[str, Any]:
    return {"group": "", "kind": "Service", "name": service, "port": port}


def _headers(asked: Asked) -> dict[str, Any]:
    versions = versions_header(asked.forwarding)
    named = {HEADER_MODEL: asked.identity.name, **({HEADER_VERSIONS: versions} if versions else {})}
    removed = [HEADER_ASSET, *([] if versions else [HEADER_VERSIONS])]
    modifier = {"set": [{"name": name, "value": value} for name, value in named.items()], "remove": removed}
    return {"type": "RequestHeaderModifier", "requestHeaderModifier": modifier}


def _mirrors(asked: Asked) -> list[dict[str, Any]]:
    forwarding: Forwarding = asked.forwarding
    shadow = forwarding.route.shadow
    mirrors: list[dict[str, Any]] = []
    if shadow is not None:
        mirrors.append({"backendRef": _backend(version_name(asked.identity.name, shadow), HTTP_PORT)})
    if forwarding.mirrored:
        percent = {"percent": forwarding.mirrored} if forwarding.mirrored < 100 else {}
        mirrors.append({"backendRef": _backend(MONITOR_NAME, HTTP_PORT), **percent})
    return [{"type": "RequestMirror", "requestMirror": mirror} for mirror in mirrors]


def _entrance(identity: Identity, route: Manifest, parent: ParentRef, shadow: int | None) -> RouterPod:
    kind, meta = route["kind"], route["metadata"]
    name = f"{kind} {meta['name']} under Gateway {parent.name}"
    trouble = _trouble(route, parent, meta["namespace"])
    if trouble:
        return RouterPod(name, meta["uid"], trouble=f"{name}: {trouble}")
    try:
        (rule,) = route["spec"]["rules"]
        weights = {_number(identity, one["name"]): int(one.get("weight", 1)) for one in rule["backendRefs"]}
        followed = Route.of(weights, shadow)
    except (KeyError, ValueError):
        return RouterPod(name, meta["uid"], trouble=f"{name} has been changed by somebody.")
    return RouterPod(name, meta["uid"], live=followed, mirrored=_copied(route).get(MONITOR_NAME, 0))


def _trouble(route: Manifest, parent: ParentRef, namespace: str) -> str:
    """Say why a Gateway does not serve a route as it is now; empty where it does."""
    wanted = {"namespace": namespace, **_dumped(parent)}
    for status in (route.get("status") or {}).get("parents") or ():
        ref = {"namespace": namespace, **status["parentRef"]}
        if any(ref.get(key) != value for key, value in wanted.items()):
            continue
        conditions = {one["type"]: one for one in status.get("conditions") or ()}
        for kind in ("Accepted", "ResolvedRefs"):
            one = conditions.get(kind)
            if one is None or one.get("observedGeneration", 0) < route["metadata"].get("generation", 0):
                return "waits for the Gateway's controller."
            if one["status"] != "True":
                return f"{kind} is {one['status']}: {one.get('reason', '')}: {one.get('message', '')}".rstrip(": ")
        return ""
    return "no controller has looked at it under this Gateway."


def _copied(route: Manifest) -> dict[str, int]:
    """Give the Services that get copies, and of how many requests in per cent."""
    filters = [one for rule in route["spec"].get("rules", ()) for one in rule.get("filters", ())]
    mirrors = [one["requestMirror"] for one in filters if one["type"] == "RequestMirror"]
    return {one["backendRef"]["name"]: int(one.get("percent", 100)) for one in mirrors}


def _shadow(identity: Identity, route: Manifest) -> int | None:
    others = (name for name in _copied(route) if name != MONITOR_NAME)
    numbers = (name.removeprefix(_prefix(identity)) for name in others)
    return next((int(number) for number in numbers if number.isdigit()), None)


def _prefix(identity: Identity) -> str:
    return version_name(identity.name, 0).removesuffix("0")


def _number(identity: Identity, service: str) -> int:
    return int(service.removeprefix(_prefix(identity)))
