"""The operator's own rights: what is missing is named, once, until it is given."""

from collections.abc import Iterator

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from andon.core.access import Right, needed
from andon.errors import UnavailableError
from andon.watch import metrics
from andon.watch.access import Access

LEASE = "andon-system", "andon-operator"
PATCH_PODS = Right("", "pods", "patch")
LABELS = {"group": "", "resource": "pods", "verb": "patch", "scope": "whole cluster"}


class Server:
    """Answers reviews."""

    def __init__(self, *missing: Right) -> None:
        self.missing = set(missing)
        self.down = 0
        self.asked = 0

    async def allowed(self, right: Right) -> bool:
        self.asked += 1
        if self.down:
            self.down -= 1
            raise UnavailableError("the API server does not answer")
        return right not in self.missing


@pytest.fixture(autouse=True)
def no_series() -> Iterator[None]:
    yield
    metrics.MISSING_RIGHTS.clear()


def rights() -> tuple[Right, ...]:
    return needed((), gateway_api=False, lease=LEASE)


async def test_what_is_missing_is_named_once_and_counted_until_it_is_given() -> None:
    server = Server(PATCH_PODS)
    access = Access(server.allowed, rights())
    with capture_logs() as logs:
        assert not await access.complete()
        assert not await access.complete()
    assert [(one["event"], one["verb"], one["resource"]) for one in logs] == [("right is missing", "patch", "pods")]
    assert REGISTRY.get_sample_value("andon_missing_rights", LABELS) == 1
    server.missing.clear()
    with capture_logs() as logs:
        assert await access.complete()
    assert [one["event"] for one in logs] == ["right was given"]
    assert REGISTRY.get_sample_value("andon_missing_rights", LABELS) is None


async def test_it_asks_until_nothing_is_missing_and_no_longer() -> None:
    server = Server()
    server.down = 1
    with capture_logs() as logs:
        await Access(server.allowed, rights()).run(0)
    assert [one["event"] for one in logs] == ["rights not known", "all rights are there"]
    assert server.asked == 1 + len(rights())


def test_in_a_list_of_namespaces_each_is_asked_for() -> None:
    asked = needed(("press-shop", "paint"), gateway_api=True, lease=LEASE)
    for place in ("press-shop", "paint"):
        assert Right("", "pods", "patch", place) in asked
        assert Right("", "namespaces", "get", place, place) in asked
        assert Right("gateway.networking.k8s.io", "httproutes", "create", place) in asked
    assert Right("", "namespaces", "watch") in asked
    assert Right("gateway.networking.k8s.io", "gatewayclasses", "get") in asked
    assert PATCH_PODS not in asked
