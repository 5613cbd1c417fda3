"""The adapters that ask for evidence, against real servers on loopback that say what Envoy, Triton and a monitor do."""

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from andon.adapters.metrics import ScrapedMetrics
from andon.adapters.monitor import HttpMonitor
from andon.core.traffic_counts import Inferred, Routed
from tests.support import evidence
from tests.support.cluster import START

# As Envoy 1.40 wrote it after 200 requests, of which 40% were meant for version 2, each copied to version 3.
ENVOY = """\
# TYPE envoy_cluster_upstream_rq_completed counter
envoy_cluster_upstream_rq_completed{envoy_cluster_name="v1-http"} 124
envoy_cluster_upstream_rq_completed{envoy_cluster_name="v2-http"} 0
envoy_cluster_upstream_rq_completed{envoy_cluster_name="v2-http-else-v1"} 76
envoy_cluster_upstream_rq_completed{envoy_cluster_name="v3-http"} 200

# TYPE envoy_cluster_upstream_rq_retry counter
envoy_cluster_upstream_rq_retry{envoy_cluster_name="v1-http"} 0
envoy_cluster_upstream_rq_retry{envoy_cluster_name="v2-http-else-v1"} 3

# TYPE envoy_cluster_upstream_rq_total counter
envoy_cluster_upstream_rq_total{envoy_cluster_name="v1-http"} 124
envoy_cluster_upstream_rq_total{envoy_cluster_name="v2-http"} 76
envoy_cluster_upstream_rq_total{envoy_cluster_name="v2-http-else-v1"} 0
envoy_cluster_upstream_rq_total{envoy_cluster_name="v3-http"} 200

# TYPE envoy_cluster_upstream_rq_xx counter
envoy_cluster_upstream_rq_xx{envoy_response_code_class="2",envoy_cluster_name="v1-http"} 124
envoy_cluster_upstream_rq_xx{envoy_response_code_class="2",envoy_cluster_name="v2-http-else-v1"} 69
envoy_cluster_upstream_rq_xx{envoy_response_code_class="5",envoy_cluster_name="v2-http-else-v1"} 7
envoy_cluster_upstream_rq_xx{envoy_response_code_class="5",envoy_cluster_name="v3-http"} 34

# TYPE envoy_cluster_upstream_rq_time histogram
envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="v2-http-else-v1",le="10"} 0
envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="v2-http-else-v1",le="25"} 40
envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="v2-http-else-v1",le="50"} 40
envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="v2-http-else-v1",le="100"} 76
envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name="v2-http-else-v1",le="+Inf"} 76
envoy_cluster_upstream_rq_time_sum{envoy_cluster_name="v2-http-else-v1"} 3123.3756581450807
envoy_cluster_upstream_rq_time_count{envoy_cluster_name="v2-http-else-v1"} 76
"""
TRITON = """\
# HELP nv_inference_request_success Number of successful inference requests, all batch sizes
# TYPE nv_inference_request_success counter
nv_inference_request_success{model="spindle",version="2"} 70
# HELP nv_inference_request_failure Number of failed inference requests, all batch sizes
# TYPE nv_inference_request_failure counter
nv_inference_request_failure{model="spindle",reason="BACKEND",version="2"} 6
nv_inference_request_failure{model="spindle",reason="CANCELED",version="2"} 9
nv_inference_request_failure{model="spindle",reason="OTHER",version="2"} 1
"""


@contextlib.contextmanager
def answering(answers: dict[str, tuple[int, str]]) -> Iterator[tuple[int, list[str]]]:
    """Serve fixed answers by path on loopback; give the port and the list of what was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            status, text = answers.get(urlsplit(self.path).path, (404, ""))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the signature is the library's
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1], asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def test_each_request_is_counted_once_whichever_cluster_it_was_charged_to() -> None:
    with answering({"/stats/prometheus": (200, ENVOY), "/metrics": (200, TRITON)}) as (port, asked):
        source = ScrapedMetrics(router_port=port, server_port=port)
        found = await source.traffic(["127.0.0.1", "127.0.0.1"], ["127.0.0.1"], "spindle", 2)
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
        ([], (200, ENVOY)),
        (["127.0.0.1"], (503, "")),
        (["127.0.0.1"], (200, "envoy_cluster_upstream_rq_completed{")),
        (["127.0.0.1"], (200, 'envoy_cluster_upstream_rq_completed{envoy_cluster_name="v2-http"} NaN\n')),
    ],
)
async def test_a_router_that_is_silent_or_makes_no_sense_is_no_data(routers: list[str], envoy: tuple[int, str]) -> None:
    with answering({"/stats/prometheus": envoy, "/metrics": (200, TRITON)}) as (port, _):
        source = ScrapedMetrics(router_port=port, server_port=port)
        assert await source.traffic(routers, ["127.0.0.1"], "spindle", 2) is None
        await source.close()


async def test_a_server_that_is_dead_leaves_the_routers_word() -> None:
    with answering({"/stats/prometheus": (200, ENVOY)}) as (port, _):
        source = ScrapedMetrics(router_port=port, server_port=port)
        found = await source.traffic(["127.0.0.1"], ["127.0.0.1"], "spindle", 2)
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
