"""The workshop in which candidates go wrong: one plant, one monitor."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.kubectl import Kubectl
from tests.support.workshop import Workshop, workshop


@pytest.fixture(scope="session")
def shop(
    operator: Kubectl, images: dict[str, str], data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Workshop]:
    """The plant of all these tests."""
    made = workshop("plant-faults", images["builder"], data, tmp_path_factory.mktemp("workshop"))
    yield made
    made.plant.remove()
