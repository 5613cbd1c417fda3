"""The keyed queue: once, never twice at a time, delays and backoff."""

import asyncio

from andon.watch.queue import BACKOFF_LIMIT, KeyedQueue


async def test_a_key_is_in_it_once() -> None:
    queue: KeyedQueue[str] = KeyedQueue()
    for _ in range(3):
        queue.add("a")
    queue.add("b")
    assert [await queue.get(), await queue.get()] == ["a", "b"]


async def test_a_key_added_while_it_is_worked_on_comes_again_after() -> None:
    queue: KeyedQueue[str] = KeyedQueue()
    queue.add("a")
    assert await queue.get() == "a"
    queue.add("a")
    queue.add("b")
    assert await queue.get() == "b"
    queue.done("a")
    assert await queue.get() == "a"


async def test_of_several_delays_the_earliest_counts() -> None:
    queue: KeyedQueue[str] = KeyedQueue()
    queue.add_after("a", 3600)
    queue.add_after("a", 0.01)
    queue.add_after("a", 3600)
    assert await asyncio.wait_for(queue.get(), 10) == "a"


async def test_a_key_that_comes_up_before_does_not_come_twice() -> None:
    queue: KeyedQueue[str] = KeyedQueue()
    queue.add_after("a", 0.01)
    queue.add("a")
    assert await queue.get() == "a"
    queue.done("a")
    queue.add_after("b", 0.02)
    assert await asyncio.wait_for(queue.get(), 10) == "b"


async def test_failures_back_off_until_forgotten() -> None:
    queue: KeyedQueue[str] = KeyedQueue()
    delays = [queue.retry("a") for _ in range(12)]
    assert delays[0] < 1 < delays[3] < delays[6]
    assert max(delays) <= BACKOFF_LIMIT * 1.25
    queue.forget("a")
    assert queue.retry("a") < 1
    assert queue.retry("b", at_least=30) >= 30
    queue.close()


async def test_closed_it_gives_nothing_and_wakes_who_waits() -> None:
    queue: KeyedQueue[str] = KeyedQueue()
    waiting = asyncio.create_task(queue.get())
    await asyncio.wait({waiting}, timeout=0.01)
    queue.close()
    assert await asyncio.wait_for(waiting, 10) is None
    queue.add("a")
    queue.add_after("a", 1)
    assert await queue.get() is None


async def test_the_depth_is_told() -> None:
    depths: list[int] = []
    queue: KeyedQueue[str] = KeyedQueue(depths.append)
    queue.add("a")
    queue.add("b")
    await queue.get()
    assert depths == [1, 2, 1]
