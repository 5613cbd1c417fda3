"""The store of versions that all tests of the monitor score with."""

from __future__ import annotations

import pytest

from tests.support.monitoring import Shop, open_shop


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return open_shop(tmp_path_factory.mktemp("shop"))
