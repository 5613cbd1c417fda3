"""The monitor's page keeps up with the code."""

from __future__ import annotations

import re

from model_monitor.errors import Reason
from model_monitor.settings import MonitorSettings
from tests.support.builder import REPOSITORY

PAGE = (REPOSITORY / "docs" / "monitor.md").read_text()


def section(heading: str) -> str:
    return PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def test_every_reason_is_explained() -> None:
    assert sorted(re.findall(r"^\| `(\w+)` \|", section("What is refused"), re.MULTILINE)) == sorted(Reason)


def test_every_setting_is_listed() -> None:
    listed = re.findall(r"^\| `(\w+)` \|", section("Settings"), re.MULTILINE)
    assert listed == list(MonitorSettings.model_fields)
