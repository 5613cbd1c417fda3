"""Baselines that people had renewed: why, by whom, and what was learnt. They outlive a restart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Connection, Row, insert, select, update

from model_monitor.drift.baseline import Baseline
from model_monitor.drift.keeping import read, written
from model_monitor.drift.renewal import Renewal
from model_monitor.errors import MonitorError, Reason, shown
from model_monitor.storage.database import Database
from model_monitor.storage.evidence import model_number
from model_monitor.storage.tables import MODELS, RENEWALS, VERSIONS, moment, stamp

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, eq=False)
class KeptRenewal:
    """A renewal as it is kept.

    Attributes
    ----------
    digest
        Of the version whose rows are compared so.
    baseline
        None until it is learnt.
    """

    id: int
    digest: str
    renewal: Renewal
    baseline: Baseline | None


class Renewals:
    """Keeps renewed baselines of the models of a namespace."""

    def __init__(self, database: Database, namespace: str) -> None:
        self._database = database
        self._namespace = namespace

    def begin(self, model: str, key: str, reason: str, sender: str, at: datetime) -> tuple[KeptRenewal, bool]:
        """Note that the version that serves is to be compared anew; when this returns, it is on disk.

        Parameters
        ----------
        key
            By which the same request is known when it comes again.

        Returns
        -------
        tuple
            What is kept under the key, and whether it is new.

        Raises
        ------
        MonitorError
            ``UnknownModel`` where no request to the model was ever seen.
        """
        with self._database.write() as connection:
            number = model_number(connection, self._namespace, model)
            known = connection.execute(
                select(RENEWALS).where(RENEWALS.c.model_id == number, RENEWALS.c.key == key)
            ).one_or_none()
            if known is not None:
                return _kept(known), False
            values = {"model_id": number, "digest": _serving(connection, number, model), "key": key, "reason": reason}
            made = connection.execute(
                insert(RENEWALS).values(**values, sender=sender, at=stamp(at)).returning(RENEWALS)
            ).one()
            return _kept(made), True

    def learnt(self, number: int, baseline: Baseline) -> None:
        """Keep what a renewal has led to."""
        with self._database.write() as connection:
            connection.execute(update(RENEWALS).where(RENEWALS.c.id == number).values(baseline=written(baseline)))

    def latest(self, model: str, digest: str) -> KeptRenewal | None:
        """Give the last renewal of a version; None where its build's baseline holds."""
        query = (
            select(RENEWALS)
            .join(MODELS, RENEWALS.c.model_id == MODELS.c.id)
            .where(MODELS.c.namespace == self._namespace, MODELS.c.name == model, RENEWALS.c.digest == digest)
            .order_by(RENEWALS.c.id.desc())
        )
        with self._database.read() as connection:
            found = connection.execute(query.limit(1)).one_or_none()
        return None if found is None else _kept(found)


def _serving(connection: Connection, number: int, model: str) -> str:
    query = select(VERSIONS.c.digest).join(MODELS, MODELS.c.stable_id == VERSIONS.c.id).where(MODELS.c.id == number)
    digest = connection.execute(query).scalar_one_or_none()
    if digest is None:
        raise MonitorError(
            Reason.UNKNOWN_MODEL,
            f"no version of {shown(model)} serves",
            found="no version",
            allowed="a model that has had requests",
            remedy="send a request, then ask again",
        )
    return str(digest)


def _kept(row: Row[tuple[object, ...]]) -> KeptRenewal:
    values = row._mapping
    renewal = Renewal(values["reason"], moment(values["at"]).timestamp(), values["sender"])
    return KeptRenewal(values["id"], values["digest"], renewal, _baseline(values["baseline"]))


def _baseline(content: bytes | None) -> Baseline | None:
    if content is None:
        return None
    try:
        return read(content)
    except (ValueError, KeyError, TypeError):
        # To compare with the build's would be wrong, so it is learnt once more.
        _log.warning("a renewed baseline cannot be read, and is learnt again")
        return None
