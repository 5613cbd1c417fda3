"""A baseline begins anew, asked for by a person or declared in a file: what is kept, what is told, and to whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from model_monitor.drifting import Drifting
from model_monitor.storage.events import Event, Events, Happened
from model_monitor.storage.renewals import KeptRenewal, Renewals

_log = structlog.get_logger(__name__)

LONGEST_REASON = 500


@dataclass(frozen=True)
class Asked:
    """A new baseline that is asked for.

    Attributes
    ----------
    key
        By which the same wish is known when it comes again.
    sender
        Who asked.
    """

    reason: str
    key: str
    sender: str


class Renewing:
    """Begins new baselines; what was begun before, since whenever, changes nothing."""

    def __init__(self, renewals: Renewals, drifting: Drifting, events: Events) -> None:
        self._renewals = renewals
        self._drifting = drifting
        self._events = events

    def begin(self, model: str, asked: Asked) -> KeptRenewal:
        """Begin a new baseline of the version that serves.

        Raises
        ------
        MonitorError
            ``UnknownModel`` where no request to the model was ever seen.
        sqlalchemy.exc.SQLAlchemyError
            Where the database cannot be used; then nothing has begun.
        """
        now = datetime.now(UTC)
        kept, new = self._renewals.begin(model, asked.key, asked.reason, asked.sender, now)
        if new:
            self._drifting.renew(model, kept)
            self._events.note(model, Event(now, Happened.BASELINE_BEGAN, asked.reason))
            _log.info("a new baseline begins", model=model, sender=asked.sender, reason=asked.reason)
        return kept
