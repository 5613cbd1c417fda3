"""Labels from a table in PostgreSQL that is looked at now and then. It is only read.

A row is known to have been taken by a digest of what it says, kept in the monitor's own database. Transactions may end
in another order than their positions say, so each look begins somewhat below the highest position that was read
(`OVERLAP_ROWS`, `OVERLAP_TIME`) and leaves out rows that were taken. Labels are written before that is noted: after a
kill between the two, rows are taken once more, which changes nothing: a label that is known already is left alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import structlog
from psycopg import sql

from model_monitor.errors import MonitorError, Reason
from model_monitor.labels import GivenLabel, label_of
from model_monitor.settings import LabelTable
from model_monitor.storage.database import Database
from model_monitor.storage.label_marks import LabelMarks
from model_monitor.storage.labelling import Labeller, Outcome
from model_monitor.storage.tables import moment, stamp

_log = structlog.get_logger(__name__)

CHUNK = 500
OVERLAP_ROWS = 10_000
OVERLAP_TIME = timedelta(minutes=10)
"""How far below the highest position each look begins, by number or by time."""

STATEMENT_SECONDS = 60

_NUMBERS = (20, 21, 23)
_TIME = 1184
"""PostgreSQL's numbers of bigint, smallint and integer, and of timestamp with time zone; they never change."""


@dataclass
class Look:
    """What came of one look.

    Attributes
    ----------
    waiting
        Labels whose case is not known yet; they are tried again as long as they are read again.
    """

    kept: list[Outcome] = field(default_factory=list)
    refused: int = 0
    waiting: int = 0


@dataclass(frozen=True)
class _Row:
    position: int
    digest: str
    entry: dict[str, Any]


class WatchedTable:
    """Reads the labels of a model from a table."""

    def __init__(self, settings: LabelTable, database: Database, namespace: str, labeller: Labeller) -> None:
        self._settings = settings
        self._labeller = labeller
        told = [settings.model, settings.table, settings.position, sorted(settings.columns.items())]
        source = hashlib.sha256(json.dumps(told).encode()).hexdigest()
        self._marks = LabelMarks(database, namespace, source)
        self.model = settings.model

    def look(self) -> Look:
        """Take the labels that have come.

        Raises
        ------
        MonitorError
            ``UnknownModel``, or ``LabelTableUnavailable`` where the table cannot be read or the column that tells the
            position is of another type.
        """
        found = Look()
        with self._reading() as connection:
            by_time = self._by_time(connection)
            overlap = OVERLAP_TIME // timedelta(microseconds=1) if by_time else OVERLAP_ROWS
            mark = self._marks.mark()
            start = None if mark is None else mark - overlap
            rows: list[_Row] = []
            for row in self._rows(connection, start, by_time):
                rows.append(row)
                if len(rows) == CHUNK:
                    self._take(rows, overlap, found)
                    rows = []
            if rows:
                self._take(rows, overlap, found)
        return found

    @contextmanager
    def _reading(self) -> Iterator[psycopg.Connection[Any]]:
        try:
            url = self._settings.url_file.read_text(encoding="utf-8").strip()
            with psycopg.connect(url, connect_timeout=10) as connection:
                connection.read_only = True
                connection.execute(sql.SQL("SET LOCAL statement_timeout = {}").format(STATEMENT_SECONDS * 1000))
                yield connection
        except (OSError, UnicodeDecodeError) as error:
            raise _unavailable(self.model, "the Secret with its address cannot be read", type(error).__name__) from None
        except psycopg.Error as error:
            # The words of such an error may hold the address, or values.
            raise _unavailable(
                self.model, "it cannot be read", f"{type(error).__name__} {error.sqlstate or ''}"
            ) from None

    def _by_time(self, connection: psycopg.Connection[Any]) -> bool:
        query = sql.SQL("SELECT {position} FROM {table} LIMIT 0").format(**self._names())
        described = connection.execute(query).description
        if described and described[0].type_code == _TIME:
            return True
        if described and described[0].type_code in _NUMBERS:
            return False
        kind = described[0].type_display if described else "no column"
        raise _unavailable(self.model, f"its column for the position is of type {kind}", kind)

    def _names(self) -> dict[str, sql.Identifier]:
        return {
            "position": sql.Identifier(self._settings.position),
            "table": sql.Identifier(*self._settings.table.split(".")),
        }

    def _rows(self, connection: psycopg.Connection[Any], start: int | None, by_time: bool) -> Iterator[_Row]:
        fields = list(self._settings.columns)
        columns = sql.SQL(", ").join(sql.Identifier(self._settings.columns[name]) for name in fields)
        after = sql.SQL("{position} IS NOT NULL" if start is None else "{position} > %s").format(**self._names())
        query = sql.SQL("SELECT {position}, {columns} FROM {table} WHERE {after} ORDER BY {position}").format(
            columns=columns, after=after, **self._names()
        )
        given = () if start is None else (moment(start) if by_time else start,)
        # A cursor of the server: however many rows there are, few are in memory.
        with connection.cursor(name="andon") as cursor:
            cursor.itersize = CHUNK
            cursor.execute(query, given)
            for position, *values in cursor:
                entry = {name: _said(name, value) for name, value in zip(fields, values, strict=True)}
                told = {name: value for name, value in entry.items() if value is not None}
                place = stamp(position) if by_time else int(position)
                yield _Row(place, _digest(place, told), told)

    def _take(self, rows: list[_Row], overlap: int, found: Look) -> None:
        known = self._marks.taken([row.digest for row in rows])
        new = [row for row in rows if row.digest not in known]
        labels: list[GivenLabel] = []
        settled = []
        whose = []
        for index, row in enumerate(new):
            try:
                labels.append(label_of(index, row.entry))
                whose.append(row)
            except MonitorError:
                found.refused += 1
                settled.append(row)
        sender = f"table:{self._settings.table}"
        outcomes = self._labeller.label(self.model, labels, sender, datetime.now(UTC)) if labels else []
        for row, outcome in zip(whose, outcomes, strict=True):
            if isinstance(outcome, Outcome):
                found.kept.append(outcome)
                settled.append(row)
            elif outcome.reason is Reason.UNKNOWN_REQUEST:
                found.waiting += 1
            else:
                found.refused += 1
                settled.append(row)
        mark = rows[-1].position
        self._marks.take([(row.digest, row.position) for row in settled], mark, mark - overlap)


def _said(name: str, value: Any) -> Any:  # noqa: ANN401 (what a database holds)
    """Give a value as JSON would have it."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if name == "row":
        return int(value) if isinstance(value, int) else str(value)
    return str(value).strip() or None


def _digest(position: int, entry: dict[str, Any]) -> str:
    told = json.dumps([position, entry], sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(told.encode("utf-8", "replace")).hexdigest()[:32]


def _unavailable(model: str, what: str, found: str) -> MonitorError:
    return MonitorError(
        Reason.LABEL_TABLE_UNAVAILABLE,
        f"the table of labels of {model} is not read: {what}",
        found=found.strip(),
        allowed="a table that the address may read, with the columns that the FaultModel names; its position a whole"
        " number or a time with its zone",
        remedy="look at spec.monitoring.labelsFrom, at its Secret, and at what that account may read",
    )
