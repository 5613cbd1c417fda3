"""What Envoy is told, and what is read from what it says."""

import json

from andon.core.observed import Identity, Route
from andon.desired.envoy import files, read_route, route_digest

IDENTITY = Identity("plant", "spindle", "uid", 1)


def _dump(route: Route) -> dict[str, object]:
    resource = json.loads(files(IDENTITY, route, "cluster.local")["routes.json"])["resources"][0]
    return {"configs": [{"version_info": "x", "route_config": resource}]}


def _clusters(*names: str, empty: tuple[str, ...] = ()) -> dict[str, object]:
    full = [{"name": name, "host_statuses": [{"address": {}}]} for name in names]
    return {"cluster_statuses": [*full, *({"name": name} for name in empty), {"name": "admin"}]}


def test_a_route_is_read_back_from_envoys_own_words() -> None:
    route = Route.of({1: 95, 2: 5})
    assert read_route(_dump(route), _clusters("v1-http", "v1-grpc", "v2-http", "v2-grpc")) == (route, frozenset({1, 2}))


def test_a_known_version_without_weight_is_part_of_the_route() -> None:
    route = Route.of({1: 100, 2: 0})
    assert read_route(_dump(route), _clusters("v1-http", "v1-grpc", "v2-http", "v2-grpc"))[0] == route


def test_a_version_without_addresses_is_not_reached() -> None:
    live, reaches = read_route(
        _dump(Route.of({1: 100, 2: 0})), _clusters("v1-http", "v1-grpc", "v2-http", empty=("v2-grpc",))
    )
    assert live == Route.of({1: 100, 2: 0})
    assert reaches == frozenset({1})


def test_a_route_to_a_cluster_that_is_not_there_is_none_to_trust() -> None:
    assert read_route(_dump(Route.of({2: 100})), _clusters("v1-http", "v1-grpc"))[0] is None


def test_nothing_said_is_no_route() -> None:
    assert read_route({}, {}) == (None, frozenset())


def test_only_the_route_and_the_clusters_change_with_the_weights() -> None:
    one, other = (files(IDENTITY, Route.of(weights), "cluster.local") for weights in ({1: 100}, {1: 0, 2: 100}))
    assert one["envoy.json"] == other["envoy.json"]
    assert one["routes.json"] != other["routes.json"]
    assert one["clusters.json"] != other["clusters.json"]


def test_routes_have_names_of_their_own() -> None:
    routes = [Route.of({1: 100}), Route.of({1: 100, 2: 0}), Route.of({1: 0, 2: 100}), Route.of({2: 100})]
    assert len({route_digest(route) for route in routes}) == len(routes)
