"""Computes on a Dask cluster that exists, by joblib's backend for Dask.

A worker that dies takes nothing with it: every task carries all that it needs, so the scheduler gives it to another
one. (Data that is scattered among workers beforehand, as joblib does with arrays by itself, would die with the worker.)
"""

from __future__ import annotations

import pickle
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import cloudpickle
import joblib
from joblib._dask import DaskDistributedBackend
from threadpoolctl import threadpool_limits

from model_builder.compute.kinship import differences, kin
from model_builder.compute.ports import Item, Result, Shared, Told
from model_builder.errors import BuilderError, Reason, listed, shown

CONNECT_SECONDS = 30.0
"""So long a scheduler may take to answer."""

WORKER_SECONDS = 60.0
"""So long a first worker may take to be there: an autoscaler may have to start it."""

LONELY_SECONDS = 120.0
"""After so long without any worker the build stops."""

LOOK_SECONDS = 0.2

_ALONE = threading.Lock()
"""One task at a time in a process: limits on the threads of a library hold for all of it."""

Packed = tuple[bytes, bytes]
"""Function with what is shared, and an item. Bytes, because joblib scatters whatever can be referred to weakly."""

PROTOCOL = 4
"""Of pickle. From 5 on Dask gives arrays the place in memory where they arrived, which need not be a multiple of their
items' size, and NumPy adds up such ones in another order."""


def run_alone(packed: Packed) -> tuple[dict[str, str], Any]:
    """Apply a function in a worker, on one thread; give with the result what the worker runs on.

    Parameters
    ----------
    packed
        As the process of the build wrote it.
    """
    function, shared = pickle.loads(packed[0])  # noqa: S301 (Dask itself runs whatever its clients send)
    item = pickle.loads(packed[1])  # noqa: S301
    with _ALONE, threadpool_limits(limits=1), joblib.parallel_config(backend="sequential"):
        return kin(), function(shared, item)


class DaskCluster:
    """A cluster of Dask, connected.

    Parameters
    ----------
    client
        Of the package distributed.
    address
        Of its scheduler, for messages.
    """

    def __init__(
        self,
        client: Any,  # noqa: ANN401 (distributed is an extra)
        address: str,
        lonely_s: float = LONELY_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.client, self._address, self._lonely_s, self._clock = client, address, lonely_s, clock

    def map(
        self,
        function: Callable[[Shared, Item], Result],
        shared: Shared,
        items: Sequence[Item],
        told: Told | None = None,
    ) -> Iterator[Result]:
        """Apply a function to items, as many at a time as there are workers.

        Raises
        ------
        BuilderError
            ``ComputeFailed`` where the scheduler or all workers are gone, ``ComputeDiffers`` where a worker joined that
            has other versions. What the function itself raises comes through.
        """
        done, common = 0, cloudpickle.dumps((function, shared), PROTOCOL)
        while done < len(items):
            wave = items[done : done + max(1, self.workers())]
            packed = [(common, cloudpickle.dumps(item, PROTOCOL)) for item in wave]
            for there, result in self._wave(packed, partial(_add, told, done)):
                self._check(there)
                yield result
            done += len(wave)

    def check(self) -> None:
        """Ask all workers what they run on.

        Raises
        ------
        BuilderError
            ``ComputeUnreachable`` without workers, ``ComputeDiffers`` where one would not compute the same bytes.
        """
        deadline = self._clock() + WORKER_SECONDS
        while not self.workers():
            if self._clock() > deadline:
                raise _unreachable(self._address, f"no worker within {WORKER_SECONDS:g} s")
            time.sleep(LOOK_SECONDS)
        try:
            found: dict[str, dict[str, str]] = self.client.run(kin)
        except Exception as error:  # noqa: BLE001 (whatever a worker of another kind says)
            raise _differs(self._address, f"{type(error).__name__}: {error}") from None
        for there in found.values():
            self._check(there)

    def _check(self, there: dict[str, str]) -> None:
        unlike = differences(kin(), there)
        if unlike:
            raise _differs(self._address, ", ".join(unlike))

    def workers(self) -> int:
        """Count the workers that the scheduler knows."""
        return len(self.client.scheduler_info(n_workers=-1)["workers"])

    def _wave(self, packed: list[Packed], told: Callable[[int], object]) -> list[tuple[dict[str, str], Any]]:
        attempt = _Attempt(self.client, packed)
        attempt.start()
        seen, last = 0, self._clock()
        while not attempt.ended(LOOK_SECONDS):
            if attempt.done > seen:
                seen = attempt.done
                told(seen)
            if self.client.status != "running":
                raise _failed(self._address, "the scheduler is gone")
            last = self._clock() if self.workers() else last
            if self._clock() - last > self._lonely_s:
                raise _failed(self._address, f"no worker for {self._lonely_s:g} s")
        if attempt.error is not None:
            raise _explained(self._address, attempt.error)
        if seen < len(packed):
            told(len(packed))
        return attempt.results


@dataclass
class _Attempt:
    """A call of joblib in a thread of its own, so that it can be left behind: it waits for lost workers for ever."""

    client: Any
    packed: list[Packed]
    done: int = 0
    results: list[tuple[dict[str, str], Any]] = field(default_factory=list)
    error: BaseException | None = None
    _ended: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        threading.Thread(target=self._run, daemon=True).start()

    def ended(self, wait_s: float) -> bool:
        return self._ended.wait(wait_s)

    def _run(self) -> None:
        try:
            with joblib.parallel_config(backend=_Backend(client=self.client)):
                counted = _Counted(self, n_jobs=-1, batch_size=1, pre_dispatch="all")
                self.results = counted(joblib.delayed(run_alone)(each) for each in self.packed)
        except BaseException as error:  # noqa: BLE001 (it is raised again where it is waited for)
            self.error = error
        finally:
            self._ended.set()


class _Backend(DaskDistributedBackend):  # type: ignore[misc]  # joblib publishes no types
    """Hands every task to the cluster: with one worker joblib would do it itself, in this process."""

    def effective_n_jobs(self, n_jobs: int) -> int:  # noqa: ARG002 (as joblib has it)
        """Give any number above one; how many run at a time the scheduler decides."""
        return 2


class _Counted(joblib.Parallel):  # type: ignore[misc]  # joblib publishes no types
    """Counts what is done."""

    def __init__(self, attempt: _Attempt, **settings: Any) -> None:  # noqa: ANN401
        super().__init__(**settings)
        self._attempt = attempt

    def print_progress(self) -> None:
        """Be told by joblib after each task."""
        self._attempt.done = self.n_completed_tasks


@contextmanager
def connected(address: str) -> Iterator[DaskCluster]:
    """Connect to a scheduler, and see that its workers compute as this process does.

    Raises
    ------
    BuilderError
        ``ExtraMissing``, ``ComputeUnreachable`` or ``ComputeDiffers``.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise BuilderError(
            Reason.EXTRA_MISSING,
            f"compute.engine is dask, and this builder has not the extra dask: {error}",
            found="a builder without Dask",
            allowed="engine local, or a builder with the extra",
            remedy="install it where the builder runs: pip install 'andon[builder,dask]'",
        ) from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # other versions of packages are told as an error below
            client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False, name="andon")  # type: ignore[no-untyped-call]
    except (OSError, ValueError, TimeoutError) as error:
        raise _unreachable(address, f"{type(error).__name__}: {error}") from None
    try:
        cluster = DaskCluster(client, address)
        cluster.check()
        yield cluster
    finally:
        client.close(timeout=5)  # type: ignore[no-untyped-call]


def _add(told: Told | None, before: int, more: int) -> None:
    if told is not None:
        told(before + more)


def _explained(address: str, error: BaseException) -> BaseException:
    """Tell what Dask itself says of lost workers; what the work itself raised stays what it is."""
    module = type(error).__module__.split(".")[0]
    if module in ("distributed", "dask", "asyncio", "concurrent", "tornado"):
        return _failed(address, f"{type(error).__name__}: {error}")
    return error


def _unreachable(address: str, found: str) -> BuilderError:
    return BuilderError(
        Reason.COMPUTE_UNREACHABLE,
        f"the Dask scheduler {shown(address)} cannot be used: {found[:300]}",
        found=shown(found, 300),
        allowed="a scheduler that answers, with at least one worker",
        remedy="correct compute.address, start scheduler and workers, and see that the network lets the builder "
        "through; or remove compute",
        retry=True,
    )


def _differs(address: str, found: str) -> BuilderError:
    return BuilderError(
        Reason.COMPUTE_DIFFERS,
        f"a worker of {shown(address)} would not compute the same bytes: {found[:500]}",
        found=listed([found[:500]]),
        allowed="the same versions on all workers as in the builder",
        remedy="run scheduler and workers from the builder's own image: python3 -m distributed.cli.dask_worker ADDRESS",
    )


def _failed(address: str, found: str) -> BuilderError:
    return BuilderError(
        Reason.COMPUTE_FAILED,
        f"the Dask cluster {shown(address)} was lost while it computed: {found[:300]}",
        found=shown(found, 300),
        allowed="a cluster of which single workers may die, but not the scheduler, nor all workers, nor one task after "
        "another with its worker",
        remedy="look at the logs of scheduler and workers (one that is killed again and again has too little memory)",
        retry=True,
    )
