"""Envoy's configuration by file: a bootstrap that stays, clusters and a route that change.

Serving needs no operator: Envoy reads its files from a ConfigMap, so what was last written down goes on being served.
Envoy API reference (1.34 and later): config/bootstrap/v3, config/cluster/v3, config/route/v3; file-based discovery:
DiscoveryResponse in a folder that is watched for the swap that the kubelet does.
"""

import hashlib
import json
import re
from typing import Any

from andon.api.meta import GRPC_PORT, HTTP_PORT, version_name
from andon.api.v1alpha1 import Manifest
from andon.core.observed import Identity, Route

FOLDER = "/etc/envoy"
STATUS_PORT = 9902
"""Where Envoy says how it is: /ready, /stats/prometheus, /clusters, /config_dump, and nothing that changes it."""

_ADMIN_PORT = 9901
_REQUEST_TIMEOUT = "60s"
_TYPES = "type.googleapis.com/envoy"
_PROTOCOLS = {"http": HTTP_PORT, "grpc": GRPC_PORT}
_CLUSTER = re.compile(r"v(\d+)-(http|grpc)")


def files(identity: Identity, route: Route, cluster_domain: str) -> dict[str, str]:
    """Give Envoy's files by name."""
    clusters = [
        _version_cluster(identity, version, protocol, cluster_domain)
        for version in route.versions
        for protocol in _PROTOCOLS
    ]
    digest = route_digest(route)
    return {
        "envoy.json": _json(_bootstrap(identity)),
        "clusters.json": _json({"version_info": digest, "resources": clusters}),
        "routes.json": _json({"version_info": digest, "resources": [_routes(route)]}),
    }


def route_digest(route: Route) -> str:
    """Name a route in a few characters."""
    return hashlib.sha256(repr(route.weights).encode()).hexdigest()[:16]


def read_route(config_dump: Manifest, clusters: Manifest) -> tuple[Route | None, frozenset[int]]:
    """Read from Envoy's own words which route it follows, and which versions it has addresses of.

    Parameters
    ----------
    config_dump
        Answer to `/config_dump?resource=dynamic_route_configs`.
    clusters
        Answer to `/clusters?format=json`; only clusters at work are in it, none that still warms up.
    """
    known: set[int] = set()
    reached: dict[int, set[str]] = {}
    for status in clusters.get("cluster_statuses", ()):
        match = _CLUSTER.fullmatch(status.get("name", ""))
        if match is None:
            continue
        version, protocol = int(match[1]), match[2]
        known.add(version)
        if status.get("host_statuses"):
            reached.setdefault(version, set()).add(protocol)
    weights = dict.fromkeys(known, 0) | _weights(config_dump)
    reaches = frozenset(version for version, protocols in reached.items() if protocols == set(_PROTOCOLS))
    if sum(weights.values()) != 100 or not set(weights) <= known:
        return None, reaches
    return Route.of(weights), reaches


def _weights(config_dump: Manifest) -> dict[int, int]:
    weights: dict[int, int] = {}
    for config in config_dump.get("configs", ()):
        for host in config.get("route_config", {}).get("virtual_hosts", ()):
            action = host["routes"][-1]["route"]
            for cluster in action["weighted_clusters"]["clusters"]:
                match = _CLUSTER.fullmatch(cluster["name"])
                if match is not None:
                    weights[int(match[1])] = int(cluster.get("weight", 0))
    return weights


def _json(value: object) -> str:
    return json.dumps(value, indent=1, sort_keys=True) + "\n"


def _from_file(name: str) -> dict[str, Any]:
    source = {"path": f"{FOLDER}/{name}", "watched_directory": {"path": FOLDER}}
    return {"path_config_source": source, "resource_api_version": "V3"}


def _bootstrap(identity: Identity) -> dict[str, Any]:
    return {
        "node": {"id": f"{identity.namespace}/{identity.name}", "cluster": "andon"},
        "admin": {"address": _address("127.0.0.1", _ADMIN_PORT)},
        "dynamic_resources": {"cds_config": _from_file("clusters.json")},
        "static_resources": {
            "clusters": [_cluster("admin", "127.0.0.1", _ADMIN_PORT)],
            "listeners": [_prediction_listener(), _status_listener()],
        },
    }


def _address(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}


def _prediction_listener() -> dict[str, Any]:
    manager = {
        "stat_prefix": "predictions",
        "rds": {"route_config_name": "predictions", "config_source": _from_file("routes.json")},
        # Headers are the server's own business: we add one, which names the version that answered.
        "server_header_transformation": "PASS_THROUGH",
    }
    return {
        "name": "predictions",
        # HTTP/1.1 and gRPC are told apart by their content type, so one listener serves both ports.
        "address": _address("0.0.0.0", HTTP_PORT),  # noqa: S104  a pod's own address
        "additional_addresses": [{"address": _address("0.0.0.0", GRPC_PORT)}],  # noqa: S104
        "filter_chains": [{"filters": [_connection_manager(manager)]}],
    }


def _status_listener() -> dict[str, Any]:
    paths = ("/ready", "/stats/prometheus", "/clusters", "/config_dump")
    read_only = {"name": ":method", "string_match": {"exact": "GET"}}
    routes = [{"match": {"path": path, "headers": [read_only]}, "route": {"cluster": "admin"}} for path in paths]
    virtual_host = {"name": "status", "domains": ["*"], "routes": routes}
    manager = {"stat_prefix": "status", "route_config": {"name": "status", "virtual_hosts": [virtual_host]}}
    return {
        "name": "status",
        "address": _address("0.0.0.0", STATUS_PORT),  # noqa: S104
        "filter_chains": [{"filters": [_connection_manager(manager)]}],
    }


def _connection_manager(manager: dict[str, Any]) -> dict[str, Any]:
    router = {
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": f"{_TYPES}.extensions.filters.http.router.v3.Router"},
    }
    name = "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    return {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": {"@type": f"{_TYPES}.{name}", "codec_type": "AUTO", "http_filters": [router], **manager},
    }


def _cluster(name: str, host: str, port: int) -> dict[str, Any]:
    endpoint = {"endpoint": {"address": _address(host, port)}}
    return {
        "name": name,
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
    }


def _version_cluster(identity: Identity, version: int, protocol: str, cluster_domain: str) -> dict[str, Any]:
    # Resolved as an absolute name, so that no search domain of the node is asked first.
    service = f"{version_name(identity.name, version)}.{identity.namespace}.svc.{cluster_domain}."
    cluster = {
        "@type": f"{_TYPES}.config.cluster.v3.Cluster",
        **_cluster(f"v{version}-{protocol}", service, _PROTOCOLS[protocol]),
        "cluster_type": {
            "name": "envoy.clusters.dns",
            "typed_config": {
                "@type": f"{_TYPES}.extensions.clusters.dns.v3.DnsCluster",
                "dns_refresh_rate": "2s",
                "dns_failure_refresh_rate": {"base_interval": "1s", "max_interval": "2s"},
            },
        },
        "lb_policy": "LEAST_REQUEST",
    }
    if protocol == "grpc":
        options = f"{_TYPES}.extensions.upstreams.http.v3.HttpProtocolOptions"
        http2 = {"@type": options, "explicit_http_config": {"http2_protocol_options": {}}}
        cluster["typed_extension_protocol_options"] = {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": http2}
    return cluster


def _routes(route: Route) -> dict[str, Any]:
    return {
        "@type": f"{_TYPES}.config.route.v3.RouteConfiguration",
        "name": "predictions",
        "virtual_hosts": [
            {
                "name": "predictions",
                "domains": ["*"],
                "routes": [
                    {"match": {"prefix": "/", "grpc": {}}, "route": _split(route, "grpc")},
                    {"match": {"prefix": "/"}, "route": _split(route, "http")},
                ],
            }
        ],
    }


def _split(route: Route, protocol: str) -> dict[str, Any]:
    clusters = [
        {
            "name": f"v{version}-{protocol}",
            "weight": weight,
            "response_headers_to_add": [{"header": {"key": "x-andon-version", "value": str(version)}}],
        }
        for version, weight in route.weights
        if weight
    ]
    return {
        "timeout": _REQUEST_TIMEOUT,
        # A prediction changes nothing, so asking again is safe where a server went away under the request.
        "retry_policy": {"retry_on": "connect-failure,refused-stream,reset,unavailable", "num_retries": 2},
        "weighted_clusters": {"clusters": clusters},
    }
