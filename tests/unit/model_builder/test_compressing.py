"""``compress``: from a manifest or an artifact to a table of what was saved, what it cost, and what else there was."""

from __future__ import annotations

import io
import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas
import pytest
from sklearn.ensemble import RandomForestClassifier
from skops import io as skops_io
from typer.testing import CliRunner

from model_builder.__main__ import app
from model_builder.compressing import CompressionView, Elsewhere, Wanted, spec_of_model, spec_to_compress
from model_builder.compression import candidates, search
from model_builder.compression.candidates import Family
from model_builder.errors import Reason
from model_builder.report import BuildReport
from tests.support.builder import fault_csv, refused

ROWS = 500


@pytest.fixture(autouse=True)
def few_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Search among few candidates: what is tested is the command, not the search."""
    whole = candidates.families

    def few(trees: int, interactions: bool, **kind: bool) -> tuple[Family, ...]:
        return tuple(replace(each, variants=each.variants[-2:]) for each in whole(trees, interactions, **kind)[:1])

    monkeypatch.setattr(search, "families", few)
    monkeypatch.setattr(search, "larger_families", lambda trees, **kind: candidates.larger_families(trees, **kind)[:1])


def spec_file(folder: Path, **more: Any) -> Path:
    train = {"data": {"uri": "rows.csv"}, "target": "fault", "params": {"randomForest": {"n_estimators": 10}}}
    path = folder / "spec.yaml"
    path.write_text(json.dumps({"name": "spindle", "source": {"train": train}, **more}))
    (folder / "rows.csv").write_text(fault_csv(rows=ROWS))
    return path


def run(*arguments: str | Path) -> tuple[int, str]:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200"})
    return done.exit_code, done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with rows.csv, spec.yaml and the artifact built of them."""
    folder = tmp_path_factory.mktemp("built")
    code, text = run("build", spec_file(folder), "--out", folder / "artifact", "--json")
    assert code == 0, text
    return folder


def test_help_says_what_it_takes() -> None:
    code, text = run("compress", "--help")
    assert code == 0
    for word in ("--max-bytes", "--max-loss", "--interactions", "--out", "artifact", "Exit status"):
        assert word in text


def test_of_a_manifest_the_tables_tell_before_and_after_and_the_front(tmp_path: Path) -> None:
    code, text = run("compress", spec_file(tmp_path), "--max-loss", "0.2")
    assert code == 0, text
    for part in ("times smaller", "before", "after", "average precision", "step by step", "encode", "search", "→ "):
        assert part in text
    assert sorted(each.name for each in tmp_path.iterdir()) == ["rows.csv", "spec.yaml"], "nothing is kept unasked"


def test_an_artifact_is_trained_again_as_it_was_and_made_smaller(built: Path, tmp_path: Path) -> None:
    report = BuildReport.model_validate_json(
        run("build", built / "spec.yaml", "--out", tmp_path / "again", "--json")[1]
    )
    out = tmp_path / "small"
    code, text = run(
        "compress", built / "artifact", "--data", built / "rows.csv", "--max-loss", "0.2", "--out", out, "--json"
    )
    assert code == 0, text
    view = CompressionView.model_validate_json(text)
    assert report.bytes is not None
    assert view.bytes < report.bytes, "the artifact's own model is the lossless form"
    assert view.reductions[0].bytes_after == report.bytes
    assert view.reductions[-1].bytes_after == view.bytes, "the size of every step is that of a whole file"
    assert view.bytes == len((out / "repository" / "spindle" / "1" / "model.onnx").read_bytes())
    assert view.chosen in [each.name for each in view.front]
    assert [each.bytes for each in view.front] == sorted(each.bytes for each in view.front)
    assert report.metrics is not None
    assert view.before == report.metrics.model_copy(update={"lower95": None})
    assert view.uri == out.as_uri()


def test_an_artifact_needs_the_very_data_it_was_built_from(built: Path, tmp_path: Path) -> None:
    code, text = run("compress", built / "artifact", "--json")
    assert code == 3
    assert BuildReport.model_validate_json(text).reason == "InvalidSpec"
    assert "--data" in text
    other = tmp_path / "rows.csv"
    other.write_text(fault_csv(rows=ROWS, seed=2))
    code, text = run("compress", built / "artifact", "--data", other, "--json")
    assert code == 3
    assert BuildReport.model_validate_json(text).reason == "ChecksumMismatch"


def test_what_is_neither_manifest_nor_artifact_is_refused(tmp_path: Path) -> None:
    code, text = run("compress", tmp_path, "--data", "rows.csv", "--json")
    assert code == 3
    assert BuildReport.model_validate_json(text).reason == "ArtifactNotFound"
    code, text = run("compress", spec_file(tmp_path), "--max-loss", "half", "--json")
    assert code == 3
    assert "compression.budget.maxLoss" in BuildReport.model_validate_json(text).message


def test_strict_evidence_reaches_the_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    budgets: list[search.Budget] = []
    plain = search.Search.run

    def run_and_tell(one: search.Search) -> search.Found:
        budgets.append(one._budget)
        return plain(one)

    monkeypatch.setattr(search.Search, "run", run_and_tell)
    code, text = run("compress", spec_file(tmp_path), "--strict")
    assert code == 0, text
    assert [each.strict for each in budgets] == [True]


def test_options_go_before_the_budget_of_the_manifest_and_passes_give_way(tmp_path: Path) -> None:
    path = spec_file(tmp_path, compression={"budget": {"maxBytes": 5000, "maxLoss": "0.01"}, "interactions": "Auto"})
    compression = spec_to_compress(path, Wanted(max_bytes=900, max_minutes=2), None).compression
    assert compression.budget is not None
    assert (compression.budget.max_bytes, compression.budget.max_loss) == (900, "0.01")
    assert compression.budget.max_minutes == 2
    assert compression.interactions == "Auto"
    assert compression.budget.evidence == "Reseeding"
    strict = spec_to_compress(path, Wanted(strict=True), None).compression.budget
    assert strict is not None
    assert (strict.evidence, strict.max_bytes) == ("Strict", 5000)
    path = spec_file(tmp_path, compression={"prune": {"by": "gini"}, "quantize": {"bits": 8}})
    compression = spec_to_compress(path, Wanted(), None).compression
    assert compression.budget is not None
    assert compression.prune is None
    assert compression.quantize is None
    assert compression.interactions == "Off"


def test_a_chosen_threshold_does_not_go_with_a_search(tmp_path: Path) -> None:
    path = spec_file(tmp_path, validation={"decisionThreshold": {"optimize": "f1"}})
    with refused(Reason.INVALID_SPEC, "decisionThreshold"):
        spec_to_compress(path, Wanted(), None)


def forest_file(folder: Path, named: bool) -> Path:
    """Write a forest that was fitted elsewhere, and rows that it has not seen."""
    lines = fault_csv(rows=2 * ROWS, missing=0.0).splitlines()
    (folder / "rows.csv").write_text("\n".join([lines[0], *lines[ROWS + 1 :]]))
    frame = pandas.read_csv(io.StringIO("\n".join(lines[: ROWS + 1])))
    rows = frame.drop(columns="fault") if named else frame.drop(columns="fault").to_numpy()
    model = RandomForestClassifier(20, random_state=1).fit(rows, frame["fault"])
    path = folder / "Press 3 forest.skops"
    path.write_bytes(skops_io.dumps(model))
    return path


def test_a_fitted_forest_is_compressed(tmp_path: Path) -> None:
    model, out = forest_file(tmp_path, named=True), tmp_path / "out"
    options = ("--data", tmp_path / "rows.csv", "--target", "fault", "--max-loss", "0.2", "--out", out, "--json")
    code, text = run("compress", "--model", model, *options)
    assert code == 0, text
    view = CompressionView.model_validate_json(text)
    assert view.name == "press-3-forest"
    assert [each.step for each in view.reductions] == ["encode", "search"]
    assert view.bytes < view.reductions[0].bytes_before
    assert (out / "repository" / "press-3-forest").is_dir()


def test_a_file_without_names_wants_them(tmp_path: Path) -> None:
    model = forest_file(tmp_path, named=False)
    options = ("--data", tmp_path / "rows.csv", "--target", "fault", "--json")
    code, text = run("compress", "--model", model, *options)
    assert code == 3
    assert BuildReport.model_validate_json(text).reason == Reason.MODEL_INPUTS_DIFFER
    named = ("heat", "load")
    importing = spec_of_model(Elsewhere(model, "fault", named), Wanted(), "rows.csv").source.importing
    assert importing is not None
    assert (importing.features, importing.format) == (named, "skops")


def test_a_pickle_is_not_compressed(tmp_path: Path) -> None:
    path = tmp_path / "forest.skops"
    path.write_bytes(pickle.dumps({"a": 1}))
    code, text = run("compress", "--model", path, "--data", "rows.csv", "--target", "fault", "--json")
    assert code == 3
    assert BuildReport.model_validate_json(text).reason == Reason.PICKLE_REFUSED


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("spec.yaml", "--model", "m.skops", "--target", "fault"),
        ("--model", "m.skops"),
        ("spec.yaml", "--target", "fault"),
        ("spec.yaml", "--feature", "a"),
    ],
)
def test_a_model_and_a_manifest_are_two_things(arguments: tuple[str, ...]) -> None:
    code, _ = run("compress", *arguments)
    assert code == 2


def test_a_model_needs_its_data_and_has_to_be_there(tmp_path: Path) -> None:
    for data, reason in ((["--data", "rows.csv"], Reason.DATA_NOT_FOUND), ([], Reason.INVALID_SPEC)):
        code, text = run("compress", "--model", tmp_path / "none.skops", "--target", "fault", *data, "--json")
        assert code == 3
        assert BuildReport.model_validate_json(text).reason == reason
