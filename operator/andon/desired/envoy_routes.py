"""Envoy's routes: which version a request goes to, what it carries along, and who gets a copy of it.

Envoy API reference (1.36 and later): config/route/v3, in it `WeightedCluster.use_hash_policy` and
`RouteAction.RequestMirrorPolicy`; extensions/retry/priority/previous_priorities.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from andon.api.meta import HEADER_ASSET, HEADER_MODEL, HEADER_VERSION, HEADER_VERSIONS
from andon.api.v1alpha1 import Manifest
from andon.core.observed import Followed, Identity, Route
from andon.desired.envoy_clusters import (
    METADATA,
    PROTOCOLS,
    TYPES,
    behind,
    fallback_cluster,
    is_monitor,
    monitor_cluster,
    needed,
    version_cluster,
    version_of,
)

_REQUEST_TIMEOUT = "60s"
_KEPT_BYTES = 8 * 2**20
"""Up to this size a request is kept while it is under way, to be sent again: enough for 1,024 rows of 500 numbers."""
_COPIED = "predictions-"
"""How names of routes begin whose requests are copied: predictions are, questions of health and metadata are not."""
_GRPC_INFER = "/inference.GRPCInferenceService/ModelInfer"


@dataclass(frozen=True)
class Forwarding:
    """What is done with requests.

    Attributes
    ----------
    route
        Where they go.
    stable
        The version that is not on trial.
    digests
        The artifacts of the versions, as far as they are known.
    mirrored
        Per cent of the prediction requests of which the monitor gets a copy.
    sticky_by
        Name of the header that names an asset; None: no request belongs to an asset.
    former
        The version before the stable one, while that is watched: it is named as the one that serves, so that what is
        compared stays the same pair.
    standby
        The version that answers where no connection to the stable one can be had: the former, while it stands ready
        and takes the same inputs.
    """

    route: Route
    stable: int
    digests: Mapping[int, str] = field(default_factory=dict)
    mirrored: int = 0
    sticky_by: str | None = None
    former: int | None = None
    standby: int | None = None

    @property
    def candidate(self) -> int | None:
        """The version on trial, where it gets requests or copies of them."""
        return self.route.trial_beside(self.stable)


def routes(identity: Identity, forwarding: Forwarding) -> dict[str, Any]:
    """Write the route configuration."""
    infer = rf"/v2/models/{identity.name}(/versions/[0-9]+)?/infer"
    post = {"name": ":method", "string_match": {"exact": "POST"}}
    predictions: list[tuple[dict[str, Any], str]] = [
        ({"path": _GRPC_INFER, "grpc": {}}, "grpc"),
        ({"safe_regex": {"regex": infer}, "headers": [post]}, "http"),
    ]
    others: list[tuple[dict[str, Any], str]] = [({"prefix": "/", "grpc": {}}, "grpc"), ({"prefix": "/"}, "http")]
    return {
        "@type": f"{TYPES}.config.route.v3.RouteConfiguration",
        "name": "predictions",
        "virtual_hosts": [
            {
                "name": "predictions",
                "domains": ["*"],
                "request_body_buffer_limit": _KEPT_BYTES,
                **_headers(identity, forwarding),
                "routes": [
                    *(_route(f"{_COPIED}{protocol}", match, forwarding, protocol) for match, protocol in predictions),
                    *(_route(protocol, match, forwarding, protocol) for match, protocol in others),
                ],
            }
        ],
    }


def _headers(identity: Identity, forwarding: Forwarding) -> dict[str, Any]:
    """Headers that the monitor goes by: a client's own never get through."""
    added = [_header(HEADER_MODEL, identity.name)]
    versions = versions_header(forwarding)
    if versions:
        added.append(_header(HEADER_VERSIONS, versions))
    if forwarding.sticky_by is not None:
        added.append(_header(HEADER_ASSET, f"%REQ({forwarding.sticky_by})%"))
    return {
        "request_headers_to_remove": [HEADER_MODEL, HEADER_VERSIONS, HEADER_ASSET],
        "request_headers_to_add": added,
        # Of the server that answered, which is another version's where the chosen one could not be reached.
        "response_headers_to_add": [_header(HEADER_VERSION, f'%UPSTREAM_METADATA(["{METADATA}", "version"])%')],
    }


def _header(name: str, value: str) -> dict[str, Any]:
    return {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def versions_header(forwarding: Forwarding) -> str:
    """Name the artifacts, that of the stable version first; empty where it is not known."""
    pair = (forwarding.stable, forwarding.candidate)
    if forwarding.former is not None:
        pair = (forwarding.former, forwarding.stable)
    order = [version for version in pair if version is not None]
    if any(version not in forwarding.digests for version in order):
        return ""
    return ",".join(f"{version}={forwarding.digests[version]}" for version in order)


def _route(name: str, match: dict[str, Any], forwarding: Forwarding, protocol: str) -> dict[str, Any]:
    action: dict[str, Any] = {
        "timeout": _REQUEST_TIMEOUT,
        # A prediction changes nothing, so asking again is safe where a server went away under the request. Asking
        # again goes to the next cluster of a fallback: the servers of one version tend to die together.
        "retry_policy": {
            "retry_on": "connect-failure,refused-stream,reset,unavailable",
            "num_retries": 2,
            "retry_host_predicate": [
                {
                    "name": "envoy.retry_host_predicates.previous_hosts",
                    "typed_config": {
                        "@type": f"{TYPES}.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
                    },
                }
            ],
            "host_selection_retry_max_attempts": 3,
            "retry_priority": {
                "name": "envoy.retry_priorities.previous_priorities",
                "typed_config": {
                    "@type": f"{TYPES}.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
                    "update_frequency": 1,
                },
            },
        },
        "weighted_clusters": _split(forwarding, protocol),
    }
    if forwarding.sticky_by is not None:
        action["hash_policy"] = [{"header": {"header_name": forwarding.sticky_by}}]
    mirrors = _mirrors(forwarding, protocol) if name.startswith(_COPIED) else []
    if mirrors:
        action["request_mirror_policies"] = mirrors
    return {"name": name, "match": match, "route": action}


def _split(forwarding: Forwarding, protocol: str) -> dict[str, Any]:
    """Share the requests out; the version on trial comes first at every step.

    Envoy takes the hash of the asset's name modulo the sum of the weights, 100, and goes through the list until the
    weights add up to more (`WeightedCluster.use_hash_policy`). So the candidate has the assets whose remainder is less
    than its weight, and an asset that it has at some weight it has at every greater one. A request without an asset
    is drawn at random.
    """
    route, stable = forwarding.route, forwarding.stable
    shares = sorted(
        ((version, weight) for version, weight in route.weights if weight), key=lambda one: one[0] == stable
    )
    standby = forwarding.standby if forwarding.standby in route.versions else None
    clusters = [
        {"name": _cluster(version, standby if version == stable else stable, protocol), "weight": weight}
        for version, weight in shares
    ]
    return {"clusters": clusters, **({"use_hash_policy": True} if forwarding.sticky_by is not None else {})}


def _cluster(version: int, behind: int | None, protocol: str) -> str:
    return version_cluster(version, protocol) if behind is None else fallback_cluster(version, behind, protocol)


def _mirrors(forwarding: Forwarding, protocol: str) -> list[dict[str, Any]]:
    shadow = forwarding.route.shadow
    mirrors = [_mirror(version_cluster(shadow, protocol), 100)] if shadow is not None else []
    if forwarding.mirrored:
        mirrors.append(_mirror(monitor_cluster(protocol), forwarding.mirrored))
    return mirrors


def _mirror(cluster: str, percent: int) -> dict[str, Any]:
    return {
        "cluster": cluster,
        "runtime_fraction": {"default_value": {"numerator": percent, "denominator": "HUNDRED"}},
        "disable_shadow_host_suffix_append": True,
    }


def read_route(config_dump: Manifest, clusters: Manifest) -> Followed:
    """Read from Envoy's own words which route it follows, and which versions it has addresses of.

    Parameters
    ----------
    config_dump
        Answer to `/config_dump?resource=dynamic_route_configs`.
    clusters
        Answer to `/clusters?format=json`; only clusters at work are in it, none that still warms up.
    """
    at_work = {one.get("name", ""): bool(one.get("host_statuses")) for one in clusters.get("cluster_statuses", ())}
    mentioned = {version for name in at_work if (version := version_of(name)) is not None}
    known = {version for version in mentioned if needed({version}) <= set(at_work)}
    reaches = frozenset(version for version in known if all(at_work[name] for name in needed({version})))
    found = [route for one in _hosts(config_dump) for route in one["routes"]]
    shares = {_shares(route["route"]) for route in found}
    copies = {_copies(route["route"]) for route in found if route.get("name", "").startswith(_COPIED)}
    if len(shares) != 1 or len(copies) > 1 or not needed(known) <= set(at_work):
        return Followed(None, reaches)
    weights = dict.fromkeys(known, 0) | dict(shares.pop())
    shadow, mirrored = copies.pop() if copies else (None, 0)
    if not {monitor_cluster(protocol) for protocol in PROTOCOLS} <= set(at_work):
        mirrored = 0
    try:
        route = Route.of(weights, shadow)
    except ValueError:
        return Followed(None, reaches)
    return Followed(route if set(weights) <= known else None, reaches, mirrored, _behind(found))


def _hosts(config_dump: Manifest) -> list[Manifest]:
    configs = [config.get("route_config", {}) for config in config_dump.get("configs", ())]
    return [host for config in configs for host in config.get("virtual_hosts", ())]


def _shares(action: Manifest) -> frozenset[tuple[int, int]]:
    clusters = action["weighted_clusters"]["clusters"]
    found = ((version_of(one["name"]), int(one.get("weight", 0))) for one in clusters)
    return frozenset((version, weight) for version, weight in found if version is not None)


def _behind(found: list[Manifest]) -> frozenset[int]:
    names = (cluster["name"] for one in found for cluster in one["route"]["weighted_clusters"]["clusters"])
    return frozenset(version for name in names if (version := behind(name)) is not None)


def _copies(action: Manifest) -> tuple[int | None, int]:
    """Read which version is shadowed, and per cent of what the monitor gets."""
    shadow, mirrored = None, 0
    for mirror in action.get("request_mirror_policies", ()):
        if is_monitor(mirror["cluster"]):
            mirrored = int(mirror["runtime_fraction"]["default_value"].get("numerator", 0))
        else:
            shadow = version_of(mirror["cluster"])
    return shadow, mirrored
