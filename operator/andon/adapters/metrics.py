"""Counts of requests, asked of the router pods' Envoy and of Triton over HTTP, in Prometheus' text format."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from urllib.parse import quote

import httpx
import structlog
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from andon.adapters.counts import COUNTED_BY_ENVOY, clusters_of, counted
from andon.api.meta import METRICS_PORT
from andon.core.traffic_counts import Traffic, Trial
from andon.desired.envoy import STATUS_PORT

_log = structlog.get_logger()

_LONGEST = 4 * 1024 * 1024
"""Bytes of an answer that are read."""


class ScrapedMetrics:
    """Answers `andon.ports.Metrics`."""

    def __init__(self, timeout: float = 3.0, router_port: int = STATUS_PORT, server_port: int = METRICS_PORT) -> None:
        self._client = httpx.AsyncClient(timeout=timeout, trust_env=False)
        self._router_port = router_port
        self._server_port = server_port

    async def traffic(self, trial: Trial) -> Traffic | None:
        """Ask for all counts of a version; None where a router is silent, or counts something that is no number."""
        # Servers first: what they have counted by then, a router counts before it is asked.
        inside = await asyncio.gather(*(self._ask(one, self._server_port, "/metrics") for one in trial.servers))
        wanted = rf"^cluster\.{clusters_of(trial.version)}\.{COUNTED_BY_ENVOY}$"
        path = f"/stats/prometheus?filter={quote(wanted, safe='')}"
        outside = await asyncio.gather(*(self._ask(one, self._router_port, path) for one in trial.routers))
        if not outside or None in outside:
            return None
        try:
            routed = [sample for text in outside for sample in _samples(text or "")]
            inferred = [sample for text in inside if text is not None for sample in _samples(text)]
            return counted(routed, inferred, trial.name, trial.version, datetime.now(UTC))
        except ValueError as error:
            _log.info("counts cannot be read", name=trial.name, version=trial.version, error=str(error))
            return None

    async def _ask(self, address: str, port: int, path: str) -> str | None:
        host = f"[{address}]" if ":" in address else address
        try:
            async with self._client.stream("GET", f"http://{host}:{port}{path}") as answer:
                answer.raise_for_status()
                return await read_text(answer.aiter_bytes())
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            _log.info("no counts", address=address, error=str(error) or type(error).__name__)
            return None

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()


async def read_text(parts: AsyncIterator[bytes]) -> str:
    """Read an answer that is not too long.

    Raises
    ------
    ValueError
        Where it is longer than 4 MiB, or no UTF-8.
    """
    read = bytearray()
    async for part in parts:
        read += part
        if len(read) > _LONGEST:
            raise ValueError(f"more than {_LONGEST} bytes")
    return read.decode()


def _samples(text: str) -> Iterable[Sample]:
    for family in text_string_to_metric_families(text):
        yield from family.samples
