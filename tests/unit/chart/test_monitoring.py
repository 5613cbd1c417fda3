"""What the chart brings along for Prometheus and Grafana: nothing unless asked for, and alerts that fire."""

import json
from pathlib import Path
from typing import Any

import pytest

from lab.paths import REPOSITORY
from tests.support import promtool
from tests.unit.chart.rendering import Manifest, environment, of_kind, render, the

ON = {"enabled": True, "labels": {"release": "prometheus"}}
ALL: Manifest = {
    "metrics": {"scraping": ON, "rules": ON, "dashboard": ON},
    "alerts": {"runbooks": "https://wiki.plant.example/andon/"},
}
KINDS = ("ServiceMonitor", "PodMonitor", "PrometheusRule")
Look = tuple[dict[str, str], str, dict[str, str]]
"""Series, when to look, and labels of the alert on top of its own."""

LOOKS = "andon_reconciles_total"
MISSING = {"resource": "pods", "verb": "patch", "scope": "whole cluster"}
PATCH_PODS = ",".join(f'{name}="{value}"' for name, value in MISSING.items())
FIRES: dict[str, Look] = {
    "AndonOperatorDown": ({"andon_leader": "0x60"}, "10m", {}),
    "AndonWatchDead": ({'andon_resync_missed_objects{kind="Job"}': "2x60"}, "10m", {"kind": "Job"}),
    "AndonRightMissing": ({f"andon_missing_rights{{{PATCH_PODS}}}": "1x60"}, "10m", MISSING),
    "AndonReconcileErrors": ({f'{LOOKS}{{result="ok"}}': "0+60x90", f'{LOOKS}{{result="error"}}': "0+30x90"}, "1h", {}),
    "AndonReconcileSlow": (
        {
            'andon_reconcile_duration_seconds_bucket{le="10"}': "0+50x90",
            'andon_reconcile_duration_seconds_bucket{le="30"}': "0+60x90",
            'andon_reconcile_duration_seconds_bucket{le="+Inf"}': "0+60x90",
        },
        "1h",
        {},
    ),
    "AndonQueueGrows": ({"andon_queue_depth": "50x90"}, "1h", {}),
    "AndonBuildsFail": (
        {
            'andon_builds_total{outcome="Failed",reason="DataNotFound"}': "0x10 1x10 2x10 3x10 4x60",
            'andon_builds_total{outcome="Succeeded",reason="BuildSucceeded"}': "0x90",
        },
        "1h",
        {},
    ),
}
SILENT: dict[str, Look] = {
    "AndonOperatorDown": ({'andon_leader{pod="a"}': "1x60", 'andon_leader{pod="b"}': "0x60"}, "10m", {}),
    "AndonWatchDead": ({'andon_resync_missed_objects{kind="Job"}': "0x60"}, "10m", {}),
    "AndonRightMissing": ({f"andon_missing_rights{{{PATCH_PODS}}}": "1x3 _x60"}, "20m", {}),
    "AndonReconcileErrors": ({f'{LOOKS}{{result="ok"}}': "0+60x90", f'{LOOKS}{{result="error"}}': "0+1x90"}, "1h", {}),
    "AndonReconcileSlow": (
        {
            'andon_reconcile_duration_seconds_bucket{le="10"}': "0+60x90",
            'andon_reconcile_duration_seconds_bucket{le="+Inf"}': "0+60x90",
        },
        "1h",
        {},
    ),
    "AndonQueueGrows": ({"andon_queue_depth": "0x20 500x5 0x60"}, "40m", {}),
    "AndonBuildsFail": (
        {
            'andon_builds_total{outcome="Failed",reason="DataNotFound"}': "0x10 1x80",
            'andon_builds_total{outcome="Succeeded",reason="BuildSucceeded"}': "0x10 5x80",
        },
        "1h",
        {},
    ),
}


def _groups() -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = the(render(ALL), "PrometheusRule")["spec"]["groups"]
    return groups


def _alerts() -> dict[str, dict[str, Any]]:
    return {rule["alert"]: rule for group in _groups() for rule in group["rules"]}


def _tried(folder: Path, name: str, look: Look, firing: list[dict[str, Any]]) -> str:
    series, at, _ = look
    test = {
        "interval": "1m",
        "input_series": [{"series": one, "values": values} for one, values in series.items()],
        "promql_expr_test": [
            {
                "expr": f'ALERTS{{alertname="{name}",alertstate="firing"}}',
                "eval_time": at,
                "exp_samples": firing,
            }
        ],
    }
    return promtool.run_tests(folder, _groups(), [test])


def test_nothing_of_it_unless_asked_for() -> None:
    manifests = render()
    assert not any(of_kind(manifests, kind) for kind in (*KINDS, "ConfigMap"))


def test_labels_are_those_that_the_plants_prometheus_selects_by() -> None:
    manifests = render(ALL)
    for kind in (*KINDS, "ConfigMap"):
        labels = the(manifests, kind)["metadata"]["labels"]
        assert labels["release"] == "prometheus", kind
        assert labels["app.kubernetes.io/name"] == "andon", kind
    assert the(manifests, "ConfigMap")["metadata"]["labels"]["grafana_dashboard"] == "1"


def test_monitors_of_the_watched_namespaces_are_scraped() -> None:
    found = the(render({**ALL, "watchNamespaces": ["press-shop"]}), "PodMonitor")["spec"]["namespaceSelector"]
    assert found == {"matchNames": ["press-shop"]}
    assert the(render(ALL), "PodMonitor")["spec"]["namespaceSelector"] == {"any": True}


def test_the_dashboard_is_the_generated_one() -> None:
    (text,) = the(render(ALL), "ConfigMap")["data"].values()
    generated = REPOSITORY / "charts" / "andon" / "files" / "dashboards" / "operator.json"
    assert json.loads(text) == json.loads(generated.read_text())


def test_every_alert_has_its_runbook_and_links_to_it() -> None:
    for name, rule in _alerts().items():
        assert rule["annotations"]["runbook_url"] == f"https://wiki.plant.example/andon/{name}.md"
        text = (REPOSITORY / "docs" / "runbooks" / f"{name}.md").read_text()
        assert text.startswith(f"# {name}\n")
        assert set(rule["annotations"]) == {"summary", "description", "action", "runbook_url"}
    assert environment(render(ALL))["ANDON_RUNBOOKS"] == "https://wiki.plant.example/andon/"


def test_prometheus_takes_the_rules(tmp_path: Path) -> None:
    assert promtool.check_rules(tmp_path, _groups()) == ""


@pytest.mark.parametrize("name", FIRES)
def test_alert_fires(name: str, tmp_path: Path) -> None:
    labels = {"alertname": name, "alertstate": "firing", **_alerts()[name]["labels"], **FIRES[name][2]}
    written = ",".join(f'{label}="{value}"' for label, value in labels.items())
    assert _tried(tmp_path, name, FIRES[name], [{"labels": f"ALERTS{{{written}}}", "value": 1}]) == ""


@pytest.mark.parametrize("name", SILENT)
def test_alert_stays_silent(name: str, tmp_path: Path) -> None:
    assert _tried(tmp_path, name, SILENT[name], []) == ""


def test_no_operator_at_all_is_told(tmp_path: Path) -> None:
    labels = 'ALERTS{alertname="AndonOperatorDown",alertstate="firing",severity="critical"}'
    assert _tried(tmp_path, "AndonOperatorDown", ({}, "10m", {}), [{"labels": labels, "value": 1}]) == ""


def test_every_alert_is_tried_both_ways() -> None:
    assert set(FIRES) == set(SILENT) == set(_alerts())
