"""Servers behind a real Envoy."""

from collections.abc import Iterator

import pytest

from tests.support.envoy import Backend


@pytest.fixture
def backends() -> Iterator[dict[str, Backend]]:
    """Give servers of versions 1 and 2, and a monitor."""
    made = {name: Backend() for name in ("v1", "v2", "monitor")}
    for one in made.values():
        one.start()
    yield made
    for one in made.values():
        one.stop()
