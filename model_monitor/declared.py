"""New baselines that are declared in files, as the operator writes them from annotations, for those who keep to Git."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from model_monitor.errors import MonitorError
from model_monitor.renewing import LONGEST_REASON, Asked, Renewing

MOST_BYTES = 4096


class Declared:
    """Looks into a folder with a file for each model, named like it: ``{"reason": …, "by": …}``.

    A reason that was there before, since whenever, changes nothing: the database knows it by its content.
    """

    def __init__(self, folder: Path, renewing: Renewing) -> None:
        self._folder = folder
        self._renewing = renewing
        self._done: dict[str, str] = {}

    def look(self) -> None:
        """Begin what is declared and has not begun; what cannot begin yet is tried again at the next look.

        Raises
        ------
        sqlalchemy.exc.SQLAlchemyError
            Where the database cannot be used.
        """
        for path in sorted(self._folder.glob("[!.]*")):
            asked = _read(path)
            if asked is not None and self._done.get(path.name) != asked.key:
                self._begin(path.name, asked)

    def _begin(self, model: str, asked: Asked) -> None:
        try:
            self._renewing.begin(model, asked)
        except MonitorError:  # no request to the model was seen yet
            return
        self._done[model] = asked.key


def _read(path: Path) -> Asked | None:
    """Give what a file asks for; None where it says nothing that makes sense."""
    try:
        content = path.read_bytes()[:MOST_BYTES]
        told = json.loads(content)
        reason, by = str(told["reason"]).strip()[:LONGEST_REASON], str(told.get("by", ""))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    key = f"declared-{hashlib.sha256(reason.encode()).hexdigest()[:32]}"
    return Asked(reason, key, by or "a file") if reason else None
