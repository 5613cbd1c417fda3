"""Envoy's configuration by file: a bootstrap that stays, clusters and a route that change.

Serving needs no operator: Envoy reads its files from a ConfigMap, so what was last written down goes on being served.
Envoy API reference (1.36 and later): config/bootstrap/v3; file-based discovery: DiscoveryResponse in a folder that is
watched for the swap that the kubelet does.
"""

import hashlib
import json
from functools import lru_cache
from typing import Any

from andon.api.meta import GRPC_PORT, HTTP_PORT
from andon.core.observed import Identity, Route
from andon.desired.envoy_clusters import TYPES, cluster_at, clusters
from andon.desired.envoy_routes import Forwarding, routes

FOLDER = "/etc/envoy"
STATUS_PORT = 9902
"""Where Envoy says how it is: /ready, /stats/prometheus, /clusters, /config_dump, and nothing that changes it."""

_ADMIN_PORT = 9901


def files(identity: Identity, forwarding: Forwarding, cluster_domain: str) -> dict[str, str]:
    """Give Envoy's files by name."""
    return {
        "envoy.json": _bootstrap_file(identity),
        "clusters.json": _clusters_file(identity, forwarding.route, forwarding.mirrored > 0, cluster_domain),
        "routes.json": _resources([routes(identity, forwarding)]),
    }


def digest(written: dict[str, str]) -> str:
    """Name what Envoy loads anew without a restart, in a few characters."""
    return hashlib.sha256((written["clusters.json"] + written["routes.json"]).encode()).hexdigest()[:16]


# Looked at in each reconcile and seldom changed: to write them anew each time is most of its work.
@lru_cache(maxsize=1024)
def _clusters_file(identity: Identity, route: Route, monitored: bool, cluster_domain: str) -> str:
    return _resources(clusters(identity, route, monitored=monitored, cluster_domain=cluster_domain))


@lru_cache(maxsize=1024)
def _bootstrap_file(identity: Identity) -> str:
    return _json(_bootstrap(identity))


def _resources(resources: list[dict[str, Any]]) -> str:
    version = hashlib.sha256(json.dumps(resources, sort_keys=True).encode()).hexdigest()[:16]
    return _json({"version_info": version, "resources": resources})


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
            "clusters": [cluster_at("admin", "127.0.0.1", _ADMIN_PORT)],
            "listeners": [_prediction_listener(), _status_listener()],
        },
    }


def _address(host: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": host, "port_value": port}}


def _prediction_listener() -> dict[str, Any]:
    manager = {
        "stat_prefix": "predictions",
        "rds": {"route_config_name": "predictions", "config_source": _from_file("routes.json")},
        # Headers are the server's own business: we add two, which name the request and the version that answered.
        "server_header_transformation": "PASS_THROUGH",
        # A client may name its request, and learns the name that it was given where it does not: a label that comes
        # later goes by it. Tracing would write a mark into it.
        "preserve_external_request_id": True,
        "always_set_request_id_in_response": True,
        "request_id_extension": {
            "typed_config": {
                "@type": f"{TYPES}.extensions.request_id.uuid.v3.UuidRequestIdConfig",
                "pack_trace_reason": False,
            }
        },
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
        "typed_config": {"@type": f"{TYPES}.extensions.filters.http.router.v3.Router"},
    }
    # Without it a gRPC call that failed is counted as a success: its HTTP status is 200.
    grpc_stats = {
        "name": "envoy.filters.http.grpc_stats",
        "typed_config": {"@type": f"{TYPES}.extensions.filters.http.grpc_stats.v3.FilterConfig"},
    }
    name = "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    return {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": {
            "@type": f"{TYPES}.{name}",
            "codec_type": "AUTO",
            "http_filters": [grpc_stats, router],
            **manager,
        },
    }
