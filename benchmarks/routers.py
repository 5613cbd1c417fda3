"""Starts the routers of the router benchmark in front of a server, on loopback ports of their own."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from andon.core.observed import Identity, Route
from andon.desired.envoy_clusters import TYPES, cluster_at
from andon.desired.envoy_routes import Forwarding
from benchmarks import loopback
from benchmarks.servers import Server, free_ports, ready, running
from lab import traefik as lab_traefik
from lab.paths import Paths

MODEL = "forest"
BARE = "bare Envoy"
DIGEST = f"sha256:{'0' * 64}"


@contextmanager
def envoy(server: Server, folder: Path) -> Iterator[Server]:
    """Run Envoy as the operator does: its files, one worker."""
    ports = dict(zip(("http", "grpc", "status", "admin"), free_ports(4), strict=True))
    forwarding = Forwarding(Route.of({1: 100}), 1, {1: DIGEST}, sticky_by="x-asset-id")
    servers = {"v1-http": server.port, "v1-grpc": server.port}
    folder.mkdir()
    identity = Identity("benchmark", MODEL, "uid", 1)
    for name, text in loopback.written(identity, forwarding, folder, ports, servers).items():
        (folder / name).write_text(text)
    with _envoy(folder, ports["http"]) as process:
        yield replace(server, name="Envoy", port=ports["http"], process=process)


@contextmanager
def bare_envoy(server: Server, folder: Path) -> Iterator[Server]:
    """Run Envoy with the least that forwards HTTP: what it costs more than this is what the operator's files cost."""
    (port,) = free_ports(1)
    folder.mkdir()
    (folder / "envoy.json").write_text(json.dumps(_bare(port, server.port)))
    with _envoy(folder, port) as process:
        yield replace(server, name=BARE, port=port, process=process)


@contextmanager
def _envoy(folder: Path, port: int) -> Iterator[int]:
    binary = Path(sys.executable).parent / "envoy"
    words = [str(binary), "--config-path", str(folder / "envoy.json"), "--concurrency", "1"]
    with running([*words, "--disable-hot-restart", "--log-level", "warning"], folder / "log") as process:
        ready(port, "/v2/health/ready", process, folder / "log")
        yield process.pid


def _bare(port: int, server: int) -> dict[str, Any]:
    """One listener, one route, one server; no header, no retry, no count of gRPC, no admin."""
    everything = {"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "v1"}}]}
    manager = {
        "@type": f"{TYPES}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bare",
        "codec_type": "HTTP1",
        "generate_request_id": False,
        "route_config": {"virtual_hosts": [everything]},
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {
                    "@type": f"{TYPES}.extensions.filters.http.router.v3.Router",
                    "dynamic_stats": False,
                    "suppress_envoy_headers": True,
                },
            }
        ],
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    listener = {
        "name": "all",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [{"filters": filters}],
    }
    return {"static_resources": {"clusters": [cluster_at("v1", "127.0.0.1", server)], "listeners": [listener]}}


@contextmanager
def traefik(server: Server, paths: Paths, folder: Path) -> Iterator[Server]:
    """Run Traefik, the lab's, with one route by file; what it makes of a route of the Gateway API comes to the same."""
    (port,) = free_ports(1)
    folder.mkdir()
    backend = {"loadBalancer": {"servers": [{"url": f"http://127.0.0.1:{server.port}"}]}}
    everything = {"rule": "PathPrefix(`/`)", "service": "v1", "entryPoints": ["web"]}
    routes = {"http": {"routers": {"all": everything}, "services": {"v1": backend}}}
    (folder / "routes.yaml").write_text(json.dumps(routes))
    words = [
        str(lab_traefik.binary(paths) / "traefik"),
        f"--entrypoints.web.address=127.0.0.1:{port}",
        f"--providers.file.filename={folder / 'routes.yaml'}",
        "--global.checknewversion=false",
        "--global.sendanonymoususage=false",
        "--log.level=ERROR",
    ]
    with running(words, folder / "log") as process:
        ready(port, "/v2/health/ready", process, folder / "log")
        yield replace(server, name="Traefik", port=port, process=process.pid)
