"""The command on a laptop: it helps, it sums up, and it says how to mend what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from model_builder.__main__ import app
from model_builder.errors import Reason
from model_builder.report import BuildReport
from model_builder.specfile import read_spec
from tests.support.builder import REPOSITORY, fault_csv, refused

SMALL = {"randomForest": {"n_estimators": 5}}


def manifest(folder: Path, uri: str = "rows.csv", **train: Any) -> Path:
    path = folder / "model.yaml"
    source = {"train": {"data": {"uri": uri}, "target": "fault", "params": SMALL, **train}}
    document = {
        "apiVersion": "andon.dev/v1alpha1",
        "kind": "FaultModel",
        "metadata": {"name": "spindle", "namespace": "press-shop"},
        "spec": {"source": source, "serving": {"replicas": 2}},
    }
    path.write_text(json.dumps(document))
    return path


def run(*arguments: str | Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200"})
    return done.exit_code, done.stdout, done.stderr


def test_help_says_what_there_is() -> None:
    code, text, _ = run("--help")
    assert code == 0
    for word in ("build", "inspect", "validate", "job", "fetch", "Exit status"):
        assert word in text
    code, text, _ = run("build", "--help")
    assert code == 0
    for word in ("--out", "--data", "--json", "examples/spindle.yaml"):
        assert word in text


def test_a_build_ends_with_a_summary(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(fault_csv())
    code, text, _ = run("build", manifest(tmp_path), "--out", tmp_path / "out")
    assert code == 0, text
    for part in (
        "Fitting randomForest",
        "300, 60 of them held out",
        "macro f1",
        "predicted 1",
        "sha256:",
        "plain export",
        "MiB of memory",
    ):
        assert part in text
    assert (tmp_path / "out" / "repository" / "spindle" / "config.pbtxt").is_file()


def test_json_is_json_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text(fault_csv())
    code, text, _ = run(
        "build", manifest(tmp_path, "gone.csv"), "--out", tmp_path / "out", "--data", tmp_path / "other.csv", "--json"
    )
    assert code == 0
    report = BuildReport.model_validate_json(text)
    assert report.outcome == "Succeeded"
    assert report.uri == (tmp_path / "out").as_uri()
    assert report.usage is not None
    assert report.usage.seconds > 0


def test_a_problem_says_how_to_mend_it(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("heat,fault\n1,0\n2,1\n")
    code, text, _ = run("build", manifest(tmp_path, target="falut"), "--out", tmp_path / "out")
    assert code == 3
    for part in ("TargetNotFound", 'did you mean "fault"?', "found", "allowed", "to mend it"):
        assert part in text
    assert not (tmp_path / "out").exists()
    code, text, _ = run("build", manifest(tmp_path, target="falut"), "--out", tmp_path / "out", "--json")
    assert code == 3
    assert BuildReport.model_validate_json(text).reason == "TargetNotFound"


def test_markup_in_data_is_shown_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("heat,[red]x[/],fault\n1,2,0\n")
    code, text, _ = run("build", manifest(tmp_path, target="[bold]y"), "--out", tmp_path / "out")
    assert code == 3
    assert "[bold]y" in text
    assert "[red]x[/]" in text


def test_a_folder_of_someone_elses_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(fault_csv())
    code, text, _ = run("build", manifest(tmp_path), "--out", tmp_path)
    assert code == 3
    assert "OutputNotEmpty" in text


def test_usage_errors_have_their_own_status(tmp_path: Path) -> None:
    assert run("build", manifest(tmp_path))[0] == 2
    assert run("fetch", "--digest", "sha256:x", "--name", "a", "--version", "0", "--out", tmp_path)[0] == 2


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("kind: FaultModel\n", "FaultModel of "),
        ("kind: Pod\napiVersion: v1\n", "the manifest is a Pod"),
        ("apiVersion: andon.dev/v1alpha1\nkind: FaultModel\nspec: {source: {}}\n", "metadata.name"),
        ("apiVersion: andon.dev/v1alpha1\nkind: FaultModel\nmetadata: {name: a}\n", "spec.source"),
        ("name: a\nname: b\n", "stands twice"),
        ("name: [\n", "cannot be read"),
        ("name: a\n---\nname: b\n", "one FaultModel"),
        ("", "one FaultModel"),
        ("- a\n", "one FaultModel"),
        ("name: a\nsource: {train: {data: {uri: x}, target: y, sead: 1}}\n", "source.train.sead"),
        ("name: a\nsource: {train: {data: {uri: x}, target: 5}}\n", "source.train.target"),
        ("x: !!python/object/apply:os.system ['true']\n", "cannot be read"),
    ],
)
def test_a_file_that_is_no_manifest_is_refused(tmp_path: Path, text: str, part: str) -> None:
    path = tmp_path / "model.yaml"
    path.write_text(text)
    with refused(Reason.INVALID_SPEC, part):
        read_spec(path)


def test_a_manifest_among_others_is_found(tmp_path: Path) -> None:
    path = tmp_path / "all.yaml"
    path.write_text("apiVersion: v1\nkind: Namespace\n---\n" + manifest(tmp_path).read_text() + "\n---\n")
    assert read_spec(path).name == "spindle"


def test_of_a_manifest_all_is_read_that_the_operator_hands_on(tmp_path: Path) -> None:
    path = manifest(tmp_path)
    document = json.loads(path.read_text())
    document["spec"] |= {
        "compression": {"quantize": {"bits": 8}},
        "validation": {"slices": ["heat"]},
        "serving": {"replicas": 2, "onnxruntime": "1.19"},
    }
    path.write_text(json.dumps(document))
    spec = read_spec(path)
    assert spec.compression.quantize is not None
    assert spec.validation.slices == ("heat",)
    assert spec.runtime.onnxruntime == "1.19"
    document["spec"]["serving"]["onnxruntime"] = "1.7"
    path.write_text(json.dumps(document))
    with refused(Reason.INVALID_SPEC, "spec.serving.onnxruntime"):
        read_spec(path)


def test_the_example_is_valid() -> None:
    example = read_spec(REPOSITORY / "examples" / "spindle.yaml")
    assert example.name == "spindle"
    assert example.source.train.target == "fault"
