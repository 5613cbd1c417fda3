"""The adapters that ask for evidence, against real servers on loopback that say what Envoy, Triton and a monitor do."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from andon.adapters.metrics import ScrapedMetrics
from andon.adapters.monitor import HttpMonitor
from andon.core.traffic_counts import Inferred, Routed
from tests.support import evidence
from tests.support.cluster import START
from tests.support.counted import ENVOY, TRITON, answering


async def test_each_request_is_counted_once_whichever_cluster_it_was_charged_to() -> None:
    with answering({"/stats/prometheus": (200, ENVOY), "/metrics": (200, TRITON)}) as (port, asked):
        source = ScrapedMetrics(router_port=port, server_port=port)
        found = await source.traffic(evidence.trial(2, routers=2, servers=1))
        await source.close()
    assert found is not None
    assert found.http == Routed(completed=152, failed=14, sent=152, retried=6), "two router pods, each with its own"
    assert found.grpc == Routed()
    assert found.inferred == Inferred(77, 7), "what a client called off is no failure"
    assert dict(found.buckets)[0.05] == 80
    assert dict(found.buckets)[float("inf")] == 152
    (query,) = {parse_qs(urlsplit(path).query)["filter"][0] for path in asked if path.startswith("/stats")}
    assert query.startswith(r"^cluster\.v2-")


@pytest.mark.parametrize(
    ("routers", "envoy"),
    [
        (0, (200, ENVOY)),
        (1, (503, "")),
        (1, (200, "envoy_cluster_upstream_rq_completed{")),
        (1, (200, 'envoy_cluster_upstream_rq_completed{envoy_cluster_name="v2-http"} NaN\n')),
    ],
)
async def test_a_router_that_is_silent_or_makes_no_sense_is_no_data(routers: int, envoy: tuple[int, str]) -> None:
    with answering({"/stats/prometheus": envoy, "/metrics": (200, TRITON)}) as (port, _):
        source = ScrapedMetrics(router_port=port, server_port=port)
        assert await source.traffic(evidence.trial(2, routers=routers, servers=1)) is None
        await source.close()


async def test_a_server_that_is_dead_leaves_the_routers_word() -> None:
    with answering({"/stats/prometheus": (200, ENVOY)}) as (port, _):
        source = ScrapedMetrics(router_port=port, server_port=port)
        found = await source.traffic(evidence.trial(2, routers=1, servers=1))
        await source.close()
    assert found is not None
    assert found.inferred is None
    assert found.http.failed == 7


async def test_the_monitor_is_asked_for_the_pair() -> None:
    told = evidence.comparison(START, "sha256:a", "sha256:b", 100, disagreements=3)
    text = told.model_dump_json(by_alias=True)
    with answering({"/v1/models/spindle/evidence": (200, text)}) as (port, asked):
        monitor = HttpMonitor("cluster.local", address=f"http://127.0.0.1:{port}")
        assert await monitor.comparison("plant", "spindle", "sha256:a", "sha256:b") == told
        assert await monitor.comparison("plant", "spindle", "sha256:a", "sha256:c") is None, "it spoke of another pair"
        await monitor.close()
    assert parse_qs(urlsplit(asked[0]).query) == {"old": ["sha256:a"], "new": ["sha256:b"]}


@pytest.mark.parametrize(
    "answer",
    [
        (404, json.dumps({"reason": "UnknownPair"})),
        (500, ""),
        (200, "nonsense"),
        (200, '{"old": "sha256:a", "new": "sha256:b", "at": "2026-01-01T00:00:00Z", "inputs": -1}'),
    ],
)
async def test_a_monitor_that_knows_nothing_or_makes_no_sense_is_no_data(answer: tuple[int, str]) -> None:
    with answering({"/v1/models/spindle/evidence": answer}) as (port, _):
        monitor = HttpMonitor("cluster.local", address=f"http://127.0.0.1:{port}")
        assert await monitor.comparison("plant", "spindle", "sha256:a", "sha256:b") is None
        await monitor.close()
    silent = HttpMonitor("cluster.local", address="http://127.0.0.1:1")
    assert await silent.comparison("plant", "spindle", "sha256:a", "sha256:b") is None
    await silent.close()
