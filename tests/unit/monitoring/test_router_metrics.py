"""What rules ask of the router is what a real Envoy says, with the files that the operator writes."""

import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from andon.core.observed import Route
from andon.desired.envoy_routes import Forwarding
from andon.desired.rules import rule_groups
from andon.desired.rules_alert import Subject
from andon.desired.scraping import ENVOY_PATH, KEPT_OF_ENVOY
from tests.support.envoy import Backend, Router, router
from tests.support.kubectl import eventually

DIGESTS = {version: f"sha256:{version:064x}" for version in (1, 2)}
CANARY = Forwarding(Route.of({1: 50, 2: 50}), 1, DIGESTS, mirrored=100)
VERSION = re.compile("v[0-9]+-(http|grpc)(-else-v[0-9]+)?")

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
def backends() -> Iterator[dict[str, Backend]]:
    made = {name: Backend() for name in ("v1", "v2", "monitor")}
    for backend in made.values():
        backend.start()
    yield made
    for backend in made.values():
        backend.stop()


def _samples(envoy: Router) -> Samples:
    with urllib.request.urlopen(f"http://127.0.0.1:{envoy._ports['status']}{ENVOY_PATH}") as answer:
        lines = answer.read().decode().splitlines()
    # By hand, because the parser of prometheus_client adds "_total" to the names of counters; Prometheus does not.
    found = (re.fullmatch(r"(\w+)\{(.*)\} (\S+)", line) for line in lines)
    return {
        (match[1], frozenset(re.findall(r'(\w+)="([^"]*)"', match[2]))): float(match[3])
        for match in found
        if match is not None
    }


def _sum(samples: Samples, name: str, **labels: str) -> float:
    """Sum the series that our selectors would find."""
    total = 0.0
    for (known, pairs), value in samples.items():
        own = dict(pairs)
        cluster = own.get("envoy_cluster_name")
        if known == name and labels.items() <= own.items() and (cluster is None or VERSION.fullmatch(cluster)):
            total += value
    return total


def test_requests_are_counted_once_whoever_answers(tmp_path: Path, backends: dict[str, Backend]) -> None:
    with router(tmp_path, CANARY, backends) as envoy:
        for _ in range(8):
            envoy.post()
            envoy.call()
        backends["v2"].stop()
        for _ in range(4):
            envoy.post()
            envoy.call()
        ours = {"envoy_http_conn_manager_prefix": "predictions"}
        # Histograms are put together every few seconds.
        eventually(lambda: _sum(_samples(envoy), "envoy_http_downstream_rq_time_count", **ours) == 24, 30, "24 times")
        samples = _samples(envoy)
    assert _sum(samples, "envoy_http_downstream_rq_completed", **ours) == 24
    assert _sum(samples, "envoy_cluster_upstream_rq_completed") == 24
    assert _sum(samples, "envoy_cluster_upstream_rq_time_count") == 24
    assert _sum(samples, "envoy_http_downstream_rq_time_bucket", le="60000", **ours) == 24


def test_calls_that_fail_are_told_though_their_http_status_is_200(tmp_path: Path, backends: dict[str, Backend]) -> None:
    with router(tmp_path, CANARY, backends) as envoy:
        for backend in backends.values():
            backend.stop()
        for _ in range(3):
            assert envoy.post().status == 503
            with pytest.raises(grpc.RpcError):
                envoy.call()
        samples = _samples(envoy)
    failed = {"envoy_http_conn_manager_prefix": "predictions", "envoy_response_code_class": "5"}
    assert _sum(samples, "envoy_http_downstream_rq_xx", **failed) == 3
    assert _sum(samples, "envoy_cluster_grpc_14") == 3


def test_every_series_that_rules_ask_of_the_router_is_there_and_kept(
    tmp_path: Path, backends: dict[str, Backend]
) -> None:
    asked = {
        name
        for group in rule_groups(Subject("plant", "spindle"))
        for rule in group["rules"]
        for name in re.findall(r"\benvoy_(?:http|cluster)_[a-z_0-9]+(?=\{)", rule["expr"])
    }
    assert len(asked) > 5
    assert all(re.fullmatch(KEPT_OF_ENVOY, name) for name in asked)
    with router(tmp_path, CANARY, backends) as envoy:
        envoy.post()
        envoy.call()
        steady = {name for name in asked if not re.fullmatch("envoy_cluster_grpc_[0-9]+", name)}
        eventually(lambda: steady <= {name for name, _ in _samples(envoy)}, 30, f"all of {sorted(steady)}")
