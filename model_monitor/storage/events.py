"""What happened to a model, for people: the last of it, so that nobody can fill the disk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, delete, insert, select, update

from model_monitor.storage.database import Database
from model_monitor.storage.tables import EVENTS, MODELS, moment, stamp

KEPT_EVENTS = 200
"""Of each model."""

TOGETHER = timedelta(days=1)
"""Labels that come one by one within this time are one event."""

LONGEST_TEXT = 1000


class Happened(StrEnum):
    """What happened."""

    DRIFT_BEGAN = "DriftBegan"
    DRIFT_ENDED = "DriftEnded"
    SENSOR_BROKE = "SensorBroke"
    SENSOR_WELL = "SensorWell"
    BASELINE_BEGAN = "BaselineBegan"
    BASELINE_LEARNT = "BaselineLearnt"
    LABELS_CAME = "LabelsCame"


@dataclass(frozen=True)
class Event:
    """Something that happened.

    Attributes
    ----------
    text
        Names of inputs or a reason; never a value of a row.
    count
        Of labels; otherwise 0.
    """

    at: datetime
    kind: Happened
    text: str = ""
    count: int = 0


class Events:
    """Keeps events of the models of a namespace."""

    def __init__(self, database: Database, namespace: str) -> None:
        self._database = database
        self._namespace = namespace

    def note(self, model: str, event: Event) -> None:
        """Keep an event; of a model that is not known, nothing."""
        with self._database.write() as connection:
            wanted = select(MODELS.c.id).where(MODELS.c.namespace == self._namespace, MODELS.c.name == model)
            number = connection.execute(wanted).scalar_one_or_none()
            if number is None:
                return
            if event.kind is Happened.LABELS_CAME and _added(connection, number, event):
                return
            values = {"at": stamp(event.at), "kind": str(event.kind), "text": event.text[:LONGEST_TEXT]}
            connection.execute(insert(EVENTS).values(model_id=number, count=event.count, **values))
            _shorten(connection, number)


def latest(connection: Connection, model: int, limit: int) -> list[Event]:
    """Give the newest events of a model, the newest first."""
    query = select(EVENTS).where(EVENTS.c.model_id == model).order_by(EVENTS.c.id.desc()).limit(limit)
    rows = connection.execute(query).mappings()
    return [Event(moment(row["at"]), Happened(row["kind"]), row["text"], row["count"]) for row in rows]


def _added(connection: Connection, model: int, event: Event) -> bool:
    """Add labels to the event before, where that was of labels too and not long ago."""
    query = select(EVENTS).where(EVENTS.c.model_id == model).order_by(EVENTS.c.id.desc()).limit(1)
    last = connection.execute(query).one_or_none()
    if last is None or last.kind != event.kind or event.at - moment(last.at) > TOGETHER:
        return False
    # The time stays that of the first, so that labels that never cease make an event each day.
    connection.execute(update(EVENTS).where(EVENTS.c.id == last.id).values(count=EVENTS.c.count + event.count))
    return True


def _shorten(connection: Connection, model: int) -> None:
    mine = EVENTS.c.model_id == model
    oldest = select(EVENTS.c.id).where(mine).order_by(EVENTS.c.id.desc()).offset(KEPT_EVENTS).limit(1)
    last = connection.execute(oldest).scalar_one_or_none()
    if last is not None:
        connection.execute(delete(EVENTS).where(mine, EVENTS.c.id <= last))
