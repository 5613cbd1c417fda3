"""What a run takes of the machine: time and memory, measured and never guessed."""

from __future__ import annotations

import resource
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from model_builder.report import Usage

STATUS = Path("/proc/self/status")


@dataclass(frozen=True)
class Stopwatch:
    """Runs from the moment it is made."""

    start: float = field(default_factory=time.monotonic)

    def usage(self) -> Usage:
        """Tell the seconds so far, and the largest memory that the process has held so far."""
        return Usage(seconds=round(time.monotonic() - self.start, 2), peak_memory_bytes=peak_memory_bytes())


def peak_memory_bytes() -> int:
    """Give the largest resident memory of this process in bytes, of all its threads, its libraries included.

    Linux keeps it as ``VmHWM``. ``getrusage`` is second choice: there Linux counts in what the program that started
    this one held before.
    """
    try:
        for line in STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
