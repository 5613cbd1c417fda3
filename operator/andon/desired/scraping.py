"""How Prometheus comes to the series: a PodMonitor for its operator, annotations on pods for everybody else."""

from andon.api.meta import COMPONENT_MONITORING, LABEL_FAULT_MODEL, METRICS_PORT, child_labels
from andon.api.v1alpha1 import Manifest
from andon.core.observed import Identity
from andon.desired.envoy import STATUS_PORT
from andon.desired.pods import metadata

ENVOY_PATH = "/stats/prometheus"

KEPT_OF_ENVOY = (
    "envoy_http_downstream_rq_(completed|xx|active|time_bucket|time_count|time_sum)"
    "|envoy_cluster_(upstream_rq_(completed|total|xx|retry|active|time_bucket|time_count|time_sum)|grpc_[0-9]+"
    "|membership_(healthy|total))"
    "|envoy_server_(live|uptime|memory_allocated)"
)
"""Of the two thousand series of an Envoy those that rules and dashboards use, and a few to look around with."""

_LABEL_OF_POD = f"__meta_kubernetes_pod_label_{LABEL_FAULT_MODEL.replace('.', '_').replace('/', '_')}"


def router_annotations() -> dict[str, str]:
    """Annotations of router pods, for a Prometheus that finds its targets by them."""
    return _annotations(STATUS_PORT, ENVOY_PATH)


def server_annotations() -> dict[str, str]:
    """Annotations of model server pods."""
    return _annotations(METRICS_PORT, "/metrics")


def _annotations(port: int, path: str) -> dict[str, str]:
    return {"prometheus.io/scrape": "true", "prometheus.io/port": str(port), "prometheus.io/path": path}


def pod_monitor(identity: Identity, labels: dict[str, str]) -> Manifest:
    """Write the PodMonitor of a FaultModel's router and model servers.

    Its pods are told apart by the names of their ports: only a router has `status`, only a model server `metrics`.
    """
    named = {"sourceLabels": [_LABEL_OF_POD], "targetLabel": "faultmodel"}
    of_envoy = {"action": "keep", "sourceLabels": ["__name__"], "regex": KEPT_OF_ENVOY}
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": metadata(identity, identity.name, {**labels, **child_labels(identity.name, COMPONENT_MONITORING)}),
        "spec": {
            "selector": {"matchLabels": {LABEL_FAULT_MODEL: identity.name}},
            "podMetricsEndpoints": [
                {"port": "status", "path": ENVOY_PATH, "relabelings": [named], "metricRelabelings": [of_envoy]},
                {"port": "metrics", "path": "/metrics", "relabelings": [named]},
            ],
        },
    }
