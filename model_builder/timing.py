"""Whether a server that does nothing else answers one row within a limit, most of the time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

WARM = 3
"""Requests that are not timed: the first ones find caches cold."""
TIMED = 21
"""Requests that are timed, at most: it ends as soon as more than half of them are on one side."""


def too_slow(ask: Callable[[], object], limit: float, clock: Callable[[], float] = time.perf_counter) -> str:
    """Time requests one after the other; say how long they took where most are over the limit, else nothing.

    A rollout's limit is on the few slowest requests of a line that is at work. A server that is over it in most
    requests while it has nothing else to do cannot keep it, so no request of the line is spent to find that out.

    Parameters
    ----------
    ask
        Sends a request and waits for its answer.
    limit
        Seconds.
    clock
        Gives seconds.
    """
    for _ in range(WARM):
        ask()
    took: list[float] = []
    over, most = 0, TIMED // 2 + 1
    while over < most and len(took) - over < most:
        begun = clock()
        ask()
        took.append(clock() - begun)
        over += took[-1] > limit
    if over < most:
        return ""
    median = statistics.median(took)
    return f"{over} of {len(took)} requests of one row took longer than {limit:g} s, {median:.3g} s at the median"
