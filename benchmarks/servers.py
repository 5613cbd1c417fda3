"""Starts and stops the servers of the serving benchmark, each on loopback ports of its own."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from lab import buildah, images, shell, waiting
from lab.console import step
from lab.paths import Paths

# uvloop 0.22 ended asyncio.get_event_loop()'s making of a loop, which MLServer's workers rely on.
MLSERVER_PACKAGES = ("mlserver==1.7.1", "mlserver-sklearn==1.7.1", "uvloop<0.22", "skl2onnx>=1.19")
READY_SECONDS = 60.0
STOP_SECONDS = 20.0


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes
    ----------
    name
        For the table.
    port
        HTTP, on loopback.
    path
        Of the model's inference endpoint.
    output
        Name of the output that holds the label.
    process
        Root of the server's processes, without what started them.
    """

    name: str
    port: int
    path: str
    output: str
    process: int

    def memory(self) -> int:
        """Return the bytes that the server's processes hold, shared pages counted once (their PSS)."""
        return sum(_pss(pid) for pid in (self.process, *descendants(self.process)))


@contextmanager
def triton(paths: Paths, models: Path) -> Iterator[Server]:
    """Run the project's Triton image, as its own user on its own root, without a container engine."""
    archive = images.ensure(paths, images.BY_NAME["triton"])
    container = _buildah("from", f"docker-archive:{archive}").strip()
    http = free_ports(1)[0]
    server = [
        "tritonserver",
        "--model-repository=/models",
        "--model-control-mode=none",
        "--disable-auto-complete-config",
        "--allow-grpc=false",
        "--allow-metrics=false",
        "--exit-timeout-secs=2",
        "--http-address=127.0.0.1",
        f"--http-port={http}",
    ]
    command = ["buildah", "run", "--isolation=chroot", f"--volume={models}:/models:ro", container, "--", *server]
    try:
        with running(command, models.parent / "triton.log", environment=buildah.ENVIRONMENT) as starter:
            ready(http, "/v2/health/ready", starter, models.parent / "triton.log")
            pid = next(pid for pid in descendants(starter.pid) if _program(pid) == "tritonserver")
            try:
                yield Server("Triton, this image", http, "/v2/models/forest/infer", "label", pid)
            finally:
                os.kill(pid, signal.SIGTERM)
                with suppress(subprocess.TimeoutExpired):
                    starter.wait(STOP_SECONDS)
    finally:
        _buildah("rm", container)


@contextmanager
def mlserver(environment: Path, model: Path, *, batching: bool) -> Iterator[Server]:
    """Run MLServer with its documented defaults, or with its adaptive batching besides."""
    http, grpc, metrics = free_ports(3)
    name = "MLServer, batching" if batching else "MLServer"
    folder = model / ("batching" if batching else "plain")
    folder.mkdir(parents=True, exist_ok=True)
    ports = {"http_port": http, "grpc_port": grpc, "metrics_port": metrics, "metrics_dir": str(folder / "metrics")}
    (folder / "settings.json").write_text(json.dumps({"host": "127.0.0.1", "debug": False, **ports}))
    settings = {
        "name": "forest",
        "implementation": "mlserver_sklearn.SKLearnModel",
        "parameters": {"uri": str(model / "model.joblib")},
        **({"max_batch_size": 32, "max_batch_time": 0.002} if batching else {}),
    }
    (folder / "model-settings.json").write_text(json.dumps(settings))
    log = folder / "log"
    with running([str(environment / "bin/mlserver"), "start", str(folder)], log) as process:
        ready(http, "/v2/models/forest/ready", process, log)
        yield Server(name, http, "/v2/models/forest/infer", "predict", process.pid)


def mlserver_environment(cache: Path) -> Path:
    """Make MLServer's virtual environment in the cache, unless it is there."""
    key = hashlib.sha256("\n".join((sys.version, *MLSERVER_PACKAGES)).encode()).hexdigest()[:12]
    environment = cache / "benchmarks" / f"mlserver-{key}"
    marker = environment / "complete"
    if not marker.exists():
        with step("installing MLServer in an environment of its own", "1 to 2 minutes"):
            shell.run(sys.executable, "-m", "venv", "--clear", environment)
            shell.run(environment / "bin/pip", "install", "--quiet", *MLSERVER_PACKAGES)
            marker.touch()
    return environment


@contextmanager
def running(
    command: list[str], log: Path, environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program until the block ends, then stop it: kindly, and unkindly where that takes too long."""
    with (
        log.open("wb") as file,
        subprocess.Popen(
            command, stdout=file, stderr=subprocess.STDOUT, env={**os.environ, **(environment or {})}
        ) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def ready(port: int, path: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a server answers; if its program ends before that, show the end of its log."""

    def answers() -> bool:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}:\n{shell.tail(log.read_text())}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    waiting.until(answers, f"{path} on port {port}", READY_SECONDS, lambda: shell.tail(log.read_text()))


def free_ports(count: int) -> list[int]:
    """Find loopback ports that are free now, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()


def descendants(process: int) -> list[int]:
    """List the processes under `process`, at any depth."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(folder.name))
    found = list(children.get(process, []))
    for pid in found:
        found += children.get(pid, [])
    return found


def _program(process: int) -> str:
    with suppress(OSError):
        return (Path("/proc") / str(process) / "comm").read_text().strip()
    return ""


def _pss(process: int) -> int:
    with suppress(OSError):
        for line in (Path("/proc") / str(process) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def _buildah(*arguments: str) -> str:
    return shell.run("buildah", *arguments, environment=buildah.ENVIRONMENT).stdout
