"""A bounded load over HTTP on kept connections, each answer held against what its version is known to say."""

import asyncio
import contextlib
import itertools
import json
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from benchmarks.load import Connection

CONNECTIONS = 8
HIGHEST = 2_000_000
"""Requests after which the load ends by itself, whatever else happens."""

Known = Mapping[str, Sequence[tuple[float, bool]]]
"""Version → score and label of each row."""


@dataclass
class Soak:
    """What came back.

    Attributes
    ----------
    versions
        Answers by the version that gave them.
    failures
        What was no answer, or a wrong one; the first hundred.
    """

    answers: int = 0
    failed: int = 0
    versions: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def fail(self, what: str) -> None:
        self.failed += 1
        if len(self.failures) < 100:
            self.failures.append(what[:300])


def request(host: str, model: str, body: Mapping[str, object]) -> bytes:
    """Write one request, ready to be sent."""
    text = json.dumps(body).encode()
    head = f"POST /v2/models/{model}/infer HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(text)}\r\n\r\n".encode() + text


def answer(body: bytes) -> tuple[str, float, bool]:
    """Read which version answered, and what."""
    said = json.loads(body)
    outputs = {one["name"]: one["data"][0] for one in said["outputs"]}
    return said["model_version"], float(outputs["score"]), bool(outputs["fault"])


@contextmanager
def soak(
    host: str, requests: Sequence[bytes], known: Known, connections: int = CONNECTIONS, pause: float = 0.0
) -> Iterator[Soak]:
    """Ask until the context ends; `known` may be filled while it runs, before a version gets requests.

    Parameters
    ----------
    pause
        Seconds that each connection waits between two requests.
    """
    tally, stop = Soak(), threading.Event()
    run = _all(host, requests, known, tally, stop, connections, pause)
    thread = threading.Thread(target=lambda: asyncio.run(run), daemon=True)
    thread.start()
    try:
        yield tally
    finally:
        stop.set()
        thread.join(timeout=60)
        assert not thread.is_alive(), "the load does not end"


async def _all(
    host: str,
    requests: Sequence[bytes],
    known: Known,
    tally: Soak,
    stop: threading.Event,
    connections: int,
    pause: float,
) -> None:
    source = itertools.cycle(enumerate(requests))
    async with asyncio.TaskGroup() as tasks:
        for _ in range(connections):
            tasks.create_task(_drive(host, source, known, tally, stop, pause))


async def _drive(
    host: str, source: Iterator[tuple[int, bytes]], known: Known, tally: Soak, stop: threading.Event, pause: float
) -> None:
    connection = await Connection.open(8000, host)
    while not stop.is_set() and tally.answers + tally.failed < HIGHEST:
        row, text = next(source)
        if connection.lost:
            connection = await Connection.open(8000, host)
        try:
            version, score, fault = answer(await connection.exchange(text))
        except Exception as error:  # noqa: BLE001  whatever it is, it is a request that failed
            tally.fail(f"{type(error).__name__}: {error}")
            connection.close()
            with contextlib.suppress(OSError):
                connection = await Connection.open(8000, host)
            continue
        tally.answers += 1
        tally.versions[version] += 1
        expected = known[version][row] if version in known else None
        if (score, fault) != expected:
            tally.fail(f"version {version} says {score}, {fault} of row {row}, and {expected} when asked by itself")
        if pause:
            await asyncio.sleep(pause)
    connection.close()
