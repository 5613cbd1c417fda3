"""Each alert of a FaultModel fires where it is meant to, and else stays silent: judged by Prometheus' rule engine."""

import re
from pathlib import Path
from typing import Any

import pytest

from andon.desired.rules import alerts, rule_groups
from tests.support import promtool
from tests.unit.monitoring.situations import FIRES, SILENT, SUBJECT, Situation

SEVERITY = {alert.name: alert.severity for alert in alerts(SUBJECT)}


def _each(table: dict[str, list[Situation]]) -> list[object]:
    return [
        pytest.param(name, situation, id=f"{name}-{number}")
        for name, situations in table.items()
        for number, situation in enumerate(situations)
    ]


def _tested(folder: Path, name: str, situation: Situation, firing: list[dict[str, object]]) -> str:
    look = {
        "expr": f'ALERTS{{alertname="{name}",alertstate="firing"}}',
        "eval_time": situation.at,
        "exp_samples": firing,
    }
    series = [{"series": name, "values": values} for name, values in situation.series.items()]
    return promtool.run_tests(
        folder, _needed(name), [{"interval": "1m", "input_series": series, "promql_expr_test": [look]}]
    )


def _needed(name: str) -> list[dict[str, Any]]:
    """Give the groups with an alert and what it is computed from, and nothing else: days pass in these tests."""
    groups = rule_groups(SUBJECT)
    expression = next(rule["expr"] for group in groups for rule in group["rules"] if rule.get("alert") == name)
    needed = {name, *re.findall(r"model[a-z_]*:[a-z_:0-9]+", expression)}
    return [
        {**group, "rules": [rule for rule in group["rules"] if rule.get("alert", rule.get("record")) in needed]}
        for group in groups
    ]


@pytest.mark.parametrize(("name", "situation"), _each(FIRES))
def test_alert_fires(name: str, situation: Situation, tmp_path: Path) -> None:
    labels = {
        "alertname": name,
        "alertstate": "firing",
        "namespace": "plant",
        "model": "spindle",
        "severity": SEVERITY[name],
        **situation.labels,
    }
    written = ",".join(f'{label}="{value}"' for label, value in labels.items())
    assert _tested(tmp_path, name, situation, [{"labels": f"ALERTS{{{written}}}", "value": 1}]) == ""


@pytest.mark.parametrize(("name", "situation"), _each(SILENT))
def test_alert_stays_silent(name: str, situation: Situation, tmp_path: Path) -> None:
    assert _tested(tmp_path, name, situation, []) == ""


def test_every_alert_is_tried_both_ways() -> None:
    names = {alert.name for alert in alerts(SUBJECT)}
    assert set(FIRES) == set(SILENT) == names


def test_text_is_filled_in(tmp_path: Path) -> None:
    (situation,) = FIRES["FaultModelSensorFault"]
    series = [{"series": name, "values": values} for name, values in situation.series.items()]
    expected = {
        "exp_labels": {
            "namespace": "plant",
            "model": "spindle",
            "severity": "warning",
            "feature": "Torque [Nm]",
            "kind": "stuck",
        },
        "exp_annotations": {
            "summary": "A sensor of spindle looks broken: Torque [Nm] (stuck)",
            "description": ("The values of this input cannot be right. Until then the model works on a false input."),
            "action": "Have the sensor and its line checked; do not retrain on these values.",
            "runbook_url": "docs/runbooks/FaultModelSensorFault.md",
        },
    }
    look = {"alertname": "FaultModelSensorFault", "eval_time": "20m", "exp_alerts": [expected]}
    tests = [{"interval": "1m", "input_series": series, "alert_rule_test": [look]}]
    assert promtool.run_tests(tmp_path, rule_groups(SUBJECT), tests) == ""
