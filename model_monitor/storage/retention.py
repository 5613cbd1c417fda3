"""Removes the oldest predictions, with their labels, so that the disk never fills. The counts stay."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, select

from model_monitor.storage.database import Database
from model_monitor.storage.tables import PREDICTIONS, stamp

CHUNK = 5_000
"""Rows of one transaction: a longer one would keep labels waiting, and need more room on a full disk."""


@dataclass(frozen=True)
class Bounds:
    """What is kept.

    Attributes
    ----------
    age
        How long a prediction is kept.
    rows
        Most predictions.
    bytes
        Most bytes of a SQLite file; of PostgreSQL the server's own means are asked for that.
    """

    age: timedelta
    rows: int
    bytes: int


class Retention:
    """Keeps the database within bounds."""

    def __init__(self, database: Database, bounds: Bounds) -> None:
        self._database = database
        self._bounds = bounds

    def sweep(self, now: datetime) -> int:
        """Remove what is over the bounds, the oldest first.

        Returns
        -------
        int
            How many predictions were removed.
        """
        removed = 0
        while chunk := self._once(now):
            removed += chunk
        return removed

    def _once(self, now: datetime) -> int:
        with self._database.write() as connection:
            old = (
                select(PREDICTIONS.c.id)
                .where(PREDICTIONS.c.at < stamp(now - self._bounds.age))
                .order_by(PREDICTIONS.c.at)
                .limit(CHUNK)
            )
            removed = connection.execute(delete(PREDICTIONS).where(PREDICTIONS.c.id.in_(old))).rowcount
            return removed or self._excess(connection)

    def _excess(self, connection: Connection) -> int:
        # Numbers are given in order, so the first and last tell how many there are, but for some that were skipped.
        first, last = connection.execute(select(func.min(PREDICTIONS.c.id), func.max(PREDICTIONS.c.id))).one()
        if first is None:
            return 0
        excess = last - first + 1 - self._bounds.rows
        if excess <= 0 and self._bytes(connection) > self._bounds.bytes:
            excess = CHUNK
        if excess <= 0:
            return 0
        upto = first + min(excess, CHUNK)
        return int(connection.execute(delete(PREDICTIONS).where(PREDICTIONS.c.id < upto)).rowcount)

    def _bytes(self, connection: Connection) -> int:
        if not self._database.sqlite:
            return 0
        # A page that was freed is used again before the file grows.
        pages, free, size = (
            int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
            for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * size
