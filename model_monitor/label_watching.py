"""Looks at tables of labels in turn, each when it is due, and tells what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import structlog
from sqlalchemy.exc import SQLAlchemyError

from model_monitor.errors import MonitorError
from model_monitor.label_tables import Look, WatchedTable
from model_monitor.logs import Seldom
from model_monitor.metrics import Metrics
from model_monitor.storage.database import unavailable
from model_monitor.storage.events import Event, Events, Happened

_log = structlog.get_logger(__name__)


class LabelWatch:
    """Looks at tables, one after the other: a server that is slow takes one thread, and no more.

    Parameters
    ----------
    tables
        Each with the seconds between two looks at it.
    clock
        Monotonic, in seconds.
    """

    def __init__(
        self,
        tables: Sequence[tuple[WatchedTable, float]],
        metrics: Metrics,
        events: Events,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tables = list(tables)
        self._due = dict.fromkeys(range(len(self._tables)), clock())
        self._metrics = metrics
        self._events = events
        self._clock = clock
        self._seldom = Seldom()
        self.seconds = min((seconds for _, seconds in tables), default=60.0)
        for table, _ in tables:
            metrics.know(table.model)

    def look(self) -> None:
        """Look at those that are due. What goes wrong with one hinders no other, and is tried again."""
        for place, (table, seconds) in enumerate(self._tables):
            if self._clock() < self._due[place]:
                continue
            try:
                self._tell(table.model, table.look())
            except MonitorError as error:
                if self._seldom.due(f"{table.model} {error.reason}"):
                    _log.warning("labels are not read", reason=str(error.reason), message=error.message)
            except SQLAlchemyError as error:
                _log.warning("the database cannot be used", work="labels", found=unavailable(error).found)
            except Exception as error:  # noqa: BLE001 (a defect over one table must not end the looks at all)
                if self._seldom.due(f"{table.model} {type(error).__name__}"):
                    _log.warning("labels are not read", model=table.model, error=type(error).__name__)
            self._due[place] = self._clock() + seconds

    def _tell(self, model: str, found: Look) -> None:
        now = datetime.now(UTC)
        self._metrics.labelled(model, found.kept)
        self._metrics.label_table_read.labels(model).set(now.timestamp())
        self._metrics.label_table_waiting.labels(model).set(found.waiting)
        if found.refused:
            self._metrics.label_table_refused.labels(model).inc(found.refused)
        new = sum(each.what != "unchanged" for each in found.kept)
        if not new and not found.refused:
            return
        _log.info("labels came", model=model, sender="table", kept=len(found.kept), refused=found.refused)
        if new:
            self._events.note(model, Event(now, Happened.LABELS_CAME, count=new))
