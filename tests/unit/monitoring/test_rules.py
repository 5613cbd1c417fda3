"""The rules of a FaultModel: Prometheus takes them, whatever names are in them, and each alert has its runbook."""

import json
import re
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from andon.core.observed import Identity
from andon.desired.promql import quoted, template_text
from andon.desired.rules import RULES_FILE, alerts, prometheus_rule, rule_groups, rules_config
from andon.desired.rules_alert import Gate, Objectives, Subject
from lab.paths import REPOSITORY
from tests.support import promtool
from tests.unit.monitoring.situations import SUBJECT

RUNBOOKS = REPOSITORY / "docs" / "runbooks"
IDENTITY = Identity("plant", "spindle", "00000000-0000-0000-0000-000000000001", 1)
NASTY = ['a"} or vector(1) #', "{{ $labels.x }}", "back\\slash", "line\nbreak", "`tick`", "\x00\x7f\x85", "Fräse 😀"]


def test_prometheus_takes_the_rules(tmp_path: Path) -> None:
    assert promtool.check_rules(tmp_path, rule_groups(SUBJECT)) == ""
    assert promtool.check_rules(tmp_path, rule_groups(Subject("plant", "spindle"))) == ""


@pytest.mark.parametrize("milliseconds", [0.5, 1, 2.5, 250, 1000, 60000])
def test_every_bound_of_latency_is_written_so_that_envoys_series_match(milliseconds: float) -> None:
    groups = rule_groups(Subject("plant", "spindle", Objectives(latency_milliseconds=milliseconds)))
    found = {match for rule in _rules(groups) for match in re.findall(r'le=~"([^"]*)"', rule["expr"])}
    (pattern,) = found
    assert re.fullmatch(pattern, f"{milliseconds:g}")
    assert re.fullmatch(pattern, f"{float(milliseconds)}")
    assert not re.fullmatch(pattern, f"{milliseconds:g}".replace(".", "x") + "5")


@settings(max_examples=40, deadline=None)
@given(namespace=st.text(), name=st.text(), metric=st.text(), runbooks=st.text())
@example(*NASTY[:4])
@example(*NASTY[3:7])
def test_no_name_breaks_out(namespace: str, name: str, metric: str, runbooks: str) -> None:
    groups = rule_groups(Subject(namespace, name, gates=(Gate(metric, "0.5"),)), runbooks)
    with TemporaryDirectory() as folder:
        assert promtool.check_rules(Path(folder), groups) == ""
    same = rule_groups(Subject("namespace", "name", gates=(Gate("metric", "0.5"),)))
    assert [_shape(rule["expr"]) for rule in _rules(groups)] == [_shape(rule["expr"]) for rule in _rules(same)]


@given(st.text())
def test_quoted_text_is_read_back_as_it_was(text: str) -> None:
    assert json.loads(quoted(text)) == text


@settings(max_examples=25, deadline=None)
@given(st.text(alphabet=st.sampled_from('{} "\\`$.ab'), max_size=12))
def test_text_is_no_template(text: str) -> None:
    """Prometheus renders the label of an alert to exactly what was asked for."""
    alert = {"alert": "A", "expr": "vector(1)", "labels": {"shown": "x" + template_text(text)}}
    written = quoted("x" + text)
    sample = {"labels": f'ALERTS{{alertname="A",alertstate="firing",shown={written}}}', "value": 1}
    look = {"expr": "ALERTS", "eval_time": "1m", "exp_samples": [sample]}
    with TemporaryDirectory() as folder:
        groups = [{"name": "g", "rules": [alert]}]
        assert promtool.run_tests(Path(folder), groups, [{"interval": "1m", "promql_expr_test": [look]}]) == ""


def test_every_alert_says_what_to_do() -> None:
    for alert in alerts(SUBJECT):
        assert alert.summary, alert.name
        assert alert.description.endswith("."), alert.name
        assert alert.action.endswith("."), alert.name


def test_every_alert_has_its_runbook() -> None:
    for alert in alerts(SUBJECT):
        text = (RUNBOOKS / f"{alert.name}.md").read_text()
        assert text.startswith(f"# {alert.name}\n"), alert.name
        for heading in ("## What it means", "## What to do"):
            assert heading in text, alert.name


def test_alerts_can_be_switched_off_by_name() -> None:
    kept = {alert.name for alert in alerts(SUBJECT, frozenset({"FaultModelNoTraffic"}))}
    assert kept == {alert.name for alert in alerts(SUBJECT)} - {"FaultModelNoTraffic"}


def test_both_forms_have_the_same_rules() -> None:
    groups = rule_groups(SUBJECT)
    custom = prometheus_rule(IDENTITY, groups, {"release": "prometheus"})
    plain = rules_config(IDENTITY, groups, {})
    assert custom["spec"] == yaml.safe_load(plain["data"][RULES_FILE])
    assert custom["metadata"]["labels"]["release"] == "prometheus"
    assert custom["metadata"]["ownerReferences"] == plain["metadata"]["ownerReferences"]


def _rules(groups: list[dict[str, object]]) -> list[dict[str, str]]:
    return [rule for group in groups for rule in group["rules"]]  # type: ignore[attr-defined]


def _shape(expression: str) -> str:
    """Give an expression without what is in its strings."""
    return re.sub(r'"(?:[^"\\]|\\.)*"', '""', expression, flags=re.DOTALL)


def test_prometheus_takes_the_documented_configuration(tmp_path: Path) -> None:
    page = (REPOSITORY / "docs" / "monitoring.md").read_text()
    (text,) = [found for found in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if "scrape_configs" in found]
    # Debian's Prometheus is built without Kubernetes; what is done with the targets is what can go wrong.
    text = re.sub(r"kubernetes_sd_configs: .*", "static_configs: []", text)
    assert promtool.check_config(tmp_path, text) == ""
