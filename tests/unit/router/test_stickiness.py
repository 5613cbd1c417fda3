"""One asset, one version: real Envoy with the operator's files."""

import math
from pathlib import Path

import pytest

from andon.core.observed import Route
from andon.desired.envoy_routes import Forwarding
from tests.support.envoy import Backend, Router, router

ASSETS = [f"press {number}" for number in range(200)]
WEIGHTS = (5, 20, 50, 99)
SIGMAS = 4.5
"""A sound split is outside of this once in 150,000 counts."""


def _sticky(weight: int) -> Forwarding:
    return Forwarding(Route.of({1: 100 - weight, 2: weight}), 1, sticky_by="x-asset-id")


def _moved(envoy: Router) -> set[str]:
    """Give the assets that the candidate has."""
    versions = {asset: envoy.post({"x-asset-id": asset}).version for asset in ASSETS}
    assert set(versions.values()) <= {"1", "2"}
    return {asset for asset, version in versions.items() if version == "2"}


def _fair(count: int, total: int, percent: int) -> bool:
    spread = SIGMAS * math.sqrt(total * percent * (100 - percent)) / 100
    return abs(count - total * percent / 100) <= spread


def test_assets_move_once_and_never_back_as_weights_grow(tmp_path: Path, backends: dict[str, Backend]) -> None:
    before: set[str] = set()
    with router(tmp_path, _sticky(WEIGHTS[0]), backends) as envoy:
        for weight in WEIGHTS:
            envoy.follow(_sticky(weight))
            moved = _moved(envoy)
            assert before <= moved, "an asset went back"
            assert _fair(len(moved), len(ASSETS), weight), f"{len(moved)} of {len(ASSETS)} at {weight}%"
            before = moved
        envoy.follow(Forwarding(Route.of({1: 0, 2: 100}), 2, sticky_by="x-asset-id"))
        assert _moved(envoy) == set(ASSETS)


def test_an_asset_has_one_version_over_both_protocols(tmp_path: Path, backends: dict[str, Backend]) -> None:
    with router(tmp_path, _sticky(50), backends) as envoy:
        for asset in ASSETS[:12]:
            headers = {"x-asset-id": asset}
            answers = [ask(headers).version for ask in (envoy.post, envoy.call) for _ in range(5)]
            assert len(set(answers)) == 1, asset


@pytest.mark.parametrize("headers", [{}, {"x-other": "press 1"}], ids=["none", "another header"])
def test_a_request_without_an_asset_is_drawn_at_random(
    tmp_path: Path, backends: dict[str, Backend], headers: dict[str, str]
) -> None:
    asked = 400
    with router(tmp_path, _sticky(50), backends) as envoy:
        versions = [envoy.post(headers).version for _ in range(asked)]
    assert _fair(versions.count("2"), asked, 50), versions.count("2")


def test_without_stickiness_an_asset_meets_both(tmp_path: Path, backends: dict[str, Backend]) -> None:
    with router(tmp_path, Forwarding(Route.of({1: 50, 2: 50}), 1), backends) as envoy:
        assert {envoy.post({"x-asset-id": "press 1"}).version for _ in range(60)} == {"1", "2"}
