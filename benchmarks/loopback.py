"""The operator's files for Envoy, with addresses of this machine in the place of a cluster's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from andon.api.meta import GRPC_PORT, HTTP_PORT
from andon.core.observed import Identity
from andon.desired.envoy import FOLDER, STATUS_PORT, files
from andon.desired.envoy_routes import Forwarding

ADMIN_PORT = 9901


def written(
    identity: Identity, forwarding: Forwarding, folder: Path, ports: Mapping[str, int], servers: Mapping[str, int]
) -> dict[str, str]:
    """Give Envoy's files by name.

    Parameters
    ----------
    folder
        Where they are going to lie.
    ports
        Loopback ports of the listeners http, grpc and status, and of Envoy's own admin.
    servers
        Loopback ports of the servers by cluster, such as v1-http or monitor-grpc.
    """
    made = {
        name: json.loads(text.replace(FOLDER, str(folder)))
        for name, text in files(identity, forwarding, "cluster.local").items()
    }
    for cluster in made["clusters.json"]["resources"]:
        if "load_assignment" in cluster:
            endpoint = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]
            port = servers[cluster["name"]]
            endpoint["address"]["socket_address"] = {"address": "127.0.0.1", "port_value": port}
    named = {HTTP_PORT: "http", GRPC_PORT: "grpc", STATUS_PORT: "status", ADMIN_PORT: "admin"}
    made["envoy.json"] = _at_home(made["envoy.json"], {port: ports[name] for port, name in named.items()})
    return {name: json.dumps(content) for name, content in made.items()}


def _at_home(value: Any, ports: Mapping[int, int]) -> Any:  # noqa: ANN401  any JSON
    if isinstance(value, list):
        return [_at_home(one, ports) for one in value]
    if not isinstance(value, dict):
        return value
    if "port_value" in value:
        return {"address": "127.0.0.1", "port_value": ports[value["port_value"]]}
    return {key: _at_home(one, ports) for key, one in value.items()}
