"""Counts of requests, asked of the router pods' Envoy and of Triton over HTTP, in Prometheus' text format.

What is counted where was tried with Envoy 1.40. A request is charged to the cluster that the route chose: copies and a
stable version's requests to `vN-http`, those of a version on trial to `vN-http-else-vM`, whoever answered in the end;
`upstream_rq_total` counts at the cluster whose server really got it. So the first, taken over both names, counts each
request once, and less of the second means that another version answered.
"""

import asyncio
import math
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

import httpx
import structlog
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from andon.api.meta import METRICS_PORT
from andon.core.traffic_counts import Inferred, Routed, Traffic
from andon.desired.envoy import STATUS_PORT

_log = structlog.get_logger()

_LONGEST = 4 * 1024 * 1024
"""Bytes of an answer that are read."""
_COUNTED = "upstream_rq_(completed|[0-9]xx|total|retry|time)$"
# The parser gives every counter the suffix _total, whether it was written so or not; here it is left out.
_COUNTERS = {
    "envoy_cluster_upstream_rq_completed": "completed",
    "envoy_cluster_upstream_rq_xx": "failed",
    "envoy_cluster_upstream_rq": "sent",
    "envoy_cluster_upstream_rq_retry": "retried",
}


class ScrapedMetrics:
    """Answers `andon.ports.Metrics`."""

    def __init__(self, timeout: float = 3.0, router_port: int = STATUS_PORT, server_port: int = METRICS_PORT) -> None:
        self._client = httpx.AsyncClient(timeout=timeout, trust_env=False)
        self._router_port = router_port
        self._server_port = server_port

    async def traffic(self, routers: Sequence[str], servers: Sequence[str], name: str, version: int) -> Traffic | None:
        """Ask for all counts of a version; None where a router is silent, or counts something that is no number."""
        # Servers first: what they have counted by then, a router counts before it is asked.
        inside = await asyncio.gather(*(self._ask(one, self._server_port, "/metrics") for one in servers))
        wanted = rf"^cluster\.v{version}-(http|grpc)(-else-v[0-9]+)?\.{_COUNTED}"
        path = f"/stats/prometheus?filter={quote(wanted, safe='')}"
        outside = await asyncio.gather(*(self._ask(one, self._router_port, path) for one in routers))
        if not outside or None in outside:
            return None
        try:
            routed = [sample for text in outside for sample in _samples(text or "")]
            inferred = [sample for text in inside if text is not None for sample in _samples(text)]
            return _counted(routed, inferred, name, version)
        except ValueError as error:
            _log.info("counts cannot be read", name=name, version=version, error=str(error))
            return None

    async def _ask(self, address: str, port: int, path: str) -> str | None:
        host = f"[{address}]" if ":" in address else address
        try:
            async with self._client.stream("GET", f"http://{host}:{port}{path}") as answer:
                answer.raise_for_status()
                return await _bounded(answer.aiter_bytes())
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            _log.info("no counts", address=address, error=str(error) or type(error).__name__)
            return None

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()


async def _bounded(parts: AsyncIterator[bytes]) -> str:
    read = bytearray()
    async for part in parts:
        read += part
        if len(read) > _LONGEST:
            raise ValueError(f"more than {_LONGEST} bytes")
    return read.decode()


def _samples(text: str) -> Iterable[Sample]:
    for family in text_string_to_metric_families(text):
        yield from family.samples


def _counted(routed: list[Sample], inferred: list[Sample], name: str, version: int) -> Traffic:
    cluster = re.compile(rf"v{version}-(http|grpc)(-else-v\d+)?")
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
        at=datetime.now(UTC),
        http=Routed(**counts["http"]),
        grpc=Routed(**counts["grpc"]),
        buckets=tuple(sorted(buckets.items())),
        inferred=_inferred(inferred, name, version),
    )


def _inferred(samples: list[Sample], name: str, version: int) -> Inferred | None:
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
