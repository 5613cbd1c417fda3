"""What an alert is, and how it is written for Prometheus."""

from dataclasses import dataclass
from typing import Literal

from andon.api.v1alpha1 import Manifest
from andon.desired.promql import selector, template_labels, template_text

Severity = Literal["critical", "warning", "info"]
"""critical: a person is to come now. warning: within the shift. info: to be known."""


@dataclass(frozen=True)
class Objectives:
    """What a FaultModel promises, and after how long silence is worth a word.

    Attributes
    ----------
    availability, latency
        Share of requests, over 30 days, that are answered, and that are answered fast; 0.95 to below 1.
    latency_milliseconds
        What fast is: one of the bounds of Envoy's histogram.
    minimum_failures
        Failed or slow requests in the longer window below which nobody is called: a single failure among few
        requests says little.
    held, no_traffic, labels_overdue
        Prometheus durations, such as ``30m``.
    """

    availability: float = 0.999
    latency: float = 0.99
    latency_milliseconds: float = 250
    minimum_failures: int = 5
    held: str = "30m"
    no_traffic: str = "1h"
    labels_overdue: str = "24h"


@dataclass(frozen=True)
class Gate:
    """A score that the live model is to keep."""

    metric: str
    minimum: str


@dataclass(frozen=True)
class Subject:
    """The FaultModel that rules are about."""

    namespace: str
    name: str
    objectives: Objectives = Objectives()
    gates: tuple[Gate, ...] = ()

    @property
    def labels(self) -> dict[str, str]:
        """Labels of all its rules and alerts."""
        return {"namespace": self.namespace, "model": self.name}

    def router(self, *matchers: str) -> str:
        """Select the series of its router."""
        ours = 'envoy_http_conn_manager_prefix="predictions"'
        return selector(ours, *matchers, namespace=self.namespace, faultmodel=self.name)

    def clusters(self, *matchers: str) -> str:
        """Select the router's series of its versions.

        Requests count for the cluster that their route names: ``vN-http``, or ``vN-http-else-vM`` where version M is
        to stand in for version N.
        """
        versions = 'envoy_cluster_name=~"v[0-9]+-(http|grpc)(-else-v[0-9]+)?"'
        return selector(versions, *matchers, namespace=self.namespace, faultmodel=self.name)

    def server(self, *matchers: str) -> str:
        """Select the series of its model servers."""
        return selector(*matchers, namespace=self.namespace, faultmodel=self.name)

    def monitor(self, *matchers: str) -> str:
        """Select what the namespace's monitor says of it."""
        return selector(*matchers, namespace=self.namespace, model=self.name)

    def operator(self, *matchers: str) -> str:
        """Select what the operator says of it. The operator is in another namespace, hence a label of its own."""
        return selector(*matchers, model_namespace=self.namespace, model=self.name)

    def recorded(self) -> str:
        """Select its recorded series."""
        return selector(**self.labels)


@dataclass(frozen=True)
class Alert:
    """An alert, and what people are told when it fires.

    Attributes
    ----------
    held
        How long the expression must hold; empty: not at all.
    summary, description, action
        Templates of Prometheus: values of ours in them have gone through `template_text`.
    action
        What to do first.
    """

    name: str
    severity: Severity
    expression: str
    held: str
    summary: str
    description: str
    action: str


def alert_rule(alert: Alert, labels: dict[str, str], runbooks: str) -> Manifest:
    """Write an alert as a rule.

    Parameters
    ----------
    runbooks
        Address of the folder with the runbooks.
    """
    rule: Manifest = {
        "alert": alert.name,
        "expr": alert.expression,
        "labels": {**template_labels(labels), "severity": alert.severity},
        "annotations": {
            "summary": alert.summary,
            "description": alert.description,
            "action": alert.action,
            "runbook_url": template_text(f"{runbooks.rstrip('/')}/{alert.name}.md"),
        },
    }
    if alert.held:
        rule["for"] = alert.held
    return rule
