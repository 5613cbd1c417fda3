"""The command that writes a page, for artifacts and for builds that failed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from model_builder.__main__ import app
from model_builder.record import BuildRecord
from model_builder.report_page import command
from tests.support.builder import fault_csv

SPEC = """
name: spindle
source: {train: {data: {uri: data.csv}, target: fault, params: {randomForest: {n_estimators: 8}}}}
validation: {gates: [{metric: recall, min: "%s"}]}
"""


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    return result.exit_code, result.stdout


def prepared(folder: Path, least: str) -> Path:
    (folder / "data.csv").write_text(fault_csv(rows=400))
    (folder / "spec.yaml").write_text(SPEC % least)
    return folder / "spec.yaml"


def test_an_artifact_becomes_a_page(tmp_path: Path) -> None:
    page = tmp_path / "first.html"
    code, _ = run("build", prepared(tmp_path, "0.3"), "--out", tmp_path / "spindle", "--report", page)
    assert code == 0
    assert "Accepted" in page.read_text()
    assert "report.html" not in [path.name for path in (tmp_path / "spindle").rglob("*")]
    code, text = run("report", tmp_path / "spindle")
    assert (code, text.strip()) == (0, str(tmp_path / "spindle.html"))
    assert (tmp_path / "spindle.html").read_bytes() == page.read_bytes()


def test_a_refused_model_has_a_page_with_all_its_scores(tmp_path: Path) -> None:
    page = tmp_path / "first.html"
    file = prepared(tmp_path, "0.999")
    code, text = run("build", file, "--out", tmp_path / "spindle", "--report", page, "--json")
    assert code == 3
    assert not (tmp_path / "spindle").exists()
    told = BuildRecord.model_validate_json(text)
    assert (told.reason, told.name) == ("GateNotMet", "spindle")
    assert told.model is not None
    assert told.model.gates[0].verdict == "missed"
    (tmp_path / "failed.json").write_text(text)
    code, _ = run("report", tmp_path / "failed.json", "--out", tmp_path / "again.html")
    assert code == 0
    assert (tmp_path / "again.html").read_bytes() == page.read_bytes()
    assert "Confusion matrix" in page.read_text()


def test_a_build_that_failed_early_has_a_page_too(tmp_path: Path) -> None:
    file = prepared(tmp_path, "0.3")
    (tmp_path / "data.csv").write_text("heat,load\n1,2\n")
    code, _ = run("build", file, "--out", tmp_path / "spindle", "--report", tmp_path / "page.html")
    assert code == 3
    text = (tmp_path / "page.html").read_text()
    assert "No model: the file has no target column" in text
    assert "Fault model spindle" in text


@pytest.mark.parametrize("content", [None, "", "{}", '{"outcome": "Succeeded", "reason": "Built", "message": "m"}'])
def test_what_is_no_build_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str], content: str | None) -> None:
    place = tmp_path / "place"
    if content is None:
        place.mkdir()
    else:
        place.write_text(content)
    code, _ = run("report", place)
    assert code == 3
    assert not place.with_name("place.html").exists()


def test_a_damaged_artifact_gets_no_page(tmp_path: Path) -> None:
    run("build", prepared(tmp_path, "0.3"), "--out", tmp_path / "spindle")
    report = json.loads((tmp_path / "spindle" / "report.json").read_text())
    (tmp_path / "spindle" / "report.json").write_text(json.dumps(report | {"bytes": 1}))
    code, _ = run("report", tmp_path / "spindle")
    assert code == 3
    assert not (tmp_path / "spindle.html").exists()


def test_without_the_extra_nothing_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "find_spec", lambda name: None if name == "jinja2" else object())
    file = prepared(tmp_path, "0.3")
    code, text = run("build", file, "--out", tmp_path / "spindle", "--report", tmp_path / "page.html", "--json")
    assert (code, BuildRecord.model_validate_json(text).reason) == (3, "ExtraMissing")
    assert not (tmp_path / "spindle").exists()
