"""The load client of the serving benchmark, against a server of a few lines."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from benchmarks import load
from benchmarks.serving import Result


@contextmanager
def server(status: str = "200 OK", chunk: int = 7) -> Iterator[int]:
    """Answer every request with its first number doubled, in pieces of `chunk` bytes; yields the port."""
    started: asyncio.Queue[int] = asyncio.Queue()
    loop = asyncio.new_event_loop()
    ended = asyncio.Event()
    ready = threading.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await _head(reader):
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            asked = json.loads(await reader.readexactly(length))
            body = json.dumps({"doubled": 2 * asked["inputs"][0]["data"][0]}).encode()
            whole = f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
            for start in range(0, len(whole), chunk):
                writer.write(whole[start : start + chunk])
                await writer.drain()
        writer.close()

    async def serve() -> None:
        listening = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with listening:
            started.put_nowait(listening.sockets[0].getsockname()[1])
            ready.set()
            await ended.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(30)
    try:
        yield started.get_nowait()
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(30)
        loop.close()


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readuntil(load.HEAD_END)
    except asyncio.IncompleteReadError:
        return b""


def test_answers_come_in_the_order_of_the_requests() -> None:
    with server() as port:
        bodies = load.answers(port, load.infer_requests("/v2/models/m/infer", [[1.0], [2.5], [4.0]], "label"))
    assert [json.loads(body)["doubled"] for body in bodies] == [2.0, 5.0, 8.0]


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
