"""Writes scored requests: their rows, and what these add to the counts, in one transaction."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, Table, insert, select, update

from model_monitor.counting import Answer, Compared, of_pair, of_version
from model_monitor.scoring import Bools, Judged, Scored
from model_monitor.slicing import labelled
from model_monitor.storage.database import Database
from model_monitor.storage.names import Names
from model_monitor.storage.tables import INPUTS, PAIRS, PREDICTIONS, VERSIONS, stamp

_LOT = random.SystemRandom().random
_LOOKED_UP = 500
"""SQLite takes a bounded number of values in one statement."""

Indices = npt.NDArray[np.int64]
KeepInputs = Callable[[Scored], list[bytes]]


@dataclass(frozen=True, eq=False)
class Recorded:
    """What was written of scored requests.

    Attributes
    ----------
    kept
        Array of shape (rows,): False where a request came twice, so that its rows were not counted again.
    duplicates
        How many requests came twice.
    """

    kept: Bools
    duplicates: int


class Recorder:
    """Writes scored requests.

    Parameters
    ----------
    probability
        With which a disagreement is put into the queue, for pairs that are new.
    keep_inputs
        Gives what is to be kept of each row's features; None: nothing is.
    lot
        Draws a number from 0 up to, not including, 1.
    left_out
        Columns of which nothing may be kept, not even which slice a row is in.
    """

    def __init__(
        self,
        database: Database,
        namespace: str,
        probability: float,
        keep_inputs: KeepInputs | None = None,
        lot: Callable[[], float] = _LOT,
        left_out: frozenset[str] = frozenset(),
    ) -> None:
        self._database = database
        self._names = Names(namespace, probability)
        self._keep_inputs = keep_inputs
        self._lot = lot
        self._left_out = left_out

    def record(self, batch: Sequence[Scored]) -> list[Recorded]:
        """Write requests, all or none of them."""
        try:
            with self._database.write() as connection:
                return [self._record(connection, scored) for scored in batch]
        except BaseException:
            self._names.forget()
            raise

    def _record(self, connection: Connection, scored: Scored) -> Recorded:
        model = self._names.model(connection, scored.model)
        fresh = _fresh(connection, model, [request.request_id for request in scored.requests])
        kept = fresh[scored.request_of]
        recorded = Recorded(kept, int((~fresh).sum()))
        if not kept.any():
            return recorded
        old = self._names.version(connection, model, scored.old)
        rows = _rows(scored, kept, model, old)
        self._slice(connection, scored, rows, model, np.flatnonzero(kept))
        _add(connection, VERSIONS, old, _version_counts(scored.old, kept))
        new = None if scored.new is None else self._names.version(connection, model, scored.new)
        self._names.serve(connection, model, old, new)
        if scored.new is not None and new is not None:
            pair = self._names.pair(connection, model, old, new, scored)
            self._compare(scored.new, rows, pair.id, pair.probability, np.flatnonzero(kept))
            _add(connection, VERSIONS, new, _version_counts(scored.new, kept))
            _add(connection, PAIRS, pair.id, _pair_counts(rows))
            _add_shift(connection, pair.id, rows)
        self._insert(connection, scored, rows, kept)
        return recorded

    def _slice(
        self, connection: Connection, scored: Scored, rows: list[dict[str, Any]], model: int, kept: Indices
    ) -> None:
        told = labelled(scored.rows, scored.old.model.slices, self._left_out)
        for row, index in zip(rows, kept.tolist(), strict=True):
            text = told[index]
            row["slice_id"] = None if text is None else self._names.slices(connection, model, text)

    def _compare(self, new: Judged, rows: list[dict[str, Any]], pair: int, probability: float, kept: Indices) -> None:
        scores, classes, alarms = new.answers.alarm_scores[kept], new.answers.classes[kept], new.alarm[kept]
        for row, score, code, alarm in zip(rows, scores.tolist(), classes.tolist(), alarms.tolist(), strict=True):
            row["pair_id"] = pair
            row["new_score"], row["new_class"], row["new_alarm"] = (score if code >= 0 else None), code, alarm
            if row["old_alarm"] != alarm:
                row["queued"] = probability >= 1 or self._lot() < probability
            if row["old_score"] is not None and row["new_score"] is not None:
                row["gap"] = abs(row["new_score"] - row["old_score"])
            elif row["old_alarm"] != alarm:
                row["gap"] = 1.0  # no answer at all: nothing is further apart

    def _insert(self, connection: Connection, scored: Scored, rows: list[dict[str, Any]], kept: Bools) -> None:
        if self._keep_inputs is None:
            connection.execute(insert(PREDICTIONS), rows)
            return
        statement = insert(PREDICTIONS).returning(PREDICTIONS.c.id, sort_by_parameter_order=True)
        numbers = connection.execute(statement, rows).scalars().all()
        contents = self._keep_inputs(scored)
        connection.execute(
            insert(INPUTS),
            [
                {"prediction_id": number, "content": contents[index]}
                for number, index in zip(numbers, np.flatnonzero(kept).tolist(), strict=True)
            ],
        )


def _fresh(connection: Connection, model: int, names: list[str]) -> Bools:
    """Tell the requests that are new; of those with one name the first."""
    seen: set[str] = set()
    for start in range(0, len(names), _LOOKED_UP):
        wanted = PREDICTIONS.c.request_id.in_(names[start : start + _LOOKED_UP])
        query = select(PREDICTIONS.c.request_id).where(PREDICTIONS.c.model_id == model, wanted)
        seen.update(connection.execute(query).scalars())
    fresh = np.zeros(len(names), bool)
    for index, name in enumerate(names):
        fresh[index] = name not in seen
        seen.add(name)
    return fresh


def _rows(scored: Scored, kept: Bools, model: int, old: int) -> list[dict[str, Any]]:
    which = np.flatnonzero(kept)
    stamps = [stamp(request.at) for request in scored.requests]
    columns = (
        scored.request_of[which].tolist(),
        scored.row_of[which].tolist(),
        scored.old.answers.alarm_scores[which].tolist(),
        scored.old.answers.classes[which].tolist(),
        scored.old.alarm[which].tolist(),
        (scored.differ[which].tolist() if scored.differ is not None else [None] * len(which)),
    )
    return [
        {
            "model_id": model,
            "request_id": scored.requests[request].request_id,
            "row": row,
            "asset": scored.requests[request].asset or None,
            "at": stamps[request],
            "old_id": old,
            "pair_id": None,
            "old_score": score if code >= 0 else None,
            "old_class": code,
            "old_alarm": alarm,
            "new_score": None,
            "new_class": None,
            "new_alarm": None,
            "differ": differ,
            "queued": None,
            "gap": None,
        }
        for request, row, score, code, alarm, differ in zip(*columns, strict=True)
    ]


def compared(row: Any) -> Compared:  # noqa: ANN401 (a mapping or a row of the table)
    """Give what a row of the table says of two versions."""
    return Compared(
        Answer(row["old_class"] >= 0, row["old_alarm"]),
        Answer(row["new_class"] >= 0, row["new_alarm"]),
        row["differ"],
        bool(row["queued"]),
    )


def _pair_counts(rows: list[dict[str, Any]]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for row, times in Counter(map(compared, rows)).items():
        for name, count in of_pair(row, None).items():
            counts[name] += count * times
    return counts


def _version_counts(judged: Judged, kept: Bools) -> Counter[str]:
    counts: Counter[str] = Counter()
    pairs = zip(judged.valid[kept].tolist(), judged.alarm[kept].tolist(), strict=True)
    for answer, times in Counter(pairs).items():
        for name, count in of_version(Answer(*answer), None).items():
            counts[name] += count * times
    return counts


def _add_shift(connection: Connection, pair: int, rows: list[dict[str, Any]]) -> None:
    gaps = [row["gap"] for row in rows if row["old_score"] is not None and row["new_score"] is not None]
    if not gaps:
        return
    largest = max(gaps)
    connection.execute(
        update(PAIRS)
        .where(PAIRS.c.id == pair)
        .values(shift_sum=PAIRS.c.shift_sum + sum(gaps), shift_rows=PAIRS.c.shift_rows + len(gaps))
    )
    connection.execute(
        update(PAIRS).where(PAIRS.c.id == pair, PAIRS.c.shift_largest < largest).values(shift_largest=largest)
    )


def _add(connection: Connection, table: Table, number: int, counts: Counter[str] | dict[str, int]) -> None:
    add(connection, table, number, {name: count for name, count in counts.items() if count})


def add(connection: Connection, table: Table, number: int, changes: dict[str, int]) -> None:
    """Add to the counts of a row."""
    if changes:
        values = {name: table.c[name] + count for name, count in changes.items()}
        connection.execute(update(table).where(table.c.id == number).values(values))
