"""Labelled rows of the versions that serve, over a sliding window, and how much of it is labelled."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, Row, and_, func, or_, select

from model_monitor.counting import Selection
from model_monitor.quality import Estimate, Score
from model_monitor.resampling import Floats, ranking_scores
from model_monitor.scoring import Bools
from model_monitor.slicing import Part, parts
from model_monitor.storage.tables import MODELS, PAIRS, PREDICTIONS, SLICES, VERSIONS, stamp
from model_monitor.summing import Sums

FORMER = "former"
"""Track of the version that served before; the others are `stable` and `candidate`."""

RANKED_ROWS = 5_000
"""Scores are drawn again and again to tell an interval; of more rows that would take seconds."""

RANKED_SLICES = 50
"""The first by name, for the same reason."""

ESTIMATED_ROWS = 50_000
"""The newest rows tell best how a version does now; more would cost a pass over the table."""


@dataclass(frozen=True)
class SliceQuality:
    """What is known of a version on the rows with one value of a column; an empty value stands for missing.

    Attributes
    ----------
    rows
        Labelled ones.
    """

    column: str
    value: str
    rows: int
    scores: list[Score]

    @property
    def part(self) -> tuple[str, str]:
        """Name the slice."""
        return self.column, self.value


@dataclass(frozen=True)
class VersionQuality:
    """What is known of a version, in the whole and by slice.

    Attributes
    ----------
    labelled, faults
        Rows of the window that its scores are told from, and the faults among them.
    """

    track: str
    number: int
    scores: list[Score]
    estimate: Estimate | None = None
    digest: str = ""
    labelled: int = 0
    faults: int = 0
    slices: list[SliceQuality] = field(default_factory=list)


@dataclass(frozen=True)
class ModelQuality:
    """What is known of a model.

    Attributes
    ----------
    rows, labelled
        Predictions of the window, and those among them that have a label.
    versions
        Of the newest request: the one that serves and, where there is one, the candidate.
    former
        The one that served before, where labelled rows of the window still tell of it.
    """

    model: str
    rows: int
    labelled: int
    versions: list[VersionQuality] = field(default_factory=list)
    former: VersionQuality | None = None


def qualities(connection: Connection, namespace: str, now: datetime, window: timedelta) -> list[ModelQuality]:
    """Look at every model.

    Cases that were inspected because of the queue are left out: they are disagreements only, on which every version
    looks worse than it is.
    """
    since = stamp(now - window)
    counted = select(PREDICTIONS.c.model_id, func.count()).where(PREDICTIONS.c.at >= since)
    rows = {row[0]: row[1] for row in connection.execute(counted.group_by(PREDICTIONS.c.model_id))}
    models = connection.execute(select(MODELS).where(MODELS.c.namespace == namespace).order_by(MODELS.c.id)).all()
    return [_of_model(connection, model, since, rows.get(model.id, 0)) for model in models]


def _of_model(connection: Connection, model: Row[Any], since: int, rows: int) -> ModelQuality:
    known = (PREDICTIONS.c.model_id == model.id, PREDICTIONS.c.at >= since, PREDICTIONS.c.fault.is_not(None))
    labelled = connection.execute(select(func.count()).select_from(PREDICTIONS).where(*known)).scalar_one()
    combinations = _combinations(connection, model.id)
    versions = [
        _of_version(connection, model.id, number, track, since, combinations)
        for track, number in (("stable", model.stable_id), ("candidate", model.candidate_id))
        if number is not None
    ]
    former = _former(connection, model, since)
    # Of the former version nobody asks for slices.
    before = _of_version(connection, model.id, former, FORMER, since, {}) if former is not None else None
    return ModelQuality(model.name, rows, labelled, versions, before)


def _former(connection: Connection, model: Row[Any], since: int) -> int | None:
    """Find the version that served last before the one that serves, among rows with a label: these have an index."""
    served = select(PREDICTIONS.c.old_id).where(
        PREDICTIONS.c.model_id == model.id,
        PREDICTIONS.c.at >= since,
        PREDICTIONS.c.fault.is_not(None),
        PREDICTIONS.c.old_id.not_in([one for one in (model.stable_id, model.candidate_id) if one is not None]),
    )
    found: int | None = connection.execute(served.order_by(PREDICTIONS.c.at.desc()).limit(1)).scalar()
    return found


def _of_version(
    connection: Connection, model: int, version: int, track: str, since: int, combinations: dict[int, list[Part]]
) -> VersionQuality:
    columns = (VERSIONS.c.number, VERSIONS.c.classes, VERSIONS.c.digest)
    described = connection.execute(select(*columns).where(VERSIONS.c.id == version)).one()
    classes = len(json.loads(described.classes))
    whole, parted = Sums(classes), defaultdict[Part, Sums](lambda: Sums(classes))
    for row in connection.execute(_labelled(model, version, since)):
        alarm, code = (row.old_alarm, row.old_class) if row.old_id == version else (row.new_alarm, row.new_class)
        for sums in (whole, *(parted[part] for part in combinations.get(row.slice_id, ()))):
            sums.add(row.fault, alarm, row.label_class, code, row.times)
    found, ranks = whole.scores(), None
    if classes == 2:
        ranks = _ranked(connection, model, version, since)
        found += ranking_scores(ranks.truths, ranks.scores)
    known = sorted((column, value) for column, value in parted if value is not None)
    slices = [
        SliceQuality(
            *part,
            parted[part].rows,
            [*parted[part].scores(), *(_precision_of(ranks, combinations, part) if place < RANKED_SLICES else ())],
        )
        for place, part in enumerate(known)
    ]
    expected = _estimate(connection, model, version, track) if track != FORMER else None
    return VersionQuality(track, described.number, found, expected, described.digest, whole.rows, whole.faults, slices)


@dataclass(frozen=True, eq=False)
class _Ranked:
    """Truths and scores of the newest labelled rows, and which combination of slices each is in (-1: none)."""

    truths: Bools
    scores: Floats
    combinations: npt.NDArray[np.int64]


def _combinations(connection: Connection, model: int) -> dict[int, list[Part]]:
    rows = connection.execute(select(SLICES.c.id, SLICES.c.content).where(SLICES.c.model_id == model))
    return {row.id: parts(row.content) for row in rows}


def _precision_of(ranks: _Ranked | None, combinations: dict[int, list[Part]], part: Part) -> list[Score]:
    """Give the average precision of a slice, which is told of two classes only."""
    if ranks is None:
        return []
    mine = [number for number, found in combinations.items() if part in found]
    rows = np.isin(ranks.combinations, mine)
    return ranking_scores(ranks.truths[rows], ranks.scores[rows], ("averagePrecision",))


def _ranked(connection: Connection, model: int, version: int, since: int) -> _Ranked:
    columns = [PREDICTIONS.c[name] for name in ("old_id", "old_score", "new_score", "fault", "slice_id")]
    newest = _of_labelled(select(*columns), model, version, since).order_by(PREDICTIONS.c.at.desc())
    rows = connection.execute(newest.limit(RANKED_ROWS)).all()
    scored = [row.old_score if row.old_id == version else row.new_score for row in rows]
    return _Ranked(
        np.array([row.fault for row in rows], bool),
        np.array([-1.0 if score is None else score for score in scored], np.float64),
        np.array([-1 if row.slice_id is None else row.slice_id for row in rows], np.int64),
    )


def _labelled(model: int, version: int, since: int) -> Any:  # noqa: ANN401 (a statement)
    columns = [
        PREDICTIONS.c[name]
        for name in ("old_id", "old_alarm", "old_class", "new_alarm", "new_class", "fault", "label_class", "slice_id")
    ]
    counted = select(*columns, func.count().label("times"))
    return _of_labelled(counted, model, version, since).group_by(*columns)


def _of_labelled(chosen: Any, model: int, version: int, since: int) -> Any:  # noqa: ANN401 (statements)
    return chosen.outerjoin(PAIRS, PREDICTIONS.c.pair_id == PAIRS.c.id).where(
        PREDICTIONS.c.model_id == model,
        PREDICTIONS.c.at >= since,
        PREDICTIONS.c.fault.is_not(None),
        PREDICTIONS.c.selection > int(Selection.QUEUE),
        or_(PREDICTIONS.c.old_id == version, PAIRS.c.new_id == version),
    )


def _estimate(connection: Connection, model: int, version: int, track: str) -> Estimate | None:
    old = track == "stable"
    score, alarm = (
        (PREDICTIONS.c.old_score, PREDICTIONS.c.old_alarm)
        if old
        else (
            PREDICTIONS.c.new_score,
            PREDICTIONS.c.new_alarm,
        )
    )
    newest = select(func.max(PREDICTIONS.c.id) - ESTIMATED_ROWS).scalar_subquery()
    # The sum keeps SQLite from going through all rows of the model by their index.
    recent = select(score.label("score"), alarm.label("alarm")).where(
        and_(PREDICTIONS.c.id > newest, PREDICTIONS.c.model_id + 0 == model, score.is_not(None))
    )
    if old:
        recent = recent.where(PREDICTIONS.c.old_id == version)
    else:
        recent = recent.join(PAIRS, PREDICTIONS.c.pair_id == PAIRS.c.id).where(PAIRS.c.new_id == version)
    rows = recent.subquery()
    found = {
        bool(row.alarm): (row.times, row.total)
        for row in connection.execute(
            select(rows.c.alarm, func.count().label("times"), func.sum(rows.c.score).label("total")).group_by(
                rows.c.alarm
            )
        )
    }
    if not found:
        return None
    alarms, in_alarms = found.get(True, (0, 0.0))
    return Estimate(alarms, in_alarms, found.get(False, (0, 0.0))[1])
