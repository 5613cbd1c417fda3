"""The load client of the serving benchmark, against a server of a few lines."""

from __future__ import annotations

import asyncio
import json
import queue
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import pytest

from benchmarks import load
from benchmarks.serving import Result


class Doubler:
    """Answers every request with its first number doubled, in pieces of `chunk` bytes."""

    def __init__(self, status: str, chunk: int, *, counted: bool) -> None:
        self.port: queue.Queue[int] = queue.Queue()
        self._status = status
        self._chunk = chunk
        self._counted = counted
        self._clients: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended = asyncio.Event()

    async def serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        listening = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        async with listening:
            self.port.put(listening.sockets[0].getsockname()[1])
            await self._ended.wait()
        if self._clients:
            await asyncio.wait(self._clients, timeout=30)

    def end(self) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._ended.set)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(asyncio.ensure_future(self._answer(reader, writer)))

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError), closing(writer):
            while head := await _head(reader):
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                asked = json.loads(await reader.readexactly(length))
                body = json.dumps({"doubled": 2 * asked["inputs"][0]["data"][0]}).encode()
                framing = f"content-length: {len(body)}" if self._counted else "Transfer-Encoding: chunked"
                whole = f"HTTP/1.1 {self._status}\r\n{framing}\r\n\r\n".encode()
                whole += body if self._counted else b"".join(_pieces(body))
                for start in range(0, len(whole), self._chunk):
                    writer.write(whole[start : start + self._chunk])
                    await writer.drain()


@contextmanager
def server(status: str = "200 OK", chunk: int = 7, *, counted: bool = True) -> Iterator[int]:
    """Run a Doubler in a thread; yields its port."""
    doubler = Doubler(status, chunk, counted=counted)
    thread = threading.Thread(target=lambda: asyncio.run(doubler.serve()))
    thread.start()
    try:
        yield doubler.port.get(timeout=30)
    finally:
        doubler.end()
        thread.join(60)


def _pieces(body: bytes) -> Iterator[bytes]:
    """Write a body in chunks of at most five bytes."""
    for piece in (body[start : start + 5] for start in range(0, len(body), 5)):
        yield b"%x\r\n%s\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(load.HEAD_END)
    except asyncio.IncompleteReadError:
        return b""


def test_answers_come_in_the_order_of_the_requests() -> None:
    with server() as port:
        bodies = load.answers(port, load.infer_requests("/v2/models/m/infer", [[1.0], [2.5], [4.0]], "label"))
    assert [json.loads(body)["doubled"] for body in bodies] == [2.0, 5.0, 8.0]


@pytest.mark.parametrize("chunk", [1, 7, 4096])
def test_answers_in_chunks_are_put_together(chunk: int) -> None:
    with server(chunk=chunk, counted=False) as port:
        bodies = load.answers(port, load.infer_requests("/", [[1.0], [2.5]], "label"))
    assert [json.loads(body)["doubled"] for body in bodies] == [2.0, 5.0]


@pytest.mark.parametrize("connections", [1, 4])
def test_window_counts_every_answer(connections: int) -> None:
    with server(chunk=4096) as port:
        window = load.measure(port, load.infer_requests("/", [[1.0]], "label"), connections, seconds=0.2)
    assert len(window.latencies) >= connections
    assert window.seconds >= 0.2
    assert sum(window.latencies) <= window.seconds * connections


def test_refusal_ends_the_measurement() -> None:
    with server(status="503 Service Unavailable") as port, pytest.raises(ExceptionGroup) as caught:
        load.measure(port, load.infer_requests("/", [[1.0]], "label"), 2, seconds=0.2)
    assert caught.group_contains(load.BadAnswerError, match="503")


def test_percentiles_are_in_milliseconds() -> None:
    result = Result(rates=[1.0, 30.0, 3.0], latencies=[value / 1000 for value in range(1, 101)])
    assert result.rate == 3.0
    assert result.percentile(0.5) == pytest.approx(51)
    assert result.percentile(0.99) == pytest.approx(100)
