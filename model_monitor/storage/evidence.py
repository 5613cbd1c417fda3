"""Evidence about a pair of versions, from the counts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, distinct, func, select

from model_monitor.errors import MonitorError, Reason, shown
from model_monitor.storage.tables import MODELS, PAIRS, PREDICTIONS, VERSIONS, moment

_NEWEST = 10_000
"""So many of a model's last rows are looked at to count its assets."""


def evidence(connection: Connection, namespace: str, model: str, old: str, new: str, at: datetime) -> dict[str, Any]:
    """Give what was counted of a pair since it was first seen, as the operator reads it.

    Parameters
    ----------
    old, new
        Digests.
    at
        The time up to which the counts are complete.

    Raises
    ------
    MonitorError
        ``UnknownModel`` or ``UnknownPair``.
    """
    number = model_number(connection, namespace, model)
    olds, news = VERSIONS.alias("olds"), VERSIONS.alias("news")
    query = (
        select(PAIRS, olds.c.true_alarms, olds.c.false_alarms, olds.c.missed)
        .join(olds, PAIRS.c.old_id == olds.c.id)
        .join(news, PAIRS.c.new_id == news.c.id)
        .where(PAIRS.c.model_id == number, olds.c.digest == old, news.c.digest == new)
    )
    found = connection.execute(query).mappings().one_or_none()
    if found is None:
        raise MonitorError(
            Reason.UNKNOWN_PAIR,
            f"no request to {model} has been seen by both of these versions",
            found=f"old {shown(old)}, new {shown(new)}",
            allowed="digests of the stable version and of its candidate, once a request has been mirrored",
            remedy="send requests through the router; see that it mirrors",
        )
    row = dict(found)
    return {
        "model": model,
        "old": old,
        "new": new,
        "at": text(at),
        "since": text(moment(row["since"])),
        "inputs": row["rows"],
        "assets": _assets(connection, number),
        "invalid": {"hits": row["invalid"], "total": row["rows"]},
        "disagreement": {"hits": row["disagreements"], "total": row["rows"]},
        "alarms": {"old": row["old_alarms"], "new": row["new_alarms"]},
        "probabilityShift": {
            "mean": row["shift_sum"] / row["shift_rows"] if row["shift_rows"] else 0.0,
            "largest": row["shift_largest"],
        },
        "faults": _paired(row, "faults"),
        "sound": _paired(row, "sound"),
        "queue": {
            "oldAlarms": row["old_alarms"],
            "onlyOld": [_inspected(row, "only_old")],
            "onlyNew": [_inspected(row, "only_new")],
        },
        "history": {"trueAlarms": row["true_alarms"], "falseAlarms": row["false_alarms"], "missed": row["missed"]},
    }


def model_number(connection: Connection, namespace: str, model: str) -> int:
    """Give the number of a model.

    Raises
    ------
    MonitorError
        ``UnknownModel``.
    """
    query = select(MODELS.c.id).where(MODELS.c.namespace == namespace, MODELS.c.name == model)
    found = connection.execute(query).scalar_one_or_none()
    if found is None:
        raise MonitorError(
            Reason.UNKNOWN_MODEL,
            f"no request to a model {shown(model)} has been seen",
            found=shown(model),
            allowed="a model of this namespace that has had requests",
            remedy="correct the name; see that its FaultModel has monitoring enabled and its router mirrors",
        )
    return int(found)


def text(at: datetime) -> str:
    """Write a time by RFC 3339, in UTC."""
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _assets(connection: Connection, model: int) -> int:
    """Count the assets that the newest rows name."""
    newest = (
        select(PREDICTIONS.c.asset)
        .where(PREDICTIONS.c.model_id == model)
        .order_by(PREDICTIONS.c.at.desc())
        .limit(_NEWEST)
        .subquery()
    )
    return int(connection.execute(select(func.count(distinct(newest.c.asset)))).scalar_one())


def _paired(row: dict[str, Any], truth: str) -> dict[str, int]:
    return {
        "onlyOld": row[f"{truth}_only_old"],
        "onlyNew": row[f"{truth}_only_new"],
        "both": row[f"{truth}_both"],
        "total": row[f"{truth}_total"],
    }


def _inspected(row: dict[str, Any], side: str) -> dict[str, float]:
    counts = {name: row[f"queue_{side}_{name}"] for name in ("faults", "sound", "pending", "skipped")}
    return {"probability": row["probability"], **counts}
