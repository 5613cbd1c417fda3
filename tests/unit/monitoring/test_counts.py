"""A candidate's requests as a real Prometheus counts them, whose targets say what Envoy and Triton do."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from andon.adapters.prometheus import PrometheusMetrics
from andon.core.traffic_counts import Inferred, Routed, Traffic
from tests.support import evidence
from tests.support.counted import ENVOY, TRITON, answering
from tests.support.kubectl import eventually
from tests.support.prometheus import ask, prometheus

ALIVE = "# TYPE envoy_server_live gauge\nenvoy_server_live{} 1\n"
_SCRAPED = "count(count by (pod) (envoy_server_live)) == 2"


def _target(job: str, path: str, port: int, pod: str) -> dict[str, Any]:
    labels = {"namespace": "plant", "faultmodel": "spindle", "pod": pod}
    targets = [{"targets": [f"127.0.0.1:{port}"], "labels": labels}]
    return {"job_name": job, "metrics_path": path, "scrape_interval": "1s", "static_configs": targets}


async def _counted(address: str, version: int = 2) -> Traffic | None:
    source = PrometheusMetrics(f"http://{address}")
    try:
        return await source.traffic(evidence.trial(version))
    finally:
        await source.close()


async def test_a_router_that_is_replaced_leaves_its_counts(tmp_path: Path) -> None:
    said = {"/stats/prometheus": (200, ALIVE + ENVOY), "/metrics": (200, TRITON)}
    with answering(said) as (port, _):
        jobs = [
            _target("first", "/stats/prometheus", port, "spindle-router-a"),
            _target("again", "/stats/prometheus", port, "spindle-router-a"),  # scraped twice, it counts once
            _target("servers", "/metrics", port, "spindle-v2-a"),
        ]
        with answering(said) as (other, _):
            jobs.append(_target("second", "/stats/prometheus", other, "spindle-router-b"))
            with prometheus(tmp_path, {"scrape_configs": jobs}) as address:
                eventually(lambda: ask(address, _SCRAPED), 60, "both routers and the server are scraped")
                eventually(lambda: ask(address, "nv_inference_request_failure"), 60, "the server is scraped")
                before = await _counted(address)
                said["/stats/prometheus"] = (503, "")
                eventually(lambda: ask(address, "count(up == 0) == 3"), 60, "no router answers")
                silent = await _counted(address)
                said["/stats/prometheus"] = (200, ALIVE)
                eventually(lambda: ask(address, _SCRAPED), 60, "other routers answer")
                after = await _counted(address)
                nothing = await _counted(address, version=7)
    assert before is not None
    assert before.http == Routed(completed=152, failed=14, sent=152, retried=6)
    assert before.inferred == Inferred(77, 7)
    assert dict(before.buckets)[0.05] == 80
    assert silent is None
    assert after is not None
    assert (after.http, after.buckets) == (before.http, before.buckets)
    assert nothing is not None
    assert nothing.completed == 0


@pytest.fixture
def confused() -> Iterator[int]:
    with answering({"/api/v1/query": (200, "<html>")}) as (port, _):
        yield port


@pytest.mark.parametrize("address", ["127.0.0.1:1", "confused"])
async def test_a_prometheus_that_is_silent_or_makes_no_sense_is_no_data(address: str, confused: int) -> None:
    assert await _counted(f"127.0.0.1:{confused}" if address == "confused" else address) is None


async def test_a_prometheus_that_scrapes_no_router_is_no_data(tmp_path: Path) -> None:
    with prometheus(tmp_path, {}) as address:
        assert await _counted(address) is None
