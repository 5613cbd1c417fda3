"""Samples of the routers' Envoy and of Triton → the counts of a version's requests.

What is counted where was tried with Envoy 1.40. A request is charged to the cluster that the route chose: copies and a
stable version's requests to `vN-http`, those of a version on trial to `vN-http-else-vM`, whoever answered in the end;
`upstream_rq_total` counts at the cluster whose server really got it. So the first, taken over both names, counts each
request once, and less of the second means that another version answered.
"""

import math
import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from prometheus_client.samples import Sample

from andon.core.traffic_counts import Inferred, Routed, Traffic

COUNTED_BY_ENVOY = "upstream_rq_(completed|[0-9]xx|total|retry|time)"
"""Names of what is read of Envoy's clusters, as a regular expression, in Envoy's own spelling."""

# The parser gives every counter the suffix _total, whether it was written so or not; here it is left out.
_COUNTERS = {
    "envoy_cluster_upstream_rq_completed": "completed",
    "envoy_cluster_upstream_rq_xx": "failed",
    "envoy_cluster_upstream_rq": "sent",
    "envoy_cluster_upstream_rq_retry": "retried",
}


def clusters_of(version: int) -> str:
    """Write a regular expression for the names of a version's clusters."""
    return f"v{version}-(http|grpc)(-else-v[0-9]+)?"


def counted(routed: Iterable[Sample], inferred: Sequence[Sample], name: str, version: int, at: datetime) -> Traffic:
    """Add samples up.

    Parameters
    ----------
    routed
        Of router pods; those of other versions do no harm.
    inferred
        Of model servers; none where no server answers.
    name
        Of the model.
    at
        When they were taken.

    Raises
    ------
    ValueError
        Where something that is counted is no number of zero or more.
    """
    cluster = re.compile(clusters_of(version))
    counts: dict[str, dict[str, float]] = {"http": {}, "grpc": {}}
    buckets: dict[float, float] = {}
    for sample in routed:
        match = cluster.fullmatch(sample.labels.get("envoy_cluster_name", ""))
        if match is None:
            continue
        value = _number(sample)
        if sample.name == "envoy_cluster_upstream_rq_time_bucket":
            edge = float(sample.labels["le"]) / 1000.0
            buckets[edge] = buckets.get(edge, 0.0) + value
        field = _COUNTERS.get(sample.name.removesuffix("_total"))
        if field is None or (field == "failed" and sample.labels.get("envoy_response_code_class") != "5"):
            continue
        of = counts[match[1]]
        of[field] = of.get(field, 0.0) + value
    return Traffic(
        at=at,
        http=Routed(**counts["http"]),
        grpc=Routed(**counts["grpc"]),
        buckets=tuple(sorted(buckets.items())),
        inferred=_inferred(inferred, name, version),
    )


def _inferred(samples: Sequence[Sample], name: str, version: int) -> Inferred | None:
    mine = [one for one in samples if (one.labels.get("model"), one.labels.get("version")) == (name, str(version))]
    succeeded = [_number(one) for one in mine if one.name.startswith("nv_inference_request_success")]
    # A request that its client called off is nobody's failure.
    failed = [
        _number(one)
        for one in mine
        if one.name.startswith("nv_inference_request_failure") and one.labels.get("reason") != "CANCELED"
    ]
    if not succeeded:
        return None
    return Inferred(sum(succeeded) + sum(failed), sum(failed))


def _number(sample: Sample) -> float:
    if not math.isfinite(sample.value) or sample.value < 0:
        raise ValueError(f"{sample.name} is {sample.value}")
    return float(sample.value)
