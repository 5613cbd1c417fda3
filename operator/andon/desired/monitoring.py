"""What a FaultModel brings along for Prometheus and Grafana, by which of their kinds the cluster has."""

from dataclasses import dataclass

from andon.api.durations import parse_duration
from andon.api.monitoring import Monitoring
from andon.api.v1alpha1 import Manifest
from andon.core.observed import Identity, Observed
from andon.desired.dashboard import dashboard_config, grafana_dashboard
from andon.desired.platform import Platform
from andon.desired.rules import prometheus_rule, rule_groups, rules_config
from andon.desired.rules_alert import Gate, Objectives, Subject
from andon.desired.scraping import pod_monitor

OPTIONAL_KINDS = ("PrometheusRule", "PodMonitor", "GrafanaDashboard")
"""Kinds that a cluster may lack: nothing that serves depends on them."""


@dataclass(frozen=True)
class MonitoringObjects:
    """What is to exist.

    Attributes
    ----------
    plain
        Of kinds that every cluster has.
    optional
        Of `OPTIONAL_KINDS`, those that this cluster has.
    """

    plain: tuple[Manifest, ...] = ()
    optional: tuple[Manifest, ...] = ()


def monitoring_objects(observed: Observed, kinds: frozenset[str], platform: Platform) -> MonitoringObjects:
    """Give the rules, the scrape settings and the dashboard of a FaultModel.

    Parameters
    ----------
    kinds
        The optional kinds that the cluster has.
    """
    spec, identity = observed.spec.monitoring, observed.identity
    if not spec.enabled:
        return MonitoringObjects()
    labels = dict(spec.labels)
    groups = rule_groups(subject(observed), platform.runbooks, disabled(spec))
    plain: list[Manifest] = []
    optional: list[Manifest] = []
    if "PrometheusRule" in kinds:
        optional.append(prometheus_rule(identity, groups, labels))
    else:
        plain.append(rules_config(identity, groups, labels))
    if "PodMonitor" in kinds:
        optional.append(pod_monitor(identity, labels))
    if spec.dashboard:
        plain.append(dashboard_config(identity, labels))
        if "GrafanaDashboard" in kinds:
            optional.append(grafana_dashboard(identity, labels))
    return MonitoringObjects(tuple(plain), tuple(optional))


def subject(observed: Observed) -> Subject:
    """Give the FaultModel as rules see it."""
    identity: Identity = observed.identity
    alerts = observed.spec.monitoring.alerts
    objectives = Objectives(
        availability=float(alerts.availability),
        latency=float(alerts.latency.share),
        latency_milliseconds=_milliseconds(alerts.latency.threshold),
        minimum_failures=alerts.minimum_failures,
        held=alerts.held_after,
        no_traffic=alerts.no_traffic_after,
        labels_overdue=alerts.labels_overdue_after,
    )
    gates = tuple(Gate(each.metric, each.min) for each in observed.spec.validation.gates if each.min is not None)
    return Subject(identity.namespace, identity.name, objectives, gates)


def disabled(spec: Monitoring) -> frozenset[str] | None:
    """Give the names of alerts that are not written; None: of all of them."""
    return frozenset(spec.alerts.disabled) if spec.alerts.enabled else None


def _milliseconds(text: str) -> float:
    return float(text[:-2]) if text.endswith("ms") else parse_duration(text).total_seconds() * 1000
