"""Watches the scored rows of every model for drift and broken sensors, and tells of it on /metrics."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np
import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from model_monitor.drift.baseline import Baseline
from model_monitor.drift.detector import Detector, Settings
from model_monitor.drift.faults import Fault, Numbers
from model_monitor.drift.report import Report, State
from model_monitor.logs import Seldom
from model_monitor.scoring import Scored
from model_monitor.storage.database import unavailable
from model_monitor.storage.events import Event, Happened
from model_monitor.storage.renewals import KeptRenewal
from model_monitor.tensors import Rows
from model_monitor.transitions import transitions

_log = structlog.get_logger(__name__)

MODELS = 256
FEATURES = 1000
"""Models that are watched at once, and columns of each that are told of: the first ones."""


class RenewalStore(Protocol):
    """Where renewed baselines are kept; `model_monitor.storage.renewals.Renewals` is one."""

    def latest(self, model: str, digest: str) -> KeptRenewal | None:
        """Give the last renewal of a version."""

    def learnt(self, number: int, baseline: Baseline) -> None:
        """Keep what a renewal has led to."""


Note = Callable[[str, Event], None]
"""Keeps an event of a model."""


@dataclass
class _Watched:
    """A model that is watched.

    Attributes
    ----------
    build
        The baseline of the build; categories are coded by it.
    unsaved
        Number of the renewal whose baseline has still to be kept.
    """

    digest: str
    build: Baseline
    detector: Detector
    settings: Settings
    unsaved: int | None = None


class Drifting(Collector):
    """One detector for each model, of the version that serves. Only that version's rows and scores are looked at.

    A version that comes to serve begins anew, with the baseline of its own build, or the one that people had renewed
    for it.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        renewals: RenewalStore,
        settings: Settings | None = None,
        note: Note = lambda _model, _event: None,
    ) -> None:
        self._settings = settings or Settings()
        self._declared: dict[str, Settings] = {}
        self._renewals = renewals
        self._note = note
        self._watched: OrderedDict[str, _Watched] = OrderedDict()
        self._reports: dict[str, Report] = {}
        self._seldom = Seldom()
        self._lock = threading.Lock()  # rows come in the scorer's thread, people in another
        registry.register(self)

    def saw(self, scored: Scored) -> None:
        """Take a batch; in the scorer's thread."""
        with self._lock:
            self._saw(scored)

    def _saw(self, scored: Scored) -> None:
        name, version = scored.model, scored.old.version
        watched = self._watched.get(name)
        if watched is None or (watched.digest, watched.settings) != (version.digest, self._looked_at(name)):
            watched = self._begin(name, version.digest, scored)
        self._watched[name] = watched
        self._watched.move_to_end(name)
        while len(self._watched) > MODELS:
            gone, _ = self._watched.popitem(last=False)
            self._reports.pop(gone, None)
        at = max(request.at for request in scored.requests)
        codes = _codes(scored.rows, watched.build)
        watched.detector.add(at.timestamp(), scored.rows.numeric, codes, scored.old.answers.alarm_scores)
        self._tell(name, watched.detector.report, at)
        self._save(name, watched, at)

    def _begin(self, model: str, digest: str, scored: Scored) -> _Watched:
        build = Baseline.of(scored.old.model.baseline, scored.old.model.signature)
        kept, settings = self._renewals.latest(model, digest), self._looked_at(model)
        if kept is None:
            return _Watched(digest, build, Detector(build, settings), settings)
        if kept.baseline is not None:
            return _Watched(digest, build, Detector(kept.baseline, settings, kept.renewal), settings)
        # It was not learnt to its end, and the rows that it had are gone.
        detector = Detector(build, settings)
        detector.renew(kept.renewal)
        return _Watched(digest, build, detector, settings, kept.id)

    def _looked_at(self, model: str) -> Settings:
        return self._declared.get(model, self._settings)

    def declare(self, settings: Mapping[str, Settings]) -> None:
        """Look at these models as is declared of them; one of which something else is declared begins anew."""
        with self._lock:
            self._declared = dict(settings)

    def _save(self, model: str, watched: _Watched, at: datetime) -> None:
        """Keep a baseline once it is learnt; where the database fails, with the next rows."""
        if watched.unsaved is None or watched.detector.report.learning:
            return
        try:
            self._renewals.learnt(watched.unsaved, watched.detector.baseline)
        except SQLAlchemyError as error:
            if self._seldom.due(model):
                _log.warning("a new baseline cannot be kept yet", model=model, error=unavailable(error).found)
            return
        watched.unsaved = None
        _log.info("a new baseline is learnt", model=model)
        self._keep(model, [Event(at, Happened.BASELINE_LEARNT)])

    def _keep(self, model: str, events: list[Event]) -> None:
        """Keep events; one that cannot be kept is lost, and hinders nothing."""
        for event in events:
            try:
                self._note(model, event)
            except SQLAlchemyError as error:
                if self._seldom.due(f"event {model}"):
                    found = unavailable(error).found
                    _log.warning("an event cannot be kept", model=model, what=str(event.kind), error=found)

    def renew(self, model: str, kept: KeptRenewal) -> None:
        """Begin a new baseline now where the version is watched; otherwise it begins with the next request."""
        with self._lock:
            watched = self._watched.get(model)
            if watched is None or watched.digest != kept.digest:
                return
            watched.detector.renew(kept.renewal)
            watched.unsaved = kept.id
            self._reports[model] = watched.detector.report

    def report(self, model: str) -> Report | None:
        """Give how the columns of a model are; None where it has not been seen."""
        return self._reports.get(model)

    def digest(self, model: str) -> str:
        """Give the digest of the version whose inputs are looked at; empty where the model has not been seen."""
        watched = self._watched.get(model)
        return watched.digest if watched is not None else ""

    def collect(self) -> Iterable[Metric]:
        """Give the series."""
        psi = GaugeMetricFamily("andon_monitor_drift_psi", "Distance to the baseline.", labels=["model", "feature"])
        drift = GaugeMetricFamily(
            "andon_monitor_drift", "1 while an input is held to have drifted.", labels=["model", "feature"]
        )
        broken = GaugeMetricFamily(
            "andon_monitor_sensor_fault",
            "1 while the values of an input cannot be right.",
            labels=["model", "feature", "kind"],
        )
        for model, report in list(self._reports.items()):
            for finding in report.findings[:FEATURES]:
                if finding.psi is not None:
                    psi.add_metric([model, finding.name], finding.psi)
                if finding.state != State.NOT_ENOUGH_DATA:
                    drift.add_metric([model, finding.name], float(finding.state == State.DRIFTED))
                # Once told, a kind goes on to be told as 0, so that what was does not look like no data.
                if finding.fault is not None:
                    broken.add_metric([model, finding.name, finding.fault], 1)
                elif finding.state != State.NOT_ENOUGH_DATA:
                    for kind in Fault:
                        broken.add_metric([model, finding.name, kind], 0)
        return [psi, drift, broken]

    def _tell(self, model: str, report: Report, at: datetime) -> None:
        before = self._reports.get(model)
        self._reports[model] = report
        if before is not None and before.findings == report.findings:
            return
        self._keep(model, transitions(before, report, at))
        if before is None:
            return
        known = {one.name: (one.state, one.fault) for one in before.findings}
        for finding in report.findings:
            if known.get(finding.name) != (finding.state, finding.fault):
                _log.info(
                    "an input is told of anew",
                    model=model,
                    feature=finding.name,
                    state=str(finding.state),
                    kind=finding.fault,
                    units=finding.units,
                )


def _codes(rows: Rows, baseline: Baseline) -> Numbers:
    """Give the place of each category's value among those of the build; -1 where it is none of them."""
    codes = np.full(rows.categorical.shape, -1, np.int64)
    for place, category in enumerate(baseline.categories):
        places = {value: number for number, value in enumerate(category.values)}
        codes[:, place] = [places.get(str(value), -1) for value in rows.categorical[:, place]]
    return codes
