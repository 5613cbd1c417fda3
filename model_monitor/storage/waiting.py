"""The queue of disagreements that wait for a person, most telling first."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, select

from model_monitor.storage.evidence import model_number, text
from model_monitor.storage.tables import INPUTS, PAIRS, PREDICTIONS, VERSIONS, moment


def waiting(
    connection: Connection, namespace: str, model: str, limit: int, *, features: bool = False
) -> dict[str, Any]:
    """List disagreements of the newest pair of versions that nobody has answered yet.

    Those on which the scores are furthest apart come first: one version is sure there, and wrong. Of equals the newest
    comes first, whose part or machine is most likely still at hand.

    Parameters
    ----------
    features
        Whether to show what was kept of the rows' features.

    Raises
    ------
    MonitorError
        ``UnknownModel``.
    """
    number = model_number(connection, namespace, model)
    olds, news = VERSIONS.alias("olds"), VERSIONS.alias("news")
    query = (
        select(
            PAIRS.c.id,
            PAIRS.c.probability,
            olds.c.digest.label("old"),
            news.c.digest.label("new"),
            (PAIRS.c.queue_only_old_pending + PAIRS.c.queue_only_new_pending).label("pending"),
        )
        .join(olds, PAIRS.c.old_id == olds.c.id)
        .join(news, PAIRS.c.new_id == news.c.id)
        .where(PAIRS.c.model_id == number)
        .order_by(PAIRS.c.id.desc())
    )
    pair = connection.execute(query.limit(1)).one_or_none()
    if pair is None:
        return {"model": model, "pending": 0, "items": []}
    rows = connection.execute(
        select(PREDICTIONS, INPUTS.c.content)
        .outerjoin(INPUTS, INPUTS.c.prediction_id == PREDICTIONS.c.id)
        .where(PREDICTIONS.c.pair_id == pair.id, PREDICTIONS.c.queued.is_(True), PREDICTIONS.c.fault.is_(None))
        .order_by(PREDICTIONS.c.gap.desc(), PREDICTIONS.c.id.desc())
        .limit(limit)
    ).mappings()
    items = [
        {
            "requestId": row["request_id"],
            "row": row["row"],
            "asset": row["asset"] or "",
            "time": text(moment(row["at"])),
            "alarm": "onlyOld" if row["old_alarm"] else "onlyNew",
            "oldScore": row["old_score"],
            "newScore": row["new_score"],
            "probability": pair.probability,
            **({"features": json.loads(row["content"])} if features and row["content"] else {}),
        }
        for row in rows
    ]
    return {"model": model, "old": pair.old, "new": pair.new, "pending": pair.pending, "items": items}
