"""A Dask cluster of real processes on loopback, ended with the test."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from model_builder.compute.ports import Shared
from model_builder.errors import BuilderError, Reason
from tests.support.kubectl import eventually

ROOT = Path(__file__).parents[2]
BOOT_SECONDS = 120.0
"""Python, Dask and its packages on a busy machine."""


@dataclass
class Processes:
    """A scheduler and its workers."""

    folder: Path
    address: str = ""
    scheduler: subprocess.Popen[bytes] | None = None
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, workers: int) -> None:
        """Start a scheduler and workers of one thread each, none of which is watched over by another process."""
        told = self.folder / "scheduler.json"
        self.scheduler = self._started("dask_scheduler", "--port=0", f"--scheduler-file={told}", "--no-show")
        wait_for(told.exists, "the scheduler's file")
        self.address = _address(told)
        for _ in range(workers):
            self.join()

    def join(self) -> None:
        """Start one more worker."""
        number = len(self.workers)
        quiet = ["--no-nanny", "--nthreads=1", f"--local-directory={self.folder / str(number)}", "--death-timeout=60"]
        self.workers.append(self._started("dask_worker", self.address, *quiet))

    def kill(self, worker: subprocess.Popen[bytes]) -> None:
        """Kill a worker without a word."""
        worker.send_signal(signal.SIGKILL)
        worker.wait(10)

    def end(self) -> None:
        """End all that is left."""
        for process in [*self.workers, *([self.scheduler] if self.scheduler else [])]:
            if process.poll() is None:
                process.kill()
            process.wait(10)

    def _started(self, module: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.{module}", "--host=127.0.0.1", "--no-dashboard", *arguments]
        log = (self.folder / f"{module}-{len(self.workers)}.log").open("wb")
        path = os.pathsep.join((str(ROOT / "operator"), str(ROOT)))
        with log:
            return subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT, env={**os.environ, "PYTHONPATH": path})


@contextmanager
def dask_cluster(folder: Path, workers: int = 2) -> Iterator[Processes]:
    """Run a cluster for a while."""
    processes = Processes(folder)
    try:
        processes.start(workers)
        yield processes
    finally:
        processes.end()


def wait_for(true: Callable[[], object], what: str, seconds: float = BOOT_SECONDS) -> None:
    """Wait until something is so."""
    eventually(true, seconds, what, pause=0.05)


def doubled(shared: int, item: int) -> int:
    """Give a number that tells what came in."""
    return shared + 2 * item


def column_sum(rows: npt.NDArray[np.float64], column: int) -> float:
    """Add up a column."""
    return float(rows[:, column].sum())


def whereabouts(shared: Shared, item: int) -> int:
    """Give the process that this runs in."""
    return os.getpid()


def held(shared: str, item: int) -> int:
    """Say in a folder which process is at work, and go on when the file ``go`` is there."""
    folder = Path(shared)
    (folder / f"{item}-{os.getpid()}").touch()
    wait_for((folder / "go").exists, "leave to go on", 60)
    return item


def broken(shared: str, item: int) -> int:
    """Fail, as a function may."""
    raise ValueError(f"{shared} {item}")


def refusing(shared: str, item: int) -> int:
    """Refuse, as the builder does."""
    raise BuilderError(Reason.ONE_CLASS, shared, found="one", allowed="two", remedy="more")


def _address(told: Path) -> str:
    return str(json.loads(told.read_text())["address"])
