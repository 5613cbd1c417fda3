"""Prometheus metrics. Every label has a bounded set of values: models that were scored, their two current versions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from model_monitor.scoring import Bools, Judged, Scored
from model_monitor.storage.labelling import Outcome
from model_monitor.storage.quality import ModelQuality
from model_monitor.storage.recording import Recorded

_DELAYS = (60, 600, 3600, 4 * 3600, 8 * 3600, 24 * 3600, 3 * 86400, 7 * 86400, 30 * 86400)
STABLE, CANDIDATE = "stable", "candidate"


SLICE_METRICS = (
    "accuracy",
    "precision",
    "recall",
    "f1",
    "averagePrecision",
    "alarmRecall",
    "alarmPrecision",
    "alarmF1",
)
"""What is exported by slice."""


class LiveScores(Collector):
    """Gives the latest live scores; a version that no longer serves is in them no more.

    Parameters
    ----------
    slices
        Most slices of a model that are exported, the first ones by name. The page shows all.
    """

    def __init__(self, slices: int = 20) -> None:
        self._most = slices
        self.latest: list[ModelQuality] = []

    def of(self, model: str) -> ModelQuality | None:
        """Give what is known of a model; None until its scores have been counted for the first time."""
        return next((one for one in self.latest if one.model == model), None)

    def collect(self) -> Iterator[Metric]:
        """Give all of them."""
        coverage = GaugeMetricFamily(
            "andon_monitor_label_coverage_ratio", "Share of the window's rows that have a label.", labels=["model"]
        )
        quality = GaugeMetricFamily(
            "andon_monitor_quality",
            "Scores on labelled rows of the window, with their 95% interval.",
            labels=["model", "version", "track", "metric", "bound"],
        )
        estimate = GaugeMetricFamily(
            "andon_monitor_quality_estimate",
            "What the model's own probabilities let expect; without labels, and only as right as these.",
            labels=["model", "version", "track", "metric"],
        )
        sliced = GaugeMetricFamily(
            "andon_monitor_slice_quality",
            "Scores on labelled rows of the window with one value of a column, with their 95% interval.",
            labels=["model", "version", "track", "column", "value", "metric", "bound"],
        )
        left_out = GaugeMetricFamily(
            "andon_monitor_slices_left_out", "Slices with labelled rows that are not exported.", labels=["model"]
        )
        for model in self.latest:
            parts = sorted({one.part for version in model.versions for one in version.slices})
            told = set(parts[: self._most])
            if parts:
                left_out.add_metric([model.model], len(parts) - len(told))
            if model.rows:
                coverage.add_metric([model.model], model.labelled / model.rows)
            for version in model.versions:
                who = [model.model, str(version.number), version.track]
                for score in version.scores:
                    for bound in ("value", "lower", "upper"):
                        quality.add_metric([*who, score.metric, bound], getattr(score, bound))
                for part in (one for one in version.slices if one.part in told):
                    for score in (one for one in part.scores if one.metric in SLICE_METRICS):
                        for bound in ("value", "lower", "upper"):
                            labels = [*who, part.column, part.value, score.metric, bound]
                            sliced.add_metric(labels, getattr(score, bound))
                for metric, value in (version.estimate.values() if version.estimate else {}).items():
                    estimate.add_metric([*who, metric], value)
        return iter((coverage, quality, sliced, left_out, estimate))


class Metrics:
    """All metrics of the monitor, in a registry of their own."""

    def __init__(self, slices: int = 20) -> None:
        self.registry = CollectorRegistry()
        of_model, of_version = ("model",), ("model", "version", "track")
        self.inputs = Counter(
            "andon_monitor_inputs_total", "Mirrored requests that were scored.", of_model, registry=self.registry
        )
        self.dropped = Counter(
            "andon_monitor_inputs_dropped_total",
            "Mirrored requests that were not scored; model is empty where it is not known.",
            ("model", "reason"),
            registry=self.registry,
        )
        self.rows = Counter("andon_monitor_rows_total", "Rows that were scored.", of_model, registry=self.registry)
        self.alarms = Counter("andon_monitor_alarms_total", "Alarms.", of_version, registry=self.registry)
        self.invalid = Counter(
            "andon_monitor_invalid_total", "Rows without a valid answer.", of_version, registry=self.registry
        )
        self.disagreements = Counter(
            "andon_monitor_disagreements_total",
            "Rows that stable and candidate answered differently.",
            of_model,
            registry=self.registry,
        )
        self.labels = Counter(
            "andon_monitor_labels_total", "Labels that were kept.", ("model", "label"), registry=self.registry
        )
        self.label_delay = Histogram(
            "andon_monitor_label_delay_seconds",
            "Time from a prediction to its first label.",
            of_model,
            buckets=_DELAYS,
            registry=self.registry,
        )
        self.label_table_read = Gauge(
            "andon_monitor_label_table_read_timestamp_seconds",
            "When the table of labels was last read to its end.",
            of_model,
            registry=self.registry,
        )
        self.label_table_refused = Counter(
            "andon_monitor_label_table_refused_total",
            "Rows of the table of labels that are no label of the model.",
            of_model,
            registry=self.registry,
        )
        self.label_table_waiting = Gauge(
            "andon_monitor_label_table_waiting",
            "Rows of the table of labels whose case was not known at the last look.",
            of_model,
            registry=self.registry,
        )
        self.last_request = Gauge(
            "andon_monitor_last_request_timestamp_seconds",
            "When the last request was scored.",
            of_model,
            registry=self.registry,
        )
        self.waiting = Gauge(
            "andon_monitor_inputs_waiting", "Mirrored requests that wait to be scored.", registry=self.registry
        )
        self._tracks: dict[tuple[str, str], str] = {}
        self._models: set[str] = set()
        self.live = LiveScores(slices)
        self.registry.register(self.live)

    def know(self, model: str) -> None:
        """Say that a model is one: what a client calls a model makes no series of its own before."""
        self._models.add(model)

    def drop(self, reason: str, model: str = "", count: int = 1) -> None:
        """Count requests that were not scored."""
        self.dropped.labels(model if model in self._models else "", reason).inc(count)

    def scored(self, scored: Scored, recorded: Recorded) -> None:
        """Count what has been written."""
        model, kept = scored.model, recorded.kept
        self.inputs.labels(model).inc(len(scored.requests) - recorded.duplicates)
        self.rows.labels(model).inc(int(kept.sum()))
        self.last_request.labels(model).set(max(request.at for request in scored.requests).timestamp())
        if recorded.duplicates:
            self.drop("duplicate", model, recorded.duplicates)
        self._judged(model, STABLE, scored.old, kept)
        if scored.new is None or scored.differ is None:
            self._forget(model, CANDIDATE)
            return
        self._judged(model, CANDIDATE, scored.new, kept)
        self.disagreements.labels(model).inc(int(scored.differ[kept].sum()))

    def labelled(self, model: str, outcomes: Sequence[Outcome]) -> None:
        """Count labels that were kept; one that was known already is none."""
        for outcome in outcomes:
            if outcome.what == "unchanged":
                continue
            self.labels.labels(model, "fault" if outcome.fault else "sound").inc()
            if outcome.what == "accepted":
                self.label_delay.labels(model).observe(max(0.0, outcome.delay.total_seconds()))

    def _judged(self, model: str, track: str, judged: Judged, kept: Bools) -> None:
        version = str(judged.version.number)
        if self._tracks.get((model, track)) != version:
            self._forget(model, track)
            self._tracks[model, track] = version
        self.alarms.labels(model, version, track).inc(int(judged.alarm[kept].sum()))
        self.invalid.labels(model, version, track).inc(int((~judged.valid[kept]).sum()))

    def _forget(self, model: str, track: str) -> None:
        """Drop the series of a version that no longer serves, so that they do not add up over the years."""
        version = self._tracks.pop((model, track), None)
        if version is not None:
            for metric in (self.alarms, self.invalid):
                metric.remove(model, version, track)
