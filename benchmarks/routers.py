"""Starts the routers of the router benchmark in front of a server, on loopback ports of their own."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from andon.core.observed import Identity, Route
from andon.desired.envoy_routes import Forwarding
from benchmarks import loopback
from benchmarks.servers import Server, free_ports, ready, running
from lab import traefik as lab_traefik
from lab.paths import Paths

MODEL = "forest"
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
    binary = Path(sys.executable).parent / "envoy"
    words = [str(binary), "--config-path", str(folder / "envoy.json"), "--concurrency", "1"]
    with running([*words, "--disable-hot-restart", "--log-level", "warning"], folder / "log") as process:
        ready(ports["http"], "/v2/health/ready", process, folder / "log")
        yield replace(server, name="Envoy", port=ports["http"], process=process.pid)


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
