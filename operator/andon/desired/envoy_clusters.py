"""Envoy's clusters: the servers of each version, each version with another one to fall back to, and the monitor.

Envoy API reference (1.36 and later): config/cluster/v3, extensions/clusters/{dns,aggregate}/v3.
"""

import re
from typing import Any

from andon.api.meta import GRPC_PORT, HTTP_PORT, MONITOR_NAME, version_name
from andon.core.observed import Identity, Route

PROTOCOLS = {"http": HTTP_PORT, "grpc": GRPC_PORT}
TYPES = "type.googleapis.com/envoy"
METADATA = "andon"
"""Namespace of an endpoint's metadata that says which version it serves."""

_VERSION = re.compile(r"v(\d+)-(http|grpc)(?:-else-v(\d+))?")
_MONITOR = re.compile(r"monitor-(http|grpc)")
_MIRRORED_AT_ONCE = 64
_AT_ONCE = 1024
"""Envoy's own limit for requests that are under way to a cluster."""


def version_cluster(version: int, protocol: str) -> str:
    """Name of the servers of a version."""
    return f"v{version}-{protocol}"


def fallback_cluster(version: int, other: int, protocol: str) -> str:
    """Name of the servers of a version, behind them those of another one, for when no connection can be had."""
    return f"v{version}-{protocol}-else-v{other}"


def monitor_cluster(protocol: str) -> str:
    """Name of the monitor."""
    return f"monitor-{protocol}"


def version_of(cluster: str) -> int | None:
    """Tell which version a cluster stands for first; None where for none."""
    match = _VERSION.fullmatch(cluster)
    return int(match[1]) if match is not None else None


def behind(cluster: str) -> int | None:
    """Tell which version stands behind the first one in a cluster; None where none does."""
    match = _VERSION.fullmatch(cluster)
    return int(match[3]) if match is not None and match[3] is not None else None


def is_monitor(cluster: str) -> bool:
    """Whether a cluster is the monitor."""
    return _MONITOR.fullmatch(cluster) is not None


def needed(versions: set[int]) -> set[str]:
    """Give the names of all clusters that requests to these versions may meet."""
    names = {version_cluster(version, protocol) for version in versions for protocol in PROTOCOLS}
    pairs = ((one, other) for one in versions for other in versions - {one})
    return names | {fallback_cluster(*pair, protocol) for pair in pairs for protocol in PROTOCOLS}


def clusters(identity: Identity, route: Route, *, monitored: bool, cluster_domain: str) -> list[dict[str, Any]]:
    """Write all clusters of a route.

    They depend on which versions there are and not on who is on trial: a route may change before or after its clusters.
    """
    made = [
        _servers(version, protocol, _host(version_name(identity.name, version), identity, cluster_domain))
        for version in route.versions
        for protocol in PROTOCOLS
    ]
    pairs = [(one, other) for one in route.versions for other in route.versions if one != other]
    made += [_fallback(one, other, protocol) for one, other in pairs for protocol in PROTOCOLS]
    if monitored:
        made += [_monitor(protocol, _host(MONITOR_NAME, identity, cluster_domain)) for protocol in PROTOCOLS]
    return made


def _host(service: str, identity: Identity, cluster_domain: str) -> str:
    # Resolved as an absolute name, so that no search domain of the node is asked first.
    return f"{service}.{identity.namespace}.svc.{cluster_domain}."


def _servers(version: int, protocol: str, host: str) -> dict[str, Any]:
    cluster = _by_name(version_cluster(version, protocol), host, protocol)
    endpoint = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]
    endpoint["metadata"] = {"filter_metadata": {METADATA: {"version": str(version)}}}
    # A server that takes no connection is left out for a while. What a server answers puts it out of no line: the
    # errors of a version on trial are evidence.
    cluster["circuit_breakers"] = _breakers(_AT_ONCE)
    cluster["outlier_detection"] = {
        "split_external_local_origin_errors": True,
        "consecutive_local_origin_failure": 3,
        "enforcing_consecutive_5xx": 0,
        "enforcing_consecutive_gateway_failure": 0,
        "enforcing_success_rate": 0,
        "enforcing_local_origin_success_rate": 0,
        "interval": "1s",
        "base_ejection_time": "5s",
        "max_ejection_time": "30s",
        "max_ejection_percent": 100,
    }
    return cluster


def _fallback(version: int, other: int, protocol: str) -> dict[str, Any]:
    return {
        "@type": f"{TYPES}.config.cluster.v3.Cluster",
        "name": fallback_cluster(version, other, protocol),
        "connect_timeout": "1s",
        "lb_policy": "CLUSTER_PROVIDED",
        "circuit_breakers": _breakers(_AT_ONCE),
        "cluster_type": {
            "name": "envoy.clusters.aggregate",
            "typed_config": {
                "@type": f"{TYPES}.extensions.clusters.aggregate.v3.ClusterConfig",
                "clusters": [version_cluster(one, protocol) for one in (version, other)],
            },
        },
    }


def _monitor(protocol: str, host: str) -> dict[str, Any]:
    cluster = _by_name(monitor_cluster(protocol), host, protocol)
    # Copies wait for nobody: a monitor that hangs costs these few and no memory.
    cluster["circuit_breakers"] = _breakers(_MIRRORED_AT_ONCE)
    return cluster


def _breakers(limit: int) -> dict[str, Any]:
    # All that is under way may be sent again: when a server dies with it all of it has to. Envoy's own limit is three.
    names = ("max_connections", "max_pending_requests", "max_requests", "max_retries")
    return {"thresholds": [dict.fromkeys(names, limit)]}


def _by_name(name: str, host: str, protocol: str) -> dict[str, Any]:
    cluster = {
        "@type": f"{TYPES}.config.cluster.v3.Cluster",
        **cluster_at(name, host, PROTOCOLS[protocol]),
        "cluster_type": {
            "name": "envoy.clusters.dns",
            "typed_config": {
                "@type": f"{TYPES}.extensions.clusters.dns.v3.DnsCluster",
                "dns_refresh_rate": "2s",
                "dns_failure_refresh_rate": {"base_interval": "1s", "max_interval": "2s"},
            },
        },
        "lb_policy": "LEAST_REQUEST",
    }
    if protocol == "grpc":
        options = f"{TYPES}.extensions.upstreams.http.v3.HttpProtocolOptions"
        http2 = {"@type": options, "explicit_http_config": {"http2_protocol_options": {}}}
        cluster["typed_extension_protocol_options"] = {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": http2}
    return cluster


def cluster_at(name: str, host: str, port: int) -> dict[str, Any]:
    """Write the least of a cluster: one address."""
    endpoint = {"endpoint": {"address": {"socket_address": {"address": host, "port_value": port}}}}
    return {
        "name": name,
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
    }
