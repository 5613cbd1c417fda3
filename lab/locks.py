"""One at a time: two runs neither build the same thing twice nor boot the lab twice."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from lab.console import say
from lab.paths import Paths


@contextmanager
def exclusive(paths: Paths, name: str) -> Iterator[None]:
    """Hold the named lock; the kernel drops it when the process ends, however it ends."""
    paths.locks.mkdir(parents=True, exist_ok=True)
    with (paths.locks / name).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"  [yellow]another run holds the {name} lock; waiting for it[/]")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
