"""Whether the monitor does its work: no more than it knows."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from model_monitor.intake import Intake
from model_monitor.worker import Worker

STUCK_SECONDS = 120.0
"""A batch that takes longer, tries to write it included, will not end by itself."""


@dataclass(frozen=True)
class HealthState:
    """How the monitor is.

    Attributes
    ----------
    alive
        Whether it scores, or could; where not, only a restart helps.
    ready
        Whether what it scores is written too.
    """

    alive: bool
    ready: bool
    waiting: int

    def document(self) -> dict[str, object]:
        """Give it for people."""
        scorer = "runs" if self.alive else "stands still"
        database = "written" if self.ready else "cannot be written"
        return {"scorer": scorer, "database": database if self.alive else "unknown", "waiting": self.waiting}


class Health:
    """Looks at the scorer."""

    def __init__(self, worker: Worker, intake: Intake, clock: Callable[[], float] = time.monotonic) -> None:
        self._worker = worker
        self._intake = intake
        self._clock = clock

    def look(self) -> HealthState:
        """Tell how the monitor is now."""
        state = self._worker.state
        busy = self._intake.busy
        stuck = busy and self._clock() - state.beat > STUCK_SECONDS
        alive = self._worker.alive and not stuck
        return HealthState(alive, alive and state.written, len(self._intake))
