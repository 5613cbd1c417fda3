"""Where mirrored requests wait for the scorer: a queue that never grows over its bounds, and counts what it drops."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from model_monitor.envelope import Envelope
from model_monitor.tensors import Tensors

Decode = Callable[[], tuple[Envelope, Tensors]]


@dataclass(frozen=True, eq=False)
class Waiting:
    """A request that has been answered and waits.

    Attributes
    ----------
    decode
        Reads it; left to the scorer, so that answering costs next to nothing.
    """

    at: datetime
    bytes: int
    decode: Decode


class Intake:
    """A bounded queue of requests, in number and in bytes."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._waiting: deque[Waiting] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._closed = False
        self._oldest_taken: datetime | None = None

    def offer(self, waiting: Waiting) -> bool:
        """Put a request in; False where there is no room for it, or nobody takes any more."""
        with self._changed:
            if self._closed or len(self._waiting) >= self._most or self._bytes + waiting.bytes > self._most_bytes:
                return False
            self._waiting.append(waiting)
            self._bytes += waiting.bytes
            self._changed.notify()
            return True

    def take(self, most: int, most_bytes: int, linger: float) -> list[Waiting]:
        """Wait for requests and give some.

        Parameters
        ----------
        most, most_bytes
            How many at once, and of what size together; one is given whatever its size.
        linger
            Seconds to wait for more once there is one: fewer, larger transactions are kinder to a disk.

        Returns
        -------
        list
            Empty only where the intake has been closed and nothing is left.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            deadline = time.monotonic() + linger
            self._changed.wait_for(
                lambda: len(self._waiting) >= most or self._bytes >= most_bytes or self._closed,
                timeout=max(0.0, deadline - time.monotonic()),
            )
            taken: list[Waiting] = []
            size = 0
            while self._waiting and len(taken) < most and (not taken or size + self._waiting[0].bytes <= most_bytes):
                taken.append(self._waiting.popleft())
                size += taken[-1].bytes
            self._bytes -= size
            self._oldest_taken = taken[0].at if taken else None
            return taken

    def done(self) -> None:
        """Say that what was taken has been dealt with."""
        with self._changed:
            self._oldest_taken = None

    def close(self) -> None:
        """Take no more requests; those that wait are still given out."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def complete_until(self, now: datetime) -> datetime:
        """Give the time up to which all requests have been dealt with."""
        with self._changed:
            if self._oldest_taken is not None:
                return self._oldest_taken
            return self._waiting[0].at if self._waiting else now

    @property
    def busy(self) -> bool:
        """Whether anything waits or is being dealt with."""
        with self._changed:
            return bool(self._waiting) or self._oldest_taken is not None

    def __len__(self) -> int:
        """Count what waits."""
        return len(self._waiting)
