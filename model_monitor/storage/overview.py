"""Which models there are, the versions that served them, and what was counted of a pair on trial."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, case, select

from model_monitor.storage.tables import MODELS, PAIRS, PREDICTIONS, VERSIONS, moment

KEPT_VERSIONS = 20
"""The newest; of years of versions nobody reads all."""


@dataclass(frozen=True)
class SeenVersion:
    """A version that answered requests here, with what was counted of it.

    Attributes
    ----------
    track
        ``stable``, ``candidate``, or empty where it no longer serves.
    """

    number: int
    digest: str
    track: str
    rows: int
    alarms: int
    invalid: int
    classes: int


@dataclass(frozen=True)
class SeenPair:
    """What was counted of the version that serves and the one on trial, since both answered.

    Attributes
    ----------
    shift
        Mean absolute difference of their scores; None where there is none.
    faults, sound
        Labelled cases by who raised an alarm: only_old, only_new, both, total.
    """

    since: datetime
    rows: int
    disagreements: int
    invalid: int
    old_alarms: int
    new_alarms: int
    shift: float | None
    faults: dict[str, int]
    sound: dict[str, int]
    pending: int


@dataclass(frozen=True)
class SeenModel:
    """A model.

    Attributes
    ----------
    last
        When its newest request came that is still kept; None where none is.
    pair
        Only while a version is on trial.
    """

    id: int
    name: str
    last: datetime | None
    versions: list[SeenVersion]
    pair: SeenPair | None

    def of(self, track: str) -> SeenVersion | None:
        """Give the version of a track."""
        return next((one for one in self.versions if one.track == track), None)


def seen_models(connection: Connection, namespace: str, name: str = "") -> list[SeenModel]:
    """Give all models of a namespace, or one of them, by name."""
    query = select(MODELS).where(MODELS.c.namespace == namespace).order_by(MODELS.c.name)
    if name:
        query = query.where(MODELS.c.name == name)
    return [_model(connection, row) for row in connection.execute(query).all()]


def _model(connection: Connection, model: Row[Any]) -> SeenModel:
    newest = (
        select(PREDICTIONS.c.at).where(PREDICTIONS.c.model_id == model.id).order_by(PREDICTIONS.c.at.desc()).limit(1)
    )
    last = connection.execute(newest).scalar_one_or_none()
    return SeenModel(
        model.id,
        model.name,
        None if last is None else moment(last),
        _versions(connection, model),
        _pair(connection, model),
    )


def _versions(connection: Connection, model: Row[Any]) -> list[SeenVersion]:
    tracks = {model.candidate_id: "candidate", model.stable_id: "stable"}
    serving = case((VERSIONS.c.id == model.stable_id, 2), (VERSIONS.c.id == model.candidate_id, 1), else_=0)
    query = (
        select(VERSIONS)
        .where(VERSIONS.c.model_id == model.id)
        .order_by(serving.desc(), VERSIONS.c.number.desc(), VERSIONS.c.id.desc())
        .limit(KEPT_VERSIONS)
    )
    return [
        SeenVersion(
            row.number,
            row.digest,
            tracks.get(row.id, ""),
            row.rows,
            row.alarms,
            row.invalid,
            len(json.loads(row.classes)),
        )
        for row in connection.execute(query)
    ]


def _pair(connection: Connection, model: Row[Any]) -> SeenPair | None:
    if model.candidate_id is None:
        return None
    query = select(PAIRS).where(PAIRS.c.old_id == model.stable_id, PAIRS.c.new_id == model.candidate_id)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        return None
    return SeenPair(
        since=moment(row["since"]),
        rows=row["rows"],
        disagreements=row["disagreements"],
        invalid=row["invalid"],
        old_alarms=row["old_alarms"],
        new_alarms=row["new_alarms"],
        shift=row["shift_sum"] / row["shift_rows"] if row["shift_rows"] else None,
        faults=_labelled(row, "faults"),
        sound=_labelled(row, "sound"),
        pending=row["queue_only_old_pending"] + row["queue_only_new_pending"],
    )


def _labelled(row: Any, truth: str) -> dict[str, int]:  # noqa: ANN401 (a mapping of columns)
    return {name: int(row[f"{truth}_{name}"]) for name in ("only_old", "only_new", "both", "total")}
