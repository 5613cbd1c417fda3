"""Joins labels with the predictions they are about, and moves the counts with them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from model_monitor.counting import Answer, Label, Selection, change, of_pair, of_version
from model_monitor.errors import MonitorError, Reason, shown
from model_monitor.labels import GivenLabel
from model_monitor.storage.database import Database
from model_monitor.storage.evidence import model_number, text
from model_monitor.storage.recording import add, compared
from model_monitor.storage.tables import LABELS, PAIRS, PREDICTIONS, VERSIONS, moment, stamp

Row = RowMapping

CHUNK = 500
"""Labels of one transaction: a longer one would keep the scorer from writing."""

KEPT_LABELS = 20
"""Most labels of one row that are kept, with who sent them."""


@dataclass(frozen=True)
class Outcome:
    """What became of a label.

    Attributes
    ----------
    what
        ``accepted``: the first of its row; ``replaced``: it took another one's place; ``unchanged``: it was known.
    delay
        How long after the prediction it came.
    """

    what: str
    fault: bool
    delay: timedelta


class Labeller:
    """Takes labels.

    Parameters
    ----------
    tolerance
        How far the time of a label may be from that of the prediction it is about.
    """

    def __init__(self, database: Database, namespace: str, tolerance: timedelta) -> None:
        self._database = database
        self._namespace = namespace
        self._tolerance = tolerance

    def label(
        self, model: str, labels: Sequence[GivenLabel], sender: str, at: datetime
    ) -> list[Outcome | MonitorError]:
        """Keep labels; when this returns, they are on disk. Where it raises, some may be: sending them again is safe.

        Parameters
        ----------
        sender
            Who sent them.

        Returns
        -------
        list
            For each label what became of it, or why it was refused.

        Raises
        ------
        MonitorError
            ``UnknownModel``.
        """
        found: list[Outcome | MonitorError] = []
        for start in range(0, max(len(labels), 1), CHUNK):
            with self._database.write() as connection:
                number = model_number(connection, self._namespace, model)
                chunk = labels[start : start + CHUNK]
                found += [self._one(connection, number, label, sender, at) for label in chunk]
        return found

    def _one(
        self, connection: Connection, model: int, label: GivenLabel, sender: str, at: datetime
    ) -> Outcome | MonitorError:
        try:
            row = self._prediction(connection, model, label)
            fault, code = _truth(connection, row, label)
        except MonitorError as error:
            return error
        delay = at - moment(row["at"])
        before = None if row["fault"] is None else Label(row["fault"], Selection(row["selection"]))
        selection = label.selection if before is None else max(before.selection, label.selection)
        after = Label(fault, selection)
        if code is None and before is not None and before.fault == fault:
            code = row["label_class"]  # less was said than is known
        if before == after and code == row["label_class"]:
            return Outcome("unchanged", fault, delay)
        said = {"fault": fault, "label_class": code}
        kept = {**said, "selection": int(selection), "labelled_at": stamp(at)}
        connection.execute(update(PREDICTIONS).where(PREDICTIONS.c.id == row["id"]).values(kept))
        sent = {"prediction_id": row["id"], "selection": int(label.selection), "sender": sender, "at": stamp(at)}
        connection.execute(insert(LABELS).values(**said, **sent))
        if before is not None:
            _shorten(connection, row["id"])
        _move_counts(connection, row, before, after)
        return Outcome("accepted" if before is None else "replaced", fault, delay)

    def _prediction(self, connection: Connection, model: int, label: GivenLabel) -> Row:
        request_id = label.request_id or self._nearest(connection, model, label)
        query = (
            select(PREDICTIONS)
            .where(PREDICTIONS.c.model_id == model, PREDICTIONS.c.request_id == request_id)
            .order_by(PREDICTIONS.c.row)
            .with_for_update()
        )
        if label.row is not None:
            query = query.where(PREDICTIONS.c.row == label.row)
        found = connection.execute(query.limit(2)).mappings().all()
        if not found:
            row = "" if label.row is None else f", row {label.row}"
            raise _unknown(label, f"no prediction for request {shown(request_id)}{row}")
        if len(found) > 1:
            raise MonitorError(
                Reason.AMBIGUOUS_ROW,
                f"row {label.index + 1} of the labels: request {shown(request_id)} has several rows",
                found="no row",
                allowed="row, 0 for the first",
                remedy="say which row is meant",
            )
        return found[0]

    def _nearest(self, connection: Connection, model: int, label: GivenLabel) -> str:
        assert label.time is not None  # noqa: S101 (an asset comes with a time)
        at, tolerance = stamp(label.time), self._tolerance // timedelta(microseconds=1)
        about = (PREDICTIONS.c.model_id == model) & (PREDICTIONS.c.asset == label.asset)
        times = select(PREDICTIONS.c.at, PREDICTIONS.c.request_id).where(about).limit(1)
        before = times.where(PREDICTIONS.c.at <= at, PREDICTIONS.c.at >= at - tolerance)
        after = times.where(PREDICTIONS.c.at > at, PREDICTIONS.c.at <= at + tolerance)
        found = [
            *connection.execute(before.order_by(PREDICTIONS.c.at.desc(), PREDICTIONS.c.id.desc())),
            *connection.execute(after.order_by(PREDICTIONS.c.at, PREDICTIONS.c.id)),
        ]
        if not found:
            seconds = self._tolerance.total_seconds()
            raise _unknown(
                label, f"no prediction for asset {shown(label.asset)} within {seconds:g} s of {text(label.time)}"
            )
        # The one before wins where both are equally near: a fault is seen after it was predicted.
        return str(min(found, key=lambda each: abs(each.at - at)).request_id)


def _unknown(label: GivenLabel, what: str) -> MonitorError:
    return MonitorError(
        Reason.UNKNOWN_REQUEST,
        f"row {label.index + 1} of the labels: there is {what}",
        found=what,
        allowed="a request that was mirrored here and is still kept",
        remedy="correct it; what was dropped under load or has passed its retention cannot be labelled",
    )


def _truth(connection: Connection, row: Row, label: GivenLabel) -> tuple[bool, int | None]:
    version = connection.execute(
        select(VERSIONS.c.classes, VERSIONS.c.normal).where(VERSIONS.c.id == row["old_id"])
    ).one()
    classes: list[str] = json.loads(version.classes)
    if label.label is None:
        assert label.fault is not None  # noqa: S101 (one of both is there)
        return label.fault, int(label.fault) if len(classes) == 2 else None
    if label.label not in classes:
        raise MonitorError(
            Reason.INVALID_LABEL,
            f"label of row {label.index + 1} of the labels is no class of the model",
            found=shown(label.label),
            allowed=", ".join(map(shown, classes)),
            remedy="name a class as the training data does",
        )
    return label.label != version.normal, classes.index(label.label)


def _shorten(connection: Connection, prediction: int) -> None:
    """Forget the oldest labels of a row that is labelled over and over, so that nobody can fill the disk so."""
    newest = (
        select(LABELS.c.id).where(LABELS.c.prediction_id == prediction).order_by(LABELS.c.id.desc()).limit(KEPT_LABELS)
    )
    kept = connection.execute(newest).scalars().all()
    connection.execute(delete(LABELS).where(LABELS.c.prediction_id == prediction, LABELS.c.id < min(kept)))


def _move_counts(connection: Connection, row: Row, before: Label | None, after: Label) -> None:
    old = Answer(row["old_class"] >= 0, row["old_alarm"])
    add(connection, VERSIONS, row["old_id"], change(of_version(old, after), of_version(old, before)))
    if row["pair_id"] is None:
        return
    new = Answer(row["new_class"] >= 0, row["new_alarm"])
    number = connection.execute(select(PAIRS.c.new_id).where(PAIRS.c.id == row["pair_id"])).scalar_one()
    add(connection, VERSIONS, number, change(of_version(new, after), of_version(new, before)))
    both = compared(row)
    add(connection, PAIRS, row["pair_id"], change(of_pair(both, after), of_pair(both, before)))
