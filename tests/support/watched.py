"""A plant's models as the monitor knows them after some weeks, for the page that people look at."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
from aiohttp import web

from model_monitor.counting import Selection
from model_monitor.drifting import Drifting
from model_monitor.envelope import Envelope, Version
from model_monitor.labels import GivenLabel
from model_monitor.metrics import Metrics
from model_monitor.models import Model, load
from model_monitor.page.application import application
from model_monitor.page.facts import Facts
from model_monitor.scoring import Scored, score
from model_monitor.slicing import SliceColumn
from model_monitor.storage.database import Database
from model_monitor.storage.events import Event, Events, Happened
from model_monitor.storage.labelling import Labeller
from model_monitor.storage.quality import qualities
from model_monitor.storage.recording import Recorder
from model_monitor.storage.renewals import Renewals
from model_monitor.tensors import Rows
from tests.support.monitoring import Shop

NAMESPACE = "press-shop"
DAYS = 20
ROWS_OF_A_DAY = 60

Values = npt.NDArray[np.float32]


@dataclass
class Plant:
    """A monitor's parts, fed without a server."""

    shop: Shop
    database: Database
    drifting: Drifting
    metrics: Metrics
    recorder: Recorder
    labeller: Labeller
    events: Events
    facts: Facts
    models: dict[str, Model]
    now: datetime

    def feed(self, model: str, values: Values, at: datetime, *, trial: bool = False, name: str = "") -> Scored:
        """Let a request of these rows come, and be written."""
        candidate = Version(5, self.shop.new) if trial else None
        request = Envelope(model, Version(4, self.shop.old), candidate, "press-1", name or f"{at.timestamp()}", at)
        given = Rows(values, np.empty((len(values), 0), object))
        found = score([(request, given)], self.models["old"], self.models["new"] if trial else None)
        self.recorder.record([found])
        self.drifting.saw(found)
        return found

    def label(self, scored: Scored, random: np.random.Generator, share: float = 1.0) -> None:
        """Label rows as the model's score lets expect, hours later; some never."""
        request = scored.requests[0]
        draws, kept = random.random(len(scored.rows)), random.random(len(scored.rows)) < share
        labels = [
            GivenLabel(row, request.request_id, row, fault=bool(draw < expected), selection=Selection.RECORD)
            for row, (draw, expected) in enumerate(zip(draws, scored.old.answers.alarm_scores, strict=True))
            if kept[row]
        ]
        at = request.at + timedelta(hours=float(random.uniform(3, 12)))
        kept_labels = [one for one in self.labeller.label(request.model, labels, "line", at) if one is not None]
        self.events.note(request.model, Event(at, Happened.LABELS_CAME, count=len(kept_labels)))

    def count(self) -> None:
        """Count the live scores, as the monitor does each minute."""
        with self.database.read() as connection:
            self.metrics.live.latest = qualities(connection, NAMESPACE, self.now, timedelta(days=DAYS + 1))


def open_plant(shop: Shop, folder: Path) -> Plant:
    """Make a plant in which nothing has happened yet."""
    database = Database(f"sqlite:///{folder / 'monitor.db'}")
    metrics, events = Metrics(), Events(database, NAMESPACE)
    drifting = Drifting(metrics.registry, Renewals(database, NAMESPACE), note=events.note)
    models = {name: load(shop.store.read, digest, "spindle") for name, digest in (("old", shop.old), ("new", shop.new))}
    for model in models.values():
        model.slices = (SliceColumn("load", True, 1, ("1",)),)
    return Plant(
        shop,
        database,
        drifting,
        metrics,
        Recorder(database, NAMESPACE, 1.0),
        Labeller(database, NAMESPACE, timedelta(minutes=1)),
        events,
        Facts(database, NAMESPACE, drifting, metrics),
        models,
        datetime.now(UTC).replace(microsecond=0),
    )


def live_through(plant: Plant) -> None:
    """Let weeks pass: of spindle with a canary, a drift and labels; of others that are well, broken or silent."""
    random = np.random.default_rng(7)
    for day in range(DAYS, 0, -1):
        at = plant.now - timedelta(days=day)
        values = random.normal(size=(ROWS_OF_A_DAY, 2)).astype(np.float32)
        values[7::20, 1] = 1.0
        if day <= 8:
            values[:, 0] += 0.8
        plant.label(plant.feed("spindle", values, at, trial=day <= 3), random, share=0.7)
    for name, heat in (("axis", 0.0), ("hydraulics", 0.0)):
        for batch in range(11):
            values = random.normal(size=(50, 2)).astype(np.float32)
            values[:, 0] += heat
            if name == "hydraulics" and batch > 8:
                values[:, 1] = 0.25
            plant.feed(name, values, plant.now - timedelta(hours=2, minutes=batch))
    plant.feed("lathe", random.normal(size=(20, 2)).astype(np.float32), plant.now - timedelta(minutes=5))
    plant.count()


@asynccontextmanager
async def served(facts: Facts) -> AsyncIterator[str]:
    """Serve the page on loopback; give its address."""
    runner = web.AppRunner(application(facts), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
