"""Watches the scored rows of every model for drift and broken sensors, and tells of it on /metrics."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable

import numpy as np
import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from model_monitor.drift.baseline import Baseline
from model_monitor.drift.detector import Detector, Settings
from model_monitor.drift.faults import Fault, Numbers
from model_monitor.drift.report import Report, State
from model_monitor.scoring import Scored
from model_monitor.tensors import Rows

_log = structlog.get_logger(__name__)

MODELS = 256
FEATURES = 1000
"""Models that are watched at once, and columns of each that are told of: the first ones."""


class Drifting(Collector):
    """One detector for each model, of the version that serves. Only that version's rows and scores are looked at.

    A version that comes to serve begins anew, with the baseline of its own build.
    """

    def __init__(self, registry: CollectorRegistry, settings: Settings | None = None) -> None:
        self._settings = settings or Settings()
        self._detectors: OrderedDict[str, tuple[str, Baseline, Detector]] = OrderedDict()
        self._reports: dict[str, Report] = {}
        self._lock = threading.Lock()  # rows come in the scorer's thread, people in another
        registry.register(self)

    def saw(self, scored: Scored) -> None:
        """Take a batch; in the scorer's thread."""
        with self._lock:
            self._saw(scored)

    def _saw(self, scored: Scored) -> None:
        name, version, model = scored.model, scored.old.version, scored.old.model
        known = self._detectors.get(name)
        if known is None or known[0] != version.digest:
            baseline = Baseline.of(model.baseline, model.signature)
            known = version.digest, baseline, Detector(baseline, self._settings)
        self._detectors[name] = known
        self._detectors.move_to_end(name)
        while len(self._detectors) > MODELS:
            gone, _ = self._detectors.popitem(last=False)
            self._reports.pop(gone, None)
        _, baseline, detector = known
        at = max(request.at for request in scored.requests).timestamp()
        detector.add(at, scored.rows.numeric, _codes(scored.rows, baseline), scored.old.answers.alarm_scores)
        self._tell(name, detector.report)

    def renew(self, model: str, reason: str, at: float) -> bool:
        """Begin a new baseline after a change that was meant; False where the model has not been seen.

        Parameters
        ----------
        at
            Seconds since 1970.
        """
        with self._lock:
            known = self._detectors.get(model)
            if known is None:
                return False
            known[2].renew(reason, at)
            self._reports[model] = known[2].report
        return True

    def report(self, model: str) -> Report | None:
        """Give how the columns of a model are; None where it has not been seen."""
        return self._reports.get(model)

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

    def _tell(self, model: str, report: Report) -> None:
        before = self._reports.get(model)
        self._reports[model] = report
        if before is None or before.findings == report.findings:
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
