"""Recording rules: what is computed once and used by alerts and dashboards.

Names follow Prometheus' practice, level:metric:operations. Requests are counted where clients meet them, at the router;
what a single version did is counted at its cluster there and at its model server.
"""

from andon.api.v1alpha1 import Manifest
from andon.desired.promql import or_zero, template_labels
from andon.desired.rules_alert import Subject

SHORT_WINDOWS = ("5m", "30m", "1h")
LONG_WINDOWS = ("2h", "6h", "1d", "3d")
"""Together those of the burn rates; what is averaged over hours need not be computed every few seconds."""

GRPC_SERVER_FAULTS = (2, 4, 13, 14, 15)
"""gRPC status codes that are no fault of the client: unknown, deadline exceeded, internal, unavailable, data loss."""

_VERSION = '"version", "$1", "envoy_cluster_name", "v([0-9]+)-.*"'


def recording_rules(subject: Subject) -> list[Manifest]:
    """Give the rules over an hour at most, of the model and of each version."""
    records = _versions(subject)
    for window in SHORT_WINDOWS:
        records |= _traffic(subject, window)
    return _written(subject, records)


def long_recording_rules(subject: Subject) -> list[Manifest]:
    """Give the rules over hours and days."""
    records: dict[str, str] = {}
    for window in LONG_WINDOWS:
        records |= _traffic(subject, window)
    return _written(subject, records)


def _written(subject: Subject, records: dict[str, str]) -> list[Manifest]:
    return [
        {"record": record, "expr": expression, "labels": template_labels(subject.labels)}
        for record, expression in records.items()
    ]


def failed_requests(subject: Subject, window: str) -> str:
    """Requests each second that the line did not get an answer to, through no fault of its own."""
    http = f"""sum(rate(envoy_http_downstream_rq_xx{subject.router('envoy_response_code_class="5"')}[{window}]))"""
    return f"{http} + {or_zero(f'sum({_failed_calls(subject, window)})')}"


def _failed_calls(subject: Subject, window: str) -> str:
    """GRPC calls each second that failed, by cluster and status; each status is a metric of its own."""
    return " or ".join(
        f'label_replace(rate(envoy_cluster_grpc_{code}{subject.clusters()}[{window}]), "code", "{code}", "", "")'
        for code in GRPC_SERVER_FAULTS
    )


def slow_requests(subject: Subject, window: str) -> str:
    """Requests each second that took longer than promised."""
    name, milliseconds = "envoy_http_downstream_rq_time", f"{subject.objectives.latency_milliseconds:g}"
    # Prometheus 3 writes whole numbers in `le` with ".0", as Envoy does not.
    bound = f"""le=~"{milliseconds.replace(".", "[.]")}([.]0)?\""""
    every = f"sum(rate({name}_count{subject.router()}[{window}]))"
    return f"{every} - sum(rate({name}_bucket{subject.router(bound)}[{window}]))"


def _traffic(subject: Subject, window: str) -> dict[str, str]:
    completed = f"envoy_http_downstream_rq_completed{subject.router()}"
    return {
        f"model:andon_requests:rate{window}": f"sum(rate({completed}[{window}]))",
        f"model:andon_failed_requests:rate{window}": failed_requests(subject, window),
        f"model:andon_slow_requests:rate{window}": slow_requests(subject, window),
    }


def _versions(subject: Subject) -> dict[str, str]:
    servers = subject.server()

    def by_version(metric: str, more: str = "") -> str:
        return f"sum by (version{more}) (label_replace(rate({metric}{subject.clusters()}[5m]), {_VERSION}))"

    def mean(metric: str) -> str:
        executions = f"sum by (version) (rate(nv_inference_request_success{servers}[5m]))"
        return f"sum by (version) (rate({metric}{servers}[5m])) / 1e6 / ({executions} > 0)"

    errors = f"""rate(envoy_cluster_upstream_rq_xx{subject.clusters('envoy_response_code_class="5"')}[5m])"""
    failed = f"{errors} or {_failed_calls(subject, '5m')}"
    buckets = by_version("envoy_cluster_upstream_rq_time_bucket", ", le")
    return {
        "model_version:andon_requests:rate5m": by_version("envoy_cluster_upstream_rq_completed"),
        "model_version:andon_failed_requests:rate5m": f"sum by (version) (label_replace({failed}, {_VERSION}))",
        "model_version:andon_request_duration_seconds:p50_rate5m": f"histogram_quantile(0.5, {buckets}) / 1e3",
        "model_version:andon_request_duration_seconds:p99_rate5m": f"histogram_quantile(0.99, {buckets}) / 1e3",
        "model_version:andon_compute_seconds:mean_rate5m": mean("nv_inference_compute_infer_duration_us"),
        "model_version:andon_queue_seconds:mean_rate5m": mean("nv_inference_queue_duration_us"),
    }
