"""What Envoy is told, and what is read from what it says."""

import json
from typing import Any

import pytest

from andon.core.observed import Followed, Identity, Route
from andon.desired.envoy import digest, files
from andon.desired.envoy_routes import Forwarding, read_route

IDENTITY = Identity("plant", "spindle", "uid", 1)
DIGESTS = {version: f"sha256:{version:064x}" for version in (1, 2)}
BOTH = Route.of({1: 95, 2: 5})


def _files(forwarding: Forwarding) -> dict[str, Any]:
    written = files(IDENTITY, forwarding, "cluster.local")
    return {name: json.loads(text) for name, text in written.items()}


def _dump(forwarding: Forwarding) -> dict[str, Any]:
    resource = _files(forwarding)["routes.json"]["resources"][0]
    return {"configs": [{"version_info": "x", "route_config": resource}]}


def _clusters(forwarding: Forwarding, *, without: str = "", empty: str = "") -> dict[str, Any]:
    names = [one["name"] for one in _files(forwarding)["clusters.json"]["resources"] if one["name"] != without]
    hosts: dict[str, dict[str, Any]] = {
        name: {} if name == empty else {"host_statuses": [{"address": {}}]} for name in names
    }
    return {"cluster_statuses": [{"name": "admin"}, *({"name": name, **host} for name, host in hosts.items())]}


def _read(forwarding: Forwarding, **changes: str) -> Followed:
    return read_route(_dump(forwarding), _clusters(forwarding, **changes))


@pytest.mark.parametrize(
    "forwarding",
    [
        Forwarding(Route.of({1: 100}), 1),
        Forwarding(Route.of({1: 100, 2: 0}), 1, DIGESTS),
        Forwarding(BOTH, 1, DIGESTS, mirrored=30, sticky_by="x-asset-id"),
        Forwarding(Route.of({1: 100, 2: 0}, shadow=2), 1, DIGESTS),
        Forwarding(Route.of({1: 100, 2: 0}, shadow=2), 1, DIGESTS, mirrored=100),
        Forwarding(Route.of({1: 0, 2: 100}), 2, DIGESTS, mirrored=1),
        Forwarding(Route.of({1: 0, 2: 100}), 2, DIGESTS, former=1, standby=1),
    ],
    ids=lambda forwarding: f"{forwarding.route},mirrored={forwarding.mirrored},standby={forwarding.standby}",
)
def test_a_route_and_its_copies_are_read_back_from_envoys_own_words(forwarding: Forwarding) -> None:
    route = forwarding.route
    trial = forwarding.candidate is not None and route.shadow is None
    stands_by = forwarding.stable if trial else forwarding.standby
    behind = frozenset({stands_by} if stands_by is not None else ())
    assert _read(forwarding) == Followed(route, frozenset(route.versions), forwarding.mirrored, behind)


def test_a_version_without_addresses_is_not_reached() -> None:
    said = _read(Forwarding(Route.of({1: 100, 2: 0}), 1), empty="v2-grpc")
    assert said == Followed(Route.of({1: 100, 2: 0}), frozenset({1}))


@pytest.mark.parametrize("missing", ["v2-http", "v2-grpc", "v2-http-else-v1", "v1-grpc-else-v2"])
def test_a_route_to_a_cluster_that_is_not_there_is_none_to_trust(missing: str) -> None:
    assert _read(Forwarding(BOTH, 1), without=missing).route is None


def test_copies_to_a_monitor_that_envoy_does_not_know_are_none() -> None:
    said = _read(Forwarding(BOTH, 1, mirrored=50), without="monitor-grpc")
    assert (said.route, said.mirrored) == (BOTH, 0)


def test_routes_that_contradict_each_other_are_none_to_trust() -> None:
    dump, other = (_dump(Forwarding(Route.of(weights), 1)) for weights in ({1: 95, 2: 5}, {1: 90, 2: 10}))
    hosts = [one["configs"][0]["route_config"]["virtual_hosts"][0] for one in (dump, other)]
    hosts[0]["routes"][0] = hosts[1]["routes"][0]
    assert read_route(dump, _clusters(Forwarding(BOTH, 1))).route is None


def test_nothing_said_is_no_route() -> None:
    assert read_route({}, {}) == Followed()


def test_only_the_route_and_the_clusters_change_with_the_weights() -> None:
    one, other = (_files(Forwarding(Route.of(weights), max(weights))) for weights in ({1: 100}, {1: 0, 2: 100}))
    assert one["envoy.json"] == other["envoy.json"]
    assert one["routes.json"] != other["routes.json"]
    assert one["clusters.json"] != other["clusters.json"]


def test_clusters_do_not_depend_on_who_is_on_trial() -> None:
    steps = [Forwarding(Route.of({1: 100, 2: 0}), 1), Forwarding(BOTH, 1), Forwarding(Route.of({1: 0, 2: 100}), 2)]
    assert len({json.dumps(_files(step)["clusters.json"]) for step in steps}) == 1


def test_what_envoy_loads_anew_has_a_name_of_its_own() -> None:
    forwardings = [
        Forwarding(Route.of({1: 100}), 1),
        Forwarding(Route.of({1: 100, 2: 0}), 1),
        Forwarding(Route.of({1: 100, 2: 0}, shadow=2), 1),
        Forwarding(Route.of({1: 100, 2: 0}), 1, mirrored=10),
        Forwarding(Route.of({1: 100, 2: 0}), 1, DIGESTS),
        Forwarding(Route.of({1: 0, 2: 100}), 2),
        Forwarding(Route.of({2: 100}), 2),
    ]
    assert len({digest(files(IDENTITY, one, "cluster.local")) for one in forwardings}) == len(forwardings)


def test_the_version_on_trial_comes_first_and_falls_back_to_the_stable_one() -> None:
    action = _dump(Forwarding(Route.of({3: 5, 7: 95}), 7))["configs"][0]["route_config"]["virtual_hosts"][0]["routes"]
    names = [[one["name"] for one in route["route"]["weighted_clusters"]["clusters"]] for route in action]
    assert names == [[f"v3-{protocol}-else-v7", f"v7-{protocol}"] for protocol in ("grpc", "http", "grpc", "http")]


@pytest.mark.parametrize(("standby", "cluster"), [(None, "v2-http"), (1, "v2-http-else-v1"), (9, "v2-http")])
def test_a_standby_answers_for_the_stable_version_while_it_is_known(standby: int | None, cluster: str) -> None:
    forwarding = Forwarding(Route.of({1: 0, 2: 100}), 2, standby=standby)
    route = _dump(forwarding)["configs"][0]["route_config"]["virtual_hosts"][0]["routes"][-1]["route"]
    assert route["weighted_clusters"]["clusters"] == [{"name": cluster, "weight": 100}]
    assert _read(forwarding).route == forwarding.route


def test_nobody_is_told_of_artifacts_that_are_not_known() -> None:
    host = _dump(Forwarding(BOTH, 1, {1: DIGESTS[1]}))["configs"][0]["route_config"]["virtual_hosts"][0]
    assert [one["header"]["key"] for one in host["request_headers_to_add"]] == ["x-andon-model"]
    assert "x-andon-versions" in host["request_headers_to_remove"]
