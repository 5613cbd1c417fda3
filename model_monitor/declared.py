"""What people declare of models, in files as the operator writes them: that something was changed, and how to look."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from model_monitor.drift.detector import Settings
from model_monitor.drifting import Drifting
from model_monitor.errors import MonitorError
from model_monitor.logs import Seldom
from model_monitor.renewing import LONGEST_REASON, Asked, Renewing

_log = structlog.get_logger(__name__)
_seldom = Seldom()

MOST_BYTES = 256 * 1024

_Bound = Annotated[float, Field(allow_inf_nan=False)] | None


class _Looked(BaseModel):
    """How the inputs of a model are to be looked at."""

    model_config = ConfigDict(extra="forbid")

    rows: int = Field(ge=1)
    minimum: int = Field(ge=1)
    seconds: float = Field(gt=0)
    ranges: dict[str, tuple[_Bound, _Bound]] = {}

    def settings(self) -> Settings:
        """Give them as the drift tests take them; a bound that is not told is none."""
        ranges = {
            name: (-float("inf") if low is None else low, float("inf") if high is None else high)
            for name, (low, high) in self.ranges.items()
        }
        return Settings(rows=self.rows, minimum=self.minimum, seconds=self.seconds, ranges=ranges)


class Declared:
    """Looks into a folder with a file for each model, named like it: ``{"reason": …, "by": …, "drift": {…}}``.

    A reason that was there before, since whenever, changes nothing: the database knows it by its content.
    """

    def __init__(self, folder: Path, renewing: Renewing, drifting: Drifting) -> None:
        self._folder = folder
        self._renewing = renewing
        self._drifting = drifting
        self._done: dict[str, str] = {}

    def look(self) -> None:
        """Begin what is declared and has not begun; what cannot begin yet is tried again at the next look.

        Raises
        ------
        sqlalchemy.exc.SQLAlchemyError
            Where the database cannot be used.
        """
        told = {path.name: _read(path) for path in sorted(self._folder.glob("[!.]*"))}
        looked = {name: looked_at(name, one) for name, one in told.items()}
        self._drifting.declare({name: settings for name, settings in looked.items() if settings is not None})
        for name, one in told.items():
            asked = _asked(one)
            if asked is not None and self._done.get(name) != asked.key:
                self._begin(name, asked)

    def _begin(self, model: str, asked: Asked) -> None:
        try:
            self._renewing.begin(model, asked)
        except MonitorError:  # no request to the model was seen yet
            return
        self._done[model] = asked.key


def _read(path: Path) -> Mapping[str, Any]:
    """Give what a file says; nothing where it makes no sense."""
    try:
        with path.open("rb") as file:
            told = json.loads(file.read(MOST_BYTES))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _asked(told: Mapping[str, Any]) -> Asked | None:
    """Give the new baseline that is asked for; None where there is none."""
    reason, by = str(told.get("reason", "")).strip()[:LONGEST_REASON], str(told.get("by", ""))
    key = f"declared-{hashlib.sha256(reason.encode()).hexdigest()[:32]}"
    return Asked(reason, key, by or "a file") if reason else None


def looked_at(model: str, told: Mapping[str, Any]) -> Settings | None:
    """Give how to look at a model; None where nothing is declared of it, or what makes no sense."""
    if "drift" not in told:
        return None
    try:
        return _Looked.model_validate(told["drift"]).settings()
    except ValidationError as error:
        fields = [".".join(map(str, one["loc"])) for one in error.errors()]
        if _seldom.due(model):
            _log.warning("what is declared of drift makes no sense", model=model, fields=fields)
        return None
