"""What a request carries along, and who gets a copy of it: real Envoy with the operator's files."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from andon.core.observed import Route
from andon.desired.envoy_routes import Forwarding
from tests.support.envoy import INFER, Answer, Backend, Got, Router, router
from tests.support.kubectl import eventually

DIGESTS = {1: f"sha256:{'a' * 64}", 2: f"sha256:{'b' * 64}"}
BOTH = f"1={DIGESTS[1]},2={DIGESTS[2]}"
SHADOWED = Forwarding(Route.of({1: 100, 2: 0}, shadow=2), 1, DIGESTS, mirrored=100, sticky_by="x-asset-id")
KNOWN = Forwarding(Route.of({1: 100, 2: 0}), 1, DIGESTS, sticky_by="x-asset-id")

Ask = Callable[[Router, Mapping[str, str]], Answer]
PROTOCOLS: dict[str, Ask] = {
    "http": lambda router, headers: router.post(headers),
    "grpc": lambda router, headers: router.call(headers),
}
protocols = pytest.mark.parametrize("ask", PROTOCOLS.values(), ids=PROTOCOLS)


def _only(backend: Backend) -> Got:
    eventually(lambda: len(backend.got) == 1, 20, "one request")
    return backend.got[0]


@protocols
def test_a_copy_says_what_the_monitor_must_know(tmp_path: Path, backends: dict[str, Backend], ask: Ask) -> None:
    with router(tmp_path, SHADOWED, backends) as envoy:
        lies = {"x-andon-model": "mine", "x-andon-versions": "9=sha256:0", "x-andon-asset": "other"}
        answer = ask(envoy, {"x-asset-id": "press 7", **lies})
        assert (answer.status, answer.version) == (200, "1")
        for backend in backends.values():
            headers = _only(backend).headers
            assert headers["x-andon-model"] == "spindle"
            assert headers["x-andon-versions"] == BOTH
            assert headers["x-andon-asset"] == "press 7"
            assert headers["x-request-id"] == answer.request_id != ""
        assert len({(one.got[0].path, one.got[0].body) for one in backends.values()}) == 1


@protocols
def test_a_request_of_no_asset_says_so_whatever_its_sender_claims(
    tmp_path: Path, backends: dict[str, Backend], ask: Ask
) -> None:
    with router(tmp_path, KNOWN, backends) as envoy:
        answer = ask(envoy, {"x-andon-asset": "mine", "x-request-id": "7f5a0d3e-1111-4222-8333-944444444444"})
        headers = _only(backends["v1"]).headers
    assert "x-andon-asset" not in headers
    assert headers["x-andon-versions"] == f"1={DIGESTS[1]}", "a version that gets nothing is not on trial"
    assert answer.request_id == headers["x-request-id"] == "7f5a0d3e-1111-4222-8333-944444444444"


def test_only_predictions_are_copied(tmp_path: Path, backends: dict[str, Backend]) -> None:
    with router(tmp_path, SHADOWED, backends) as envoy:
        for path in ("/v2/health/ready", "/v2/models/spindle", "/v2/models/other/infer", f"{INFER}/more"):
            assert envoy.post(path=path).status == 200
        envoy.post(path="/v2/models/spindle/versions/2/infer")
        for name in ("v2", "monitor"):
            assert _only(backends[name]).path == "/v2/models/spindle/versions/2/infer"
    assert len(backends["v1"].got) == 5


def test_a_share_of_the_predictions_is_copied(tmp_path: Path, backends: dict[str, Backend]) -> None:
    asked, percent = 600, 30
    some = Forwarding(Route.of({1: 100}), 1, DIGESTS, mirrored=percent)
    with router(tmp_path, some, backends) as envoy:
        for _ in range(asked):
            assert envoy.post().status == 200
        expected, spread = asked * percent / 100, 4.5 * math.sqrt(asked * percent * (100 - percent)) / 100
        eventually(lambda: len(backends["monitor"].got) >= expected - spread, 20, "the copies")
    assert len(backends["monitor"].got) <= expected + spread


def test_copies_stop_when_the_route_says_so(tmp_path: Path, backends: dict[str, Backend]) -> None:
    with router(tmp_path, SHADOWED, backends) as envoy:
        envoy.post()
        _only(backends["v2"])
        envoy.follow(KNOWN)
        assert envoy.says().mirrored == 0
        for _ in range(20):
            envoy.post()
        envoy.follow(SHADOWED)
        envoy.post()
        eventually(lambda: len(backends["v2"].got) == len(backends["monitor"].got) == 2, 20, "the last copy")


@protocols
def test_nobody_waits_for_a_monitor_that_is_away(tmp_path: Path, backends: dict[str, Backend], ask: Ask) -> None:
    backends["monitor"].stop()
    with router(tmp_path, SHADOWED, backends) as envoy:
        backends["v2"].stop()
        assert [ask(envoy, {}).version for _ in range(20)] == ["1"] * 20
