"""Options and fixtures that several folders of tests share."""

import pytest

from tests.support.installation import images, operator

__all__ = ["images", "operator"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that writes the golden files anew."""
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew instead of comparing")
