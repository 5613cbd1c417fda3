"""The rules of one FaultModel, as a PrometheusRule or as a ConfigMap with the same content."""

import yaml

from andon.api.meta import COMPONENT_MONITORING, child_labels, rules_name
from andon.api.v1alpha1 import Manifest
from andon.core.observed import Identity
from andon.desired.platform import RUNBOOKS
from andon.desired.pods import metadata
from andon.desired.rules_alert import Alert, Subject, alert_rule
from andon.desired.rules_model import model_alerts
from andon.desired.rules_objectives import objective_alerts
from andon.desired.rules_recording import long_recording_rules, recording_rules
from andon.desired.rules_rollout import rollout_alerts

RULES_FILE = "rules.yaml"

LONG_INTERVAL = "2m"
"""How often averages over hours and days are computed; below the five minutes after which a sample is stale."""


def alerts(subject: Subject, disabled: frozenset[str] = frozenset()) -> list[Alert]:
    """Give the alerts of a FaultModel, without those that are switched off by name."""
    every = [*objective_alerts(subject), *rollout_alerts(subject), *model_alerts(subject)]
    return [alert for alert in every if alert.name not in disabled]


def rule_groups(
    subject: Subject, runbooks: str = RUNBOOKS, disabled: frozenset[str] | None = frozenset()
) -> list[Manifest]:
    """Give the rule groups of a FaultModel, as Prometheus takes them.

    Parameters
    ----------
    disabled
        Names of alerts that are left out; None: all of them.
    """
    prefix = f"andon/{subject.namespace}/{subject.name}"
    groups = [
        {"name": f"{prefix}/recording", "rules": recording_rules(subject)},
        {"name": f"{prefix}/recording-long", "interval": LONG_INTERVAL, "rules": long_recording_rules(subject)},
    ]
    wanted = alerts(subject, disabled) if disabled is not None else []
    if wanted:
        rules = [alert_rule(alert, subject.labels, runbooks) for alert in wanted]
        groups.append({"name": f"{prefix}/alerts", "rules": rules})
    return groups


def prometheus_rule(identity: Identity, groups: list[Manifest], labels: dict[str, str]) -> Manifest:
    """Write the groups for the Prometheus Operator.

    Parameters
    ----------
    labels
        On top of our own: those that the Prometheus of the plant selects rules by.
    """
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": metadata(identity, rules_name(identity.name), _labels(identity, labels)),
        "spec": {"groups": groups},
    }


def rules_config(identity: Identity, groups: list[Manifest], labels: dict[str, str]) -> Manifest:
    """Write the groups as a file, for a Prometheus that reads its rules from a folder."""
    content = yaml.safe_dump({"groups": groups}, width=120)
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(identity, rules_name(identity.name), _labels(identity, labels)),
        "data": {RULES_FILE: content},
    }


def _labels(identity: Identity, labels: dict[str, str]) -> dict[str, str]:
    return {**labels, **child_labels(identity.name, COMPONENT_MONITORING)}
