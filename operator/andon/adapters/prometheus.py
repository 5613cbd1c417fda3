"""Counts of requests, asked of a Prometheus that scrapes the routers and the model servers.

Of each pod the last value is taken that was seen since the version's server began, whether the pod is there still or
not: so a router that is replaced leaves its counts behind. Prometheus' HTTP API: Instant queries; `last_over_time`
keeps the names of metrics.
"""

import json
import math
from datetime import UTC, datetime
from typing import Any

import httpx
import structlog
from prometheus_client.samples import Sample

from andon.adapters.counts import clusters_of, counted
from andon.adapters.metrics import read_text
from andon.core.traffic_counts import Traffic, Trial
from andon.desired.promql import selector

_log = structlog.get_logger()

_LEAST_SECONDS = 120
_ENVOY = '__name__=~"envoy_cluster_upstream_rq_(completed|xx|total|retry|time_bucket)"'
_TRITON = '__name__=~"nv_inference_request_(success|failure)(_total)?"'
_OF_ENVOY = ("__name__", "envoy_cluster_name", "envoy_response_code_class", "le")
_OF_TRITON = ("__name__", "model", "version", "reason")


class PrometheusMetrics:
    """Answers `andon.ports.Metrics`.

    Parameters
    ----------
    address
        Of the Prometheus, such as http://prometheus.monitoring:9090.
    timeout
        Seconds that it has to answer.
    """

    def __init__(self, address: str, timeout: float = 5.0) -> None:
        self._client = httpx.AsyncClient(base_url=address, timeout=timeout, trust_env=False)

    async def traffic(self, trial: Trial) -> Traffic | None:
        """Ask for all counts of a version; None where it does not answer, or scrapes no router of this FaultModel."""
        model = {"namespace": trial.namespace, "faultmodel": trial.name}
        seconds = max(_LEAST_SECONDS, math.ceil((datetime.now(UTC) - trial.since).total_seconds()))
        version = f'envoy_cluster_name=~"{clusters_of(trial.version)}"'
        try:
            seen = await self._ask(f"min(timestamp(envoy_server_live{selector(**model)}))")
            if not seen:
                _log.info("prometheus scrapes no router", namespace=trial.namespace, name=trial.name)
                return None
            of_triton = selector(_TRITON, **model, version=str(trial.version))
            inferred = await self._ask(_last(of_triton, _OF_TRITON, seconds))
            routed = await self._ask(_last(selector(_ENVOY, version, **model), _OF_ENVOY, seconds))
            at = datetime.fromtimestamp(seen[0].value, UTC)
            return counted(routed, inferred, trial.name, trial.version, at)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError) as error:
            _log.info("no counts from prometheus", name=trial.name, error=str(error) or type(error).__name__)
            return None

    async def _ask(self, query: str) -> list[Sample]:
        async with self._client.stream("POST", "/api/v1/query", data={"query": query}) as answer:
            answer.raise_for_status()
            told = json.loads(await read_text(answer.aiter_bytes()))
        return [_sample(one) for one in told["data"]["result"]]

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()


def _last(series: str, labels: tuple[str, ...], seconds: int) -> str:
    """Write a query for sums over pods; a pod that is scraped twice counts once."""
    each = f"max by ({', '.join((*labels, 'pod'))}) (last_over_time({series}[{seconds}s]))"
    return f"sum by ({', '.join(labels)}) ({each})"


def _sample(one: dict[str, Any]) -> Sample:
    labels = dict(one["metric"])
    return Sample(labels.pop("__name__", ""), labels, float(one["value"][1]))
