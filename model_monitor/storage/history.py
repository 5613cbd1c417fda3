"""Labelled rows over time, as the version that served then answered them, and how late labels come."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import Connection, func, select

from model_monitor.counting import Selection
from model_monitor.quality import Score, Tally, outcome, scores
from model_monitor.storage.tables import PREDICTIONS, moment, stamp

STEPS = (
    timedelta(hours=1),
    timedelta(hours=6),
    timedelta(days=1),
    timedelta(days=3),
    timedelta(days=7),
    timedelta(days=30),
)
MOST_PERIODS = 30
"""What can be told apart on a phone."""

DELAYS_OF = 5_000
"""The newest labels: of more, sorting would take longer than it tells."""


@dataclass(frozen=True)
class Period:
    """Labelled rows of a time.

    Attributes
    ----------
    rows
        How many.
    scores
        By metric; what has no rows is absent.
    """

    begin: datetime
    end: datetime
    rows: int
    scores: dict[str, Score]


@dataclass(frozen=True)
class Delays:
    """How long after a prediction its label came: the median, and what nine in ten stay below."""

    median: timedelta
    most: timedelta


def periods(connection: Connection, model: int, now: datetime, classes: int) -> list[Period]:
    """Give the scores of what served, period by period, the oldest first; periods without labels are left out.

    Cases that were inspected because the versions disagreed are left out: they are no fair picture of either.

    Parameters
    ----------
    classes
        How many classes the model has.
    """
    known = (
        PREDICTIONS.c.model_id == model,
        PREDICTIONS.c.fault.is_not(None),
        PREDICTIONS.c.selection > int(Selection.QUEUE),
    )
    first = connection.execute(select(func.min(PREDICTIONS.c.at)).where(*known)).scalar_one()
    if first is None:
        return []
    width = _width(now - moment(first)) // timedelta(microseconds=1)
    begin = (PREDICTIONS.c.at - PREDICTIONS.c.at % width).label("begin")
    right = PREDICTIONS.c.old_class == PREDICTIONS.c.label_class
    columns = (begin, PREDICTIONS.c.fault, PREDICTIONS.c.old_alarm, right.label("right"))
    query = select(*columns, func.count().label("times")).where(*known, PREDICTIONS.c.at <= stamp(now))
    counts: dict[int, Counter[str]] = {}
    for row in connection.execute(query.group_by(*columns)):
        mine = counts.setdefault(int(row.begin), Counter())
        mine[outcome(row.fault, row.old_alarm)] += row.times
        if row.right is not None:
            mine["classed"] += row.times
            mine["right"] += row.times * bool(row.right)
    return [_period(start, width, counts[start], classes) for start in sorted(counts)]


def _width(span: timedelta) -> timedelta:
    return next((step for step in STEPS if span <= step * (MOST_PERIODS - 1)), STEPS[-1])


def _period(begin: int, width: int, counts: Counter[str], classes: int) -> Period:
    tally = Tally(**counts, classes=classes)
    rows = tally.caught + tally.missed + tally.false_alarms + tally.quiet
    return Period(moment(begin), moment(begin + width), rows, {one.metric: one for one in scores(tally)})


def delays(connection: Connection, model: int) -> Delays | None:
    """Say how late labels come; None where there is none."""
    newest = (
        select(PREDICTIONS.c.labelled_at, PREDICTIONS.c.at)
        .where(PREDICTIONS.c.model_id == model, PREDICTIONS.c.fault.is_not(None))
        .order_by(PREDICTIONS.c.at.desc())
        .limit(DELAYS_OF)
    )
    found = [max(0, row.labelled_at - row.at) for row in connection.execute(newest)]
    if not found:
        return None
    middle, most = np.quantile(found, (0.5, 0.9))
    return Delays(timedelta(microseconds=float(middle)), timedelta(microseconds=float(most)))
