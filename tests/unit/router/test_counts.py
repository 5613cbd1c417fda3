"""What a real Envoy counts of each version, as the operator reads it: each request once, whoever answered."""

from pathlib import Path

import pytest

from andon.adapters.metrics import ScrapedMetrics
from andon.core.observed import Route
from andon.core.traffic_counts import Traffic, errors, slow
from andon.desired.envoy_routes import Forwarding
from tests.support import evidence
from tests.support.envoy import Backend, Router, router

REQUESTS = 60


async def _counted(envoy: Router, version: int, completed: int) -> Traffic:
    """Ask until Envoy has counted so many: histograms come to light every 5 s, copies when they are answered."""
    source = ScrapedMetrics(router_port=envoy.port("status"), server_port=1)
    try:
        for _ in range(200):
            found = await source.traffic(evidence.trial(version, routers=1))
            assert found is not None
            timed = max((count for _, count in found.buckets), default=0)
            if found.completed >= completed and timed >= completed:
                return found
            envoy.wait()
    finally:
        await source.close()
    raise AssertionError(f"never {completed}: {found}")


@pytest.mark.parametrize("ask", [Router.post, Router.call], ids=["http", "grpc"])
async def test_a_candidates_requests_are_counted_once(
    tmp_path: Path, backends: dict[str, Backend], ask: object
) -> None:
    with router(tmp_path, Forwarding(Route.of({1: 50, 2: 50}), 1), backends) as envoy:
        for _ in range(REQUESTS):
            ask(envoy)  # type: ignore[operator]
        mine = len(backends["v2"].got)
        found = await _counted(envoy, 2, mine)
        stable = await _counted(envoy, 1, REQUESTS - mine)
    assert (found.completed, stable.completed) == (mine, REQUESTS - mine)
    assert errors(found).most == errors(stable).most == 0
    assert slow(found, 10.0).most == 0
    assert slow(found, 0.0001).most == mine


async def test_errors_are_the_candidates_own(tmp_path: Path, backends: dict[str, Backend]) -> None:
    backends["v2"].status = 500
    with router(tmp_path, Forwarding(Route.of({1: 50, 2: 50}), 1), backends) as envoy:
        for _ in range(REQUESTS):
            envoy.post()
        mine = len(backends["v2"].got)
        found = await _counted(envoy, 2, mine)
        stable = await _counted(envoy, 1, REQUESTS - mine)
    assert (errors(found).hits, errors(found).most, errors(found).total) == (mine, mine, mine)
    assert errors(stable).most == 0


async def test_copies_are_counted_with_their_errors(tmp_path: Path, backends: dict[str, Backend]) -> None:
    backends["v2"].status = 500
    with router(tmp_path, Forwarding(Route.of({1: 100, 2: 0}, shadow=2), 1), backends) as envoy:
        for _ in range(REQUESTS):
            assert envoy.post().status == 200
        found = await _counted(envoy, 2, REQUESTS)
    assert errors(found).hits == errors(found).total == REQUESTS


async def test_what_another_version_answered_for_it_is_an_error_of_the_candidate(
    tmp_path: Path, backends: dict[str, Backend]
) -> None:
    with router(tmp_path, Forwarding(Route.of({1: 0, 2: 100}), 1), backends) as envoy:
        backends["v2"].stop()
        for _ in range(REQUESTS):
            assert envoy.post().version == "1"
        found = await _counted(envoy, 2, REQUESTS)
    assert errors(found).hits == REQUESTS
