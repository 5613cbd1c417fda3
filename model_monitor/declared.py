"""New baselines that are declared in files, as the operator writes them from annotations, for those who keep to Git."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import structlog

from model_monitor.drifting import Drifting
from model_monitor.errors import MonitorError
from model_monitor.storage.events import Event, Events, Happened
from model_monitor.storage.renewals import Renewals

_log = structlog.get_logger(__name__)

LONGEST_REASON = 500
MOST_BYTES = 4096


class Declared:
    """Looks into a folder with a file for each model, named like it: ``{"reason": …, "by": …}``.

    A reason that was there before, since whenever, changes nothing: the database knows it by its content.
    """

    def __init__(self, folder: Path, renewals: Renewals, drifting: Drifting, events: Events) -> None:
        self._folder = folder
        self._events = events
        self._renewals = renewals
        self._drifting = drifting
        self._done: dict[str, str] = {}

    def look(self) -> None:
        """Begin what is declared and has not begun; what cannot begin yet is tried again at the next look.

        Raises
        ------
        sqlalchemy.exc.SQLAlchemyError
            Where the database cannot be used.
        """
        for path in sorted(self._folder.glob("[!.]*")):
            found = _read(path)
            if found is not None and self._done.get(path.name) != found[0]:
                self._begin(path.name, *found)

    def _begin(self, model: str, key: str, reason: str, by: str) -> None:
        now = datetime.now(UTC)
        try:
            kept, new = self._renewals.begin(model, key, reason, by, now)
        except MonitorError:  # no request to the model was seen yet
            return
        if new:
            self._drifting.renew(model, kept)
            self._events.note(model, Event(now, Happened.BASELINE_BEGAN, reason))
            _log.info("a new baseline begins", model=model, sender=by, reason=reason)
        self._done[model] = key


def _read(path: Path) -> tuple[str, str, str] | None:
    """Give key, reason and who asked; None where the file says nothing that makes sense."""
    try:
        content = path.read_bytes()[:MOST_BYTES]
        told = json.loads(content)
        reason, by = str(told["reason"]).strip()[:LONGEST_REASON], str(told.get("by", ""))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    key = f"declared-{hashlib.sha256(reason.encode()).hexdigest()[:32]}"
    return (key, reason, by or "a file") if reason else None
