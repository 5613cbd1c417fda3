"""Whether what a FaultModel brings along for Prometheus and Grafana is in place: the condition MonitoringReady."""

from collections.abc import Collection
from datetime import datetime

from andon.api.conditions import ConditionType, Reason
from andon.api.status import FaultModelStatus
from andon.core.facts import Fact, with_facts
from andon.core.observed import Observed

NEEDED_KINDS = ("PrometheusRule", "PodMonitor")
"""Kinds of the Prometheus Operator, without which a plant has to load rules and find targets by its own means."""


def with_monitoring(
    status: FaultModelStatus, observed: Observed, kinds: Collection[str], trouble: str, monitor: str, now: datetime
) -> FaultModelStatus:
    """Give the status with MonitoringReady; without it where nothing is to be watched.

    Parameters
    ----------
    kinds
        The optional kinds that the cluster has.
    trouble
        Why they could not be written; empty where they were, or there was nothing to write.
    monitor
        Why the monitor of the namespace is not ready; empty where it is.
    """
    asked = observed.spec.monitoring.enabled or trouble
    facts = [_fact(kinds, trouble, monitor, _no_inputs(observed))] if asked else []
    return with_facts(status, observed, (ConditionType.MONITORING_READY,), facts, now)


def _no_inputs(observed: Observed) -> list[str]:
    """Give the features of declared ranges that are no numeric inputs of the version that serves."""
    stable = observed.router.stable
    version = None if stable is None else observed.version(stable)
    if version is None or version.spec.signature.truncated:
        return []
    return [
        one.feature
        for one in observed.spec.monitoring.drift.ranges
        if one.feature not in version.spec.signature.numeric
    ]


def _fact(kinds: Collection[str], trouble: str, monitor: str, no_inputs: list[str]) -> Fact:
    kind = ConditionType.MONITORING_READY
    if trouble:
        return Fact(kind, "False", Reason.MONITORING_FAILED, f"{trouble} What serves is not touched.")
    if monitor:
        return Fact(kind, "False", Reason.MONITOR_NOT_READY, f"{monitor} What serves is not touched.")
    if no_inputs:
        return Fact(
            kind,
            "False",
            Reason.RANGE_OF_NO_INPUT,
            f"monitoring.drift.ranges names {', '.join(no_inputs[:5])}, which the version that serves does not take as"
            " a number. Name inputs as the data's columns are named.",
        )
    absent = [one for one in NEEDED_KINDS if one not in kinds]
    if absent:
        return Fact(
            kind,
            "False",
            Reason.PROMETHEUS_OPERATOR_ABSENT,
            f"The cluster has no {' and no '.join(absent)} (monitoring.coreos.com): rules lie in a ConfigMap, and pods"
            " carry scrape annotations. Install the Prometheus Operator, and they are written without a restart.",
        )
    return Fact(
        kind, "True", Reason.MONITORING_IN_PLACE, "The monitor is ready; rules and scrape settings are in place."
    )
