"""What the operator says of each FaultModel on /metrics. Bounded by the number of FaultModels: only what is so now."""

from collections.abc import Iterable

from prometheus_client import Counter
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import REGISTRY, Collector, CollectorRegistry

from andon.core.telling import Telling

_MODEL = ("model_namespace", "model")


class Fleet(Collector):
    """Answers `andon.ports.Fleet` with series."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._known: dict[tuple[str, str], Telling] = {}
        self._builds = Counter(
            "andon_builds", "Builds that ended, by outcome and reason.", ["outcome", "reason"], registry=registry
        )
        registry.register(self)

    def tell(self, namespace: str, name: str, telling: Telling) -> None:
        """Take note of what is so."""
        before = self._known.get((namespace, name))
        self._known[namespace, name] = telling
        # A build that had ended before this process began is not counted again.
        if before is not None and telling.build is not None and telling.build != before.build:
            _, outcome, reason = telling.build
            self._builds.labels(outcome, reason).inc()

    def forget(self, namespace: str, name: str) -> None:
        """Drop a FaultModel that is gone."""
        self._known.pop((namespace, name), None)

    def collect(self) -> Iterable[Metric]:
        """Give the series."""
        phase = _gauge("phase", "1 for the state of a FaultModel, in one word.", "phase")
        condition = _gauge("condition", "1 for what a condition says.", "type", "status", "reason")
        weight = _gauge("version_weight", "Per cent of the traffic, as written down.", "version", "track")
        held = _gauge("held", "1 while a new version goes no further for now, by what for.", "version", "reason")
        trouble = _gauge("server_trouble", "1 while servers of a version do not come up.", "version", "reason")
        for model, told in list(self._known.items()):
            phase.add_metric([*model, told.phase], 1)
            for one in told.conditions:
                condition.add_metric([*model, *one], 1)
            for version, track, share in told.weights:
                weight.add_metric([*model, str(version), track], share)
            if told.held is not None:
                held.add_metric([*model, str(told.held[0]), told.held[1]], 1)
            for version, reason in set(told.troubles):
                trouble.add_metric([*model, str(version), reason], 1)
        return [phase, condition, weight, held, trouble]


def _gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"andon_faultmodel_{name}", text, labels=[*_MODEL, *labels])
