"""Dashboards: fresh, filled in, and made of queries that a real Prometheus takes."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from andon.desired.dashboard import dashboard
from andon.desired.rules import rule_groups
from andon.desired.rules_alert import Subject
from dashboards.__main__ import files
from lab.paths import REPOSITORY
from tests.support import promtool
from tests.support.prometheus import ask, prometheus

CHART = REPOSITORY / "charts" / "andon" / "files" / "dashboards" / "operator.json"
BOARDS = {
    "faultmodel": json.loads(dashboard("plant", "spindle")),
    "operator": json.loads(CHART.read_text()),
}


def _queries(board: dict[str, Any]) -> list[tuple[str, str]]:
    return [(panel["title"], target["expr"]) for panel in board["panels"] for target in panel.get("targets", ())]


@pytest.mark.parametrize("place", files())
def test_dashboards_are_fresh(place: str) -> None:
    assert (REPOSITORY / place).read_text() == files()[place], "stale: run `make generate`"


def test_no_place_is_left_open() -> None:
    text = dashboard("plant", "spindle")
    assert not re.search(r"@[A-Z]+@", text)
    assert BOARDS["faultmodel"]["title"] == "Andon: plant/spindle"
    for title, expression in _queries(BOARDS["faultmodel"]):
        assert '"spindle"' in expression, title
        assert '"plant"' in expression, title


def test_each_model_has_its_own_identifier() -> None:
    found = {json.loads(dashboard(*names))["uid"] for names in (("a", "b-c"), ("a-b", "c"), ("a", "b"))}
    assert len(found) == 3
    assert all(len(uid) <= 40 for uid in found)


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_panels_are_told_apart_and_explained(board: dict[str, Any]) -> None:
    numbers = [panel["id"] for panel in board["panels"]]
    assert len(set(numbers)) == len(numbers)
    for panel in board["panels"]:
        assert panel["type"] == "row" or panel["description"], panel["title"]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with prometheus(tmp_path_factory.mktemp("prometheus"), {}) as address:
        yield address


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_prometheus_takes_every_query(address: str, board: dict[str, Any]) -> None:
    queries = _queries(board)
    assert len(queries) > 10
    for _, expression in queries:
        ask(address, expression)


def test_what_dashboards_ask_for_is_recorded() -> None:

    recorded = {
        rule["record"] for group in rule_groups(Subject("a", "b")) for rule in group["rules"] if "record" in rule
    }
    asked = {
        name for _, text in _queries(BOARDS["faultmodel"]) for name in re.findall(r"model[a-z_]*:[a-z_:0-9]+", text)
    }
    assert asked
    assert asked <= recorded


def test_a_version_without_a_failure_is_shown_with_none(tmp_path: Path) -> None:
    (query,) = [text for title, text in _queries(BOARDS["faultmodel"]) if title == "Failed requests by version"]
    labels = 'namespace="plant",model="spindle",version'
    case = {
        "interval": "1m",
        "input_series": [
            {"series": f'model_version:andon_requests:rate5m{{{labels}="1"}}', "values": "5x10"},
            {"series": f'model_version:andon_requests:rate5m{{{labels}="2"}}', "values": "4x10"},
            {"series": f'model_version:andon_failed_requests:rate5m{{{labels}="2"}}', "values": "1x10"},
        ],
        "promql_expr_test": [
            {
                "expr": query,
                "eval_time": "5m",
                "exp_samples": [
                    {"labels": f'{{{labels}="1"}}', "value": 0},
                    {"labels": f'{{{labels}="2"}}', "value": 0.25},
                ],
            }
        ],
    }
    assert promtool.run_tests(tmp_path, [], [case]) == ""
