"""``inspect`` and ``validate`` tell what a build would do and what an artifact does, to people and to machines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from model_builder.__main__ import app
from model_builder.artifact import MANIFEST, manifest
from model_builder.inspecting import DataView
from model_builder.report import BuildReport
from model_builder.validating import ValidationView
from tests.support.builder import fault_csv


def run(*arguments: str | Path) -> tuple[int, str]:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200"})
    assert not done.stderr, done.stderr
    return done.exit_code, done.stdout


def rows(seed: int = 1, leak: bool = False) -> str:
    lines = fault_csv(rows=300, seed=seed).splitlines()
    body = [
        f"{index},{'LMH'[index % 3]},{line[-1] if leak else index % 2},{line}" for index, line in enumerate(lines[1:])
    ]
    return "\n".join([f"row,kind,flag,{lines[0]}", *body])


def write(folder: Path, content: str, **validation: Any) -> Path:
    (folder / "rows.csv").write_text(content)
    path = folder / "model.yaml"
    train = {"data": {"uri": "rows.csv"}, "target": "fault", "params": {"randomForest": {"n_estimators": 5}}}
    spec = {"source": {"train": train}, "validation": validation}
    document = {"apiVersion": "andon.dev/v1alpha1", "kind": "FaultModel", "metadata": {"name": "spindle"}, "spec": spec}
    path.write_text(json.dumps(document))
    return path


def test_inspect_tells_what_a_build_would_do(tmp_path: Path) -> None:
    code, text = run("inspect", write(tmp_path, rows()))
    assert code == 0, text
    for part in ("heat", "number", "category", "H, L, M", "left out", "identifier", "held out)", "stratified"):
        assert part in text
    assert not list(tmp_path.glob("out*"))


def test_inspect_names_leaks_and_goes_on(tmp_path: Path) -> None:
    file = write(tmp_path, rows(leak=True))
    code, text = run("inspect", file)
    assert code == 0
    assert "give the target away" in text
    code, text = run("inspect", file, "--json")
    assert code == 0
    view = DataView.model_validate_json(text)
    assert set(view.leaks) == {"flag"}
    assert {(each.name, each.use) for each in view.columns} == {
        ("flag", "number"), ("heat", "number"), ("load", "number"), ("kind", "category"), ("row", "left out"),
    }  # fmt: skip
    assert sum(each.rows for each in view.classes) == view.rows == 300


def test_inspect_says_what_is_wrong(tmp_path: Path) -> None:
    code, text = run("inspect", write(tmp_path, "heat,fault\n1,0\nx,1\n2,0\n"), "--json")
    assert code == 3
    assert BuildReport.model_validate_json(text).reason == "NotANumber"


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    gates = [{"metric": "accuracy", "min": "0.70"}]
    code, text = run("build", write(tmp_path, rows(), slices=["kind"], gates=gates), "--out", tmp_path / "out")
    assert code == 0, text
    return tmp_path / "out"


def test_validate_scores_an_artifact(tmp_path: Path, artifact: Path) -> None:
    (tmp_path / "later.csv").write_text(rows(seed=8))
    code, text = run("validate", artifact, "--data", tmp_path / "later.csv")
    assert code == 0, text
    for part in ("averagePrecision", "wilson", "golden samples", "1 met", "kind", "by value"):
        assert part in text
    code, text = run("validate", artifact, "--data", tmp_path / "later.csv", "--json")
    view = ValidationView.model_validate_json(text)
    assert view.evaluation.rows == 300
    assert {each.value for each in view.evaluation.slices} == {"L", "M", "H"}
    assert (view.gates[0].value or 0) > 0.7


def test_validate_holds_the_data_against_the_gates(tmp_path: Path, artifact: Path) -> None:
    lines = rows(seed=8).splitlines()
    garbled = [f"{line[:-1]}{index % 2}" for index, line in enumerate(lines[1:])]
    (tmp_path / "later.csv").write_text("\n".join([lines[0], *garbled]))
    code, text = run("validate", artifact, "--data", tmp_path / "later.csv", "--json")
    assert code == 3
    assert BuildReport.model_validate_json(text).reason == "GateNotMet"


def test_validate_refuses_what_is_damaged_or_no_artifact(tmp_path: Path, artifact: Path) -> None:
    code, text = run("validate", tmp_path / "nowhere", "--data", tmp_path / "rows.csv", "--json")
    assert (code, BuildReport.model_validate_json(text).reason) == (3, "ArtifactNotFound")
    golden = json.loads((artifact / "golden.json").read_text())
    golden["outputs"]["score"][3] += 0.01
    (artifact / "golden.json").write_text(json.dumps(golden))
    code, text = run("validate", artifact, "--data", tmp_path / "rows.csv", "--json")
    assert (code, BuildReport.model_validate_json(text).reason) == (3, "DigestMismatch")
    paths = [path for path in artifact.rglob("*") if path.is_file() and path.name != MANIFEST]
    files = {path.relative_to(artifact).as_posix(): path.read_bytes() for path in paths}
    (artifact / MANIFEST).write_bytes(manifest(files))
    code, text = run("validate", artifact, "--data", tmp_path / "rows.csv", "--json")
    report = BuildReport.model_validate_json(text)
    assert (code, report.reason) == (3, "GoldenSamplesDiffer")
    assert "golden sample 3" in report.message
