"""Numbers of models, versions and pairs in the database, made where they are new."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Table, insert, select, update

from model_monitor.scoring import Judged, Scored
from model_monitor.storage.tables import MODELS, PAIRS, SLICES, VERSIONS, stamp

SLICES_OF_A_MODEL = 1_000
"""Combinations of slices that are told apart; rows of further ones count in the whole alone."""


@dataclass(frozen=True)
class Pair:
    """A pair of versions and the probability with which its disagreements are put into the queue."""

    id: int
    probability: float


class Names:
    """Looks names up, and remembers. To be emptied where a transaction failed: what it made is gone then."""

    def __init__(self, namespace: str, probability: float) -> None:
        self._namespace = namespace
        self._probability = probability
        self._models: dict[str, int] = {}
        self._versions: dict[tuple[int, str], int] = {}
        self._pairs: dict[tuple[int, int], Pair] = {}
        self._serving: dict[int, tuple[int, int | None]] = {}
        self._slices: dict[int, dict[str, int]] = {}

    def forget(self) -> None:
        """Empty the memory."""
        self._models.clear()
        self._versions.clear()
        self._pairs.clear()
        self._serving.clear()
        self._slices.clear()

    def model(self, connection: Connection, name: str) -> int:
        """Give the number of a model."""
        if name not in self._models:
            key = {"namespace": self._namespace, "name": name}
            self._models[name] = _made(connection, MODELS, key, {})
        return self._models[name]

    def version(self, connection: Connection, model: int, judged: Judged) -> int:
        """Give the number of a version."""
        key = (model, judged.version.digest)
        if key not in self._versions:
            more = {
                "number": judged.version.number,
                "classes": json.dumps(judged.model.signature.classes),
                "normal": judged.model.normal,
            }
            self._versions[key] = _made(connection, VERSIONS, {"model_id": model, "digest": key[1]}, more)
        return self._versions[key]

    def pair(self, connection: Connection, model: int, old: int, new: int, scored: Scored) -> Pair:
        """Give a pair. The probability is that of the setting when the pair was first seen, for as long as it lives."""
        if (old, new) not in self._pairs:
            since = stamp(min(request.at for request in scored.requests))
            more = {"model_id": model, "since": since, "probability": self._probability}
            number = _made(connection, PAIRS, {"old_id": old, "new_id": new}, more)
            kept = connection.execute(select(PAIRS.c.probability).where(PAIRS.c.id == number)).scalar_one()
            self._pairs[old, new] = Pair(number, kept)
        return self._pairs[old, new]

    def slices(self, connection: Connection, model: int, text: str) -> int | None:
        """Give the number of a combination of slices; None for those over `SLICES_OF_A_MODEL`."""
        if model not in self._slices:
            found = connection.execute(select(SLICES.c.content, SLICES.c.id).where(SLICES.c.model_id == model))
            self._slices[model] = {row.content: row.id for row in found}
        known = self._slices[model]
        if text not in known and len(known) < SLICES_OF_A_MODEL:
            known[text] = _made(connection, SLICES, {"model_id": model, "content": text}, {})
        return known.get(text)

    def serve(self, connection: Connection, model: int, stable: int, candidate: int | None) -> None:
        """Note which versions the newest request of a model met."""
        if self._serving.get(model) != (stable, candidate):
            values = {"stable_id": stable, "candidate_id": candidate}
            connection.execute(update(MODELS).where(MODELS.c.id == model).values(values))
            self._serving[model] = (stable, candidate)


def _made(connection: Connection, table: Table, key: Mapping[str, object], more: Mapping[str, object]) -> int:
    found = connection.execute(select(table.c.id).filter_by(**key)).scalar_one_or_none()
    if found is None:
        found = connection.execute(insert(table).values(**key, **more).returning(table.c.id)).scalar_one()
    return int(found)
