"""A closed-loop HTTP client: so many connections, each sends its next request when the last answer is there."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

HEAD_END = b"\r\n\r\n"
ANSWER_SECONDS = 30.0


@dataclass(frozen=True)
class Window:
    """What one window of load saw.

    Attributes
    ----------
    latencies
        Seconds from request to whole answer, one for each request.
    seconds
        From the first request to the last answer.
    """

    latencies: tuple[float, ...]
    seconds: float


class BadAnswerError(Exception):
    """A server did not answer 200."""


def infer_requests(path: str, rows: Sequence[Sequence[float]], output: str) -> list[bytes]:
    """Write one Open Inference Protocol request for each row, ready to be sent."""
    requests = []
    for row in rows:
        tensor = {"name": "numeric", "shape": [1, len(row)], "datatype": "FP32", "data": list(row)}
        body = json.dumps({"inputs": [tensor], "outputs": [{"name": output}]}).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: benchmark\r\nContent-Type: application/json\r\n"
        requests.append(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    return requests


def measure(port: int, requests: Sequence[bytes], connections: int, seconds: float) -> Window:
    """Load the server on a loopback port for `seconds` with `requests`, over and over."""
    return asyncio.run(_measure(port, requests, connections, seconds))


def answers(port: int, requests: Sequence[bytes]) -> list[bytes]:
    """Send each of `requests` once, one after the other, and return the answers' bodies."""
    return asyncio.run(_answers(port, requests))


async def _measure(port: int, requests: Sequence[bytes], connections: int, seconds: float) -> Window:
    latencies: list[float] = []
    source = itertools.cycle(requests)
    started = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(connections):
            tasks.create_task(_drive(port, source, started + seconds, latencies))
    return Window(tuple(latencies), time.perf_counter() - started)


async def _drive(port: int, source: Iterator[bytes], until: float, latencies: list[float]) -> None:
    connection = await Connection.open(port)
    try:
        while (sent := time.perf_counter()) < until:
            await connection.exchange(next(source))
            latencies.append(time.perf_counter() - sent)
    finally:
        connection.close()


async def _answers(port: int, requests: Sequence[bytes]) -> list[bytes]:
    connection = await Connection.open(port)
    try:
        return [await connection.exchange(request) for request in requests]
    finally:
        connection.close()


class Connection(asyncio.Protocol):
    """One keep-alive connection. A protocol, not a stream: the client should cost less than what it measures."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._waiter: asyncio.Future[bytes] | None = None
        self._transport: asyncio.Transport | None = None

    @classmethod
    async def open(cls, port: int, host: str = "127.0.0.1") -> Connection:
        _, protocol = await asyncio.get_running_loop().create_connection(cls, host, port)
        return protocol

    @property
    def lost(self) -> bool:
        """Whether the server closed it, between two requests as it may."""
        return self._transport is None or self._transport.is_closing()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    async def exchange(self, request: bytes) -> bytes:
        if self._transport is None:
            raise ConnectionError("not connected")
        self._waiter = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        async with asyncio.timeout(ANSWER_SECONDS):
            return await self._waiter

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(HEAD_END)
        if end < 0 or self._waiter is None or self._waiter.done():
            return
        head, start = bytes(self._buffer[:end]), end + len(HEAD_END)
        found = _chunked(self._buffer, start) if _is_chunked(head) else _counted(self._buffer, start, head)
        if found is None:
            return
        body, end = found
        del self._buffer[:end]
        if head.split(b" ", 2)[1] == b"200":
            self._waiter.set_result(body)
        else:
            self._waiter.set_exception(BadAnswerError((head + HEAD_END + body).decode(errors="replace")))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(exc or ConnectionError("the server closed the connection"))


def _counted(buffer: bytearray, start: int, head: bytes) -> tuple[bytes, int] | None:
    """Give a body of a known length and where it ends; None while it is not there."""
    end = start + _content_length(head)
    return (bytes(buffer[start:end]), end) if len(buffer) >= end else None


def _chunked(buffer: bytearray, start: int) -> tuple[bytes, int] | None:
    """Give a body in chunks (RFC 9112, section 7.1, no trailers) and where it ends; None while it is not there."""
    body = b""
    while (line := buffer.find(b"\r\n", start)) >= 0:
        size, start = int(buffer[start:line], 16), line + 2
        end = start + size + 2
        if len(buffer) < end:
            return None
        if size == 0:
            return body, end
        body, start = body + bytes(buffer[start : start + size]), end
    return None


def _is_chunked(head: bytes) -> bool:
    return b"\r\ntransfer-encoding: chunked" in head.lower()


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise BadAnswerError(f"an answer without Content-Length: {head.decode(errors='replace')}")
