"""Real Envoy on loopback with the files that the operator writes, and servers behind it that say what they got.

Only addresses are exchanged: a cluster's name for a port of this machine, the folder, the listeners' ports.
"""

import json
import os
import shutil
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from concurrent import futures
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc

from andon.core.observed import Followed, Identity
from andon.desired.envoy_routes import Forwarding, read_route
from benchmarks.loopback import written
from benchmarks.servers import free_ports
from tests.support.kubectl import eventually

IDENTITY = Identity("plant", "spindle", "uid", 1)
INFER = "/v2/models/spindle/infer"
GRPC_INFER = "/inference.GRPCInferenceService/ModelInfer"
READY_SECONDS = 30


def binary() -> str:
    """Give the path of Envoy: that of `ANDON_TEST_ENVOY`, such as an older release, else the Python package's."""
    if given := os.environ.get("ANDON_TEST_ENVOY"):
        return given
    found = shutil.which("envoy", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    assert found is not None, "pip install -e '.[dev]' brings Envoy"
    return found


@dataclass
class Got:
    """One request as a server saw it."""

    path: str
    headers: dict[str, str]
    body: bytes = b""


@dataclass
class Backend:
    """A server of both protocols that answers everything and keeps what it was asked.

    Attributes
    ----------
    status
        What it answers over HTTP.
    """

    ports: dict[str, int] = field(default_factory=dict)
    status: int = 200
    got: list[Got] = field(default_factory=list)
    _stops: list[Any] = field(default_factory=list)

    def start(self) -> None:
        """Listen on loopback, on ports that stay the same over stop and start."""
        backend = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                backend.got.append(Got(self.path, {key.lower(): value for key, value in self.headers.items()}, body))
                self.send_response(backend.status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            do_GET = do_POST  # noqa: N815  the name that http.server calls

            def log_message(self, *_: object) -> None:
                pass

        http = ThreadingHTTPServer(("127.0.0.1", self.ports.get("http", 0)), Handler)
        http.daemon_threads = True
        self.ports["http"] = http.server_address[1]
        threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        server = grpc.server(futures.ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
        server.add_generic_rpc_handlers((_Anything(self),))
        self.ports["grpc"] = server.add_insecure_port(f"127.0.0.1:{self.ports.get('grpc', 0)}")
        server.start()
        self._stops = [http.shutdown, http.server_close, lambda: server.stop(0).wait()]

    def stop(self) -> None:
        """Take no more connections. What is open is closed by gRPC; over HTTP it ends with its next request."""
        for stop in self._stops:
            stop()
        self._stops = []


@dataclass
class Process(Backend):
    """A backend in a process of its own, which can be killed; it does not tell what it was asked."""

    running: subprocess.Popen[str] | None = None

    def kill(self) -> None:
        """Let it die as a process does that the kernel ends."""
        assert self.running is not None
        self.running.kill()
        self.running.wait()


@contextmanager
def process() -> Iterator[Process]:
    """Run a backend in a process of its own."""
    words = [sys.executable, "-c", "import tests.support.envoy as envoy; envoy.serve()"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as running:
        try:
            assert running.stdout is not None
            yield Process(ports=json.loads(running.stdout.readline()), running=running)
        finally:
            running.kill()


def serve() -> None:
    """Be a backend until standard input ends; say which ports it has."""
    backend = Backend()
    backend.start()
    sys.stdout.write(json.dumps(backend.ports) + "\n")
    sys.stdout.flush()
    sys.stdin.read()


class _Anything(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc publishes no types
    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def service(self, details: Any) -> Any:
        headers = {item.key.lower(): item.value for item in details.invocation_metadata}

        def answer(request: bytes, context: object) -> bytes:
            self._backend.got.append(Got(details.method, headers, request))
            return b""

        return grpc.unary_unary_rpc_method_handler(answer)


@dataclass
class Answer:
    """What a client got."""

    status: int
    version: str
    request_id: str = ""


class Router:
    """A running Envoy."""

    def __init__(self, folder: Path, ports: Mapping[str, int], backends: Mapping[str, Backend]) -> None:
        self._folder, self._ports, self._backends = folder, ports, backends

    def write(self, forwarding: Forwarding) -> None:
        """Put down the files as the kubelet does: whole, by a swap."""
        servers = {
            f"{name}-{protocol}": port
            for name, backend in self._backends.items()
            for protocol, port in backend.ports.items()
        }
        for name, text in written(IDENTITY, forwarding, self._folder, self._ports, servers).items():
            fresh = self._folder / f".{name}"
            fresh.write_text(text)
            fresh.rename(self._folder / name)

    def follow(self, forwarding: Forwarding) -> None:
        """Write a route down and wait until Envoy says that it follows, and reaches every version."""
        self.write(forwarding)
        route = forwarding.route
        wanted = (route, frozenset(route.versions), forwarding.mirrored)
        eventually(lambda: self.says()[:3] == wanted, READY_SECONDS, f"Envoy says {wanted}; it says {self.says()}")

    def port(self, name: str) -> int:
        """Give the loopback port of http, grpc, status or admin."""
        return self._ports[name]

    def wait(self) -> None:
        """Let some tenths of a second pass between two looks."""
        threading.Event().wait(0.2)

    def says(self) -> Followed:
        return read_route(
            self._status("/config_dump?resource=dynamic_route_configs"), self._status("/clusters?format=json")
        )

    def post(self, headers: Mapping[str, str] | None = None, path: str = INFER, body: bytes = b"{}") -> Answer:
        connection = HTTPConnection("127.0.0.1", self._ports["http"], timeout=30)
        try:
            connection.request("POST", path, body, dict(headers or {}))
            answer = connection.getresponse()
            answer.read()
            return Answer(answer.status, answer.getheader("x-andon-version", ""), answer.getheader("x-request-id", ""))
        finally:
            connection.close()

    @contextmanager
    def channel(self) -> Iterator[Any]:
        with grpc.insecure_channel(f"127.0.0.1:{self._ports['grpc']}") as channel:
            yield channel.unary_unary(GRPC_INFER)

    def call(self, headers: Mapping[str, str] | None = None) -> Answer:
        """Ask over gRPC; raises where there is no answer."""
        with self.channel() as infer:
            _, call = infer.with_call(b"", metadata=tuple((headers or {}).items()), timeout=30)
            said = {item.key: item.value for item in call.initial_metadata()}
            return Answer(200, said.get("x-andon-version", ""), said.get("x-request-id", ""))

    def _status(self, path: str) -> dict[str, Any]:
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{self._ports['status']}{path}") as answer:
            said: dict[str, Any] = json.load(answer)
            return said
        return {}


@contextmanager
def router(folder: Path, forwarding: Forwarding, backends: Mapping[str, Backend]) -> Iterator[Router]:
    """Run Envoy in front of backends, which are named v1, v2, … and monitor."""
    ports = dict(zip(("http", "grpc", "status", "admin"), free_ports(4), strict=True))
    running = Router(folder, ports, backends)
    running.write(forwarding)
    words = [binary(), "--config-path", str(folder / "envoy.json"), "--concurrency", "1", "--disable-hot-restart"]
    log = folder / "log"
    with (
        log.open("wb") as file,
        subprocess.Popen([*words, "--log-level", "warning"], stdout=file, stderr=file) as envoy,
    ):
        try:
            running.follow(forwarding)
            yield running
        except AssertionError as error:
            error.add_note(log.read_text()[-4000:])
            raise
        finally:
            envoy.terminate()
            try:
                envoy.wait(20)
            except subprocess.TimeoutExpired:
                envoy.kill()
