"""Wait for a condition with a deadline."""

import time
from collections.abc import Callable

from lab.errors import LabError

PAUSE_SECONDS = 0.1


def until(condition: Callable[[], bool], what: str, seconds: float, explain: Callable[[], str] = str) -> None:
    """Wait until `condition` holds.

    Parameters
    ----------
    condition
        Asked about ten times a second; it may raise to end the wait at once.
    what
        What is waited for, for the message.
    seconds
        The deadline.
    explain
        Asked for more words when time is up: the end of a log, for example.

    Raises
    ------
    LabError
        `TimedOut`.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            raise LabError("TimedOut", f"{what}: not within {seconds:.0f} s\n{explain()}".rstrip())
        time.sleep(PAUSE_SECONDS)
