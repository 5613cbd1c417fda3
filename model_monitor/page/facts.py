"""Gathers what is known of models."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from model_monitor.drift.report import Report
from model_monitor.drifting import Drifting
from model_monitor.metrics import Metrics
from model_monitor.storage.database import Database
from model_monitor.storage.events import Event, latest
from model_monitor.storage.history import Delays, Period, delays, periods
from model_monitor.storage.overview import SeenModel, seen_models
from model_monitor.storage.quality import ModelQuality

TOLD_EVENTS = 30


@dataclass(frozen=True)
class ModelFacts:
    """What is known of a model, for the overview.

    Attributes
    ----------
    report
        None where no request has come since the monitor began.
    quality
        None until the scores have been counted for the first time.
    """

    seen: SeenModel
    report: Report | None
    quality: ModelQuality | None


@dataclass(frozen=True)
class ModelStory:
    """What is known besides, for a model's own page."""

    facts: ModelFacts
    periods: list[Period]
    delays: Delays | None
    events: list[Event]


class Facts:
    """Knows where to look."""

    def __init__(self, database: Database, namespace: str, drifting: Drifting, metrics: Metrics) -> None:
        self._database = database
        self._drifting = drifting
        self._metrics = metrics
        self.namespace = namespace

    def all(self) -> list[ModelFacts]:
        """Give all models of the namespace, by name."""
        with self._database.read() as connection:
            return [self._facts(seen) for seen in seen_models(connection, self.namespace)]

    def story(self, name: str, now: datetime) -> ModelStory | None:
        """Give one model; None where it is not known."""
        with self._database.read() as connection:
            found = seen_models(connection, self.namespace, name)
            return self._story(connection, found[0], now) if found else None

    def _facts(self, seen: SeenModel) -> ModelFacts:
        return ModelFacts(seen, self._drifting.report(seen.name), self._metrics.live.of(seen.name))

    def _story(self, connection: Connection, seen: SeenModel, now: datetime) -> ModelStory:
        stable = seen.of("stable")
        return ModelStory(
            self._facts(seen),
            periods(connection, seen.id, now, stable.classes if stable else 2),
            delays(connection, seen.id),
            latest(connection, seen.id, TOLD_EVENTS),
        )
