"""Options and fixtures that several folders of tests share."""

import pytest
from hypothesis import settings

from tests.support.installation import images, operator

__all__ = ["images", "operator"]

# A busy machine is no failure: no example has to be done in a given time.
settings.register_profile("andon", deadline=None)
settings.load_profile("andon")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that writes the golden files anew."""
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew instead of comparing")
