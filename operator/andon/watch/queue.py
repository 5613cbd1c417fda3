"""A queue of keys: each at most once in it, never worked on twice at a time, with delays and backoff."""

import asyncio
import random
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")

BACKOFF_BASE, BACKOFF_LIMIT = 0.5, 60.0


class KeyedQueue(Generic[K]):
    """Keys to look at, as in client-go's workqueue.

    A key added while it is worked on comes again when that is done. Of several delays of a key the earliest counts.
    """

    def __init__(self, on_depth: Callable[[int], None] | None = None) -> None:
        self._ready: deque[K] = deque()
        self._waiting: set[K] = set()
        self._active: set[K] = set()
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._failures: dict[K, int] = {}
        self._available = asyncio.Event()
        self._closed = False
        self._on_depth = on_depth

    def add(self, key: K) -> None:
        """Look at a key as soon as can be."""
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        if key in self._waiting or self._closed:
            return
        self._waiting.add(key)
        if key not in self._active:
            self._push(key)

    def add_after(self, key: K, delay: float) -> None:
        """Look at a key after a delay in seconds, unless it comes up before."""
        if delay <= 0:
            self.add(key)
            return
        if self._closed:
            return
        loop = asyncio.get_running_loop()
        timer = self._timers.get(key)
        if timer is not None:
            if timer.when() <= loop.time() + delay:
                return
            timer.cancel()
        self._timers[key] = loop.call_later(delay, self._due, key)

    def retry(self, key: K, at_least: float = 0.0) -> float:
        """Look again after a failure; each failure in a row doubles the delay. Returns the delay in seconds."""
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        backoff = min(BACKOFF_BASE * 2 ** (failures - 1), BACKOFF_LIMIT)
        delay: float = max(at_least, backoff * random.uniform(0.75, 1.25))  # noqa: S311  jitter, no secret
        self.add_after(key, delay)
        return delay

    def forget(self, key: K) -> None:
        """Forget a key's failures."""
        self._failures.pop(key, None)

    async def get(self) -> K | None:
        """Take the next key, waiting for one; None when the queue is closed."""
        while not self._ready:
            if self._closed:
                return None
            self._available.clear()
            await self._available.wait()
        key = self._ready.popleft()
        self._waiting.discard(key)
        self._active.add(key)
        self._tell_depth()
        return key

    def done(self, key: K) -> None:
        """Say that the work on a key has ended, well or not."""
        self._active.discard(key)
        if key in self._waiting:
            self._push(key)

    def close(self) -> None:
        """Give no more keys; what is worked on may end."""
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._ready.clear()
        self._available.set()

    def _push(self, key: K) -> None:
        if self._closed:
            return
        self._ready.append(key)
        self._available.set()
        self._tell_depth()

    def _tell_depth(self) -> None:
        if self._on_depth is not None:
            self._on_depth(len(self._ready))

    def _due(self, key: K) -> None:
        self._timers.pop(key, None)
        self.add(key)
