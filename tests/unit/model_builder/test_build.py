"""The whole pipeline: what an artifact holds, that it is right, and that it is always the same."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from unittest.mock import ANY

import numpy as np
import onnxruntime
import pytest

from benchmarks.real_data import data_file
from model_builder.artifact import verify
from model_builder.build import Built, build, inputs_digest
from model_builder.categories import Rows
from model_builder.errors import Reason
from model_builder.parity import Model
from model_builder.progress import Silent
from model_builder.report import BuildReport
from model_builder.spec import BuildSpec, Limits
from model_builder.validating import open_artifact, replay
from tests.support.builder import REPOSITORY, fault_csv, local, refused, spec

LEAKS = ["UDI", "TWF", "HDF", "PWF", "OSF", "RNF"]


@pytest.fixture(scope="module", params=[2, 3])
def finished(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Built, Path]:
    folder = tmp_path_factory.mktemp("build")
    data = local(folder, fault_csv(rows=400, classes=request.param))
    return build(spec(), data, folder / "out", Silent()), folder / "out"


def test_the_artifact_holds_what_the_contract_says(finished: tuple[Built, Path]) -> None:
    built, out = finished
    files = verify(built.artifact.digest, lambda path: (out / path).read_bytes())
    assert sorted(files) == [
        "baseline.json",
        "build.json",
        "card.md",
        "golden.json",
        "holdout.csv",
        "report.json",
        "repository/spindle/1/model.onnx",
        "repository/spindle/config.pbtxt",
    ]
    report = built.report
    assert report.outcome == "Succeeded"
    assert report.digest == built.artifact.digest
    assert report.bytes == len(files["repository/spindle/1/model.onnx"])
    assert report.artifact_bytes == sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    assert report.rows == 400
    assert report.metrics is not None
    assert json.loads(files["report.json"])["metrics"] | {"lower95": ANY} == report.metrics.model_dump(by_alias=True)
    assert BuildReport.model_validate_json(report.to_json()) == report


def test_golden_samples_hold_every_kind_and_the_right_answers(finished: tuple[Built, Path]) -> None:
    built, out = finished
    golden = json.loads((out / "golden.json").read_text())
    signature = built.model.signature
    rows = np.array([[np.nan if cell is None else cell for cell in row] for row in golden["numeric"]], np.float32)
    kinds = set(golden["kinds"])
    expected = {f"class {name}" for name in signature.classes}
    assert kinds == expected | {"near the decision", "on a threshold", "missing values"}
    assert len(rows) <= 300
    assert np.isnan(rows).all(axis=1).any()
    model = Model((out / "repository/spindle/1/model.onnx").read_bytes(), signature)
    answers = model.answer(Rows.of_numbers(rows))
    if signature.threshold is not None:
        np.testing.assert_array_equal(answers.scores[:, 0], np.array(golden["outputs"]["score"], np.float32))
        assert answers.labels.astype(bool).tolist() == golden["outputs"]["fault"]
        assert len(set(golden["outputs"]["fault"])) == 2
    else:
        np.testing.assert_array_equal(answers.scores, np.array(golden["outputs"]["probabilities"], np.float32))
        assert answers.labels.tolist() == golden["outputs"]["label"]


def test_held_out_answers_agree_with_the_scores(finished: tuple[Built, Path]) -> None:
    built, out = finished
    rows = list(csv.DictReader(io.StringIO((out / "holdout.csv").read_text())))
    matrix = np.zeros((len(built.model.classes),) * 2, int)
    for row in rows:
        matrix[int(row["actual"]), int(row["predicted"])] += 1
    assert matrix.tolist() == [list(each) for each in built.model.confusion_matrix]
    assert built.model.metrics.accuracy == pytest.approx(np.trace(matrix) / matrix.sum(), abs=1e-6)
    if len(matrix) == 2:
        assert built.model.metrics.recall == pytest.approx(matrix[1, 1] / matrix[1].sum(), abs=1e-6)
        assert built.model.metrics.precision == pytest.approx(matrix[1, 1] / matrix[:, 1].sum(), abs=1e-6)
    assert built.model.metrics.accuracy > 0.6


def test_the_card_tells_people_what_matters(finished: tuple[Built, Path]) -> None:
    built, out = finished
    card = (out / "card.md").read_text()
    for part in ("# spindle", "`fault`", "heat", "Macro-F1", "rows that the model has not seen", "ONNX Runtime"):
        assert part in card
    assert f"{built.model.bytes:,} bytes" in card


def test_names_cannot_break_the_card(tmp_path: Path) -> None:
    content = fault_csv().replace("heat", '"he`at|<b>\nx"', 1)
    built = build(spec(), local(tmp_path, content), tmp_path / "out", Silent())
    assert built.model.signature.numeric[0] == "he`at|<b>\nx"
    features = (tmp_path / "out" / "card.md").read_text().split("## Features")[1].split("\n## ")[0]
    rows = [line for line in features.splitlines() if line.startswith("|")]
    assert all(line.count("|") == 4 for line in rows)
    assert "<b>" not in features


def test_notes_say_what_was_decided(tmp_path: Path) -> None:
    rows = fault_csv().splitlines()
    odd = [rows[0] + ",kind,still,,n,again"]
    odd += [f"{row},L,7,,{index},{row.split(',')[0]}" for index, row in enumerate(rows[1:])]
    built = build(spec(), local(tmp_path, "\n".join(odd)), tmp_path / "out", Silent())
    notes = "\n".join(built.report.notes)
    assert '"1" of column "fault" is taken for a fault' in notes
    assert "never change and so tell nothing: still, kind" in notes
    assert "have no name: column 6" in notes
    assert "only number or name the rows: n" in notes
    assert "repeat another one: again (copy of heat)" in notes
    assert built.model.signature.numeric == ("heat", "load")


def test_categories_are_encoded_in_the_file(tmp_path: Path) -> None:
    """The whole way: read, fitted, exported, proven, told to clients; the text matters, and any text has an answer."""
    kinds = ["L", "M", "", "weiß nicht"]
    rows = fault_csv(rows=600).splitlines()
    lines = [rows[0].replace("fault", "kind,plant,fault")]
    for index, row in enumerate(rows[1:]):
        heat, load, fault = row.split(",")
        kind = kinds[index % 4]
        lines.append(f"{heat},{load},{kind},{'AB'[index % 2]},{int(fault == '1') if kind == 'L' else index % 7 // 6}")
    built = build(spec(), local(tmp_path, "\n".join(lines)), tmp_path / "out", Silent())
    signature = built.model.signature
    assert signature.categorical == ("kind", "plant")
    assert built.model.categories[0].values == ("L", "M", "weiß nicht")
    assert [each.name for each in built.model.importances] == ["heat", "load", "kind", "plant"]
    assert "weiß nicht" in (tmp_path / "out" / "card.md").read_text()
    golden = json.loads((tmp_path / "out" / "golden.json").read_text())
    texts = np.array(golden["categorical"], object)
    assert texts.shape == (len(golden["numeric"]), 2)
    assert {"L", "M", "weiß nicht", ""} <= set(texts[:, 0])
    assert "every category" in golden["kinds"]
    session = onnxruntime.InferenceSession((tmp_path / "out/repository/spindle/1/model.onnx").read_bytes())
    numbers = np.array([[np.nan if cell is None else cell for cell in row] for row in golden["numeric"]], np.float32)
    score = session.run(["score"], {"numeric": numbers, "categorical": texts})[0]
    np.testing.assert_array_equal(score[:, 0], np.array(golden["outputs"]["score"], np.float32))
    one = np.repeat(numbers[:1], 4, axis=0)
    asked = np.array([["", "A"], ["never seen", "A"], ["M", "A"], ["L", "A"]], object)
    said = session.run(["score"], {"numeric": one, "categorical": asked})[0][:, 0]
    assert said[0] == said[1]
    assert len(set(said)) > 1


def test_texts_alone_make_a_model(tmp_path: Path) -> None:
    """Without a column of numbers there is no input of numbers, in no file of the artifact."""
    random = np.random.RandomState(3)
    shift, kind = random.choice(["early", "late", "night"], 600), random.choice(["L", "M", "H", ""], 600)
    fault = ((shift == "night") & (kind == "L")) ^ (random.random_sample(600) < 0.05)
    rows = "\n".join(",".join(row) for row in zip(shift, kind, fault.astype(int).astype(str), strict=True))
    built = build(spec(), local(tmp_path, f"shift,kind,fault\n{rows}\n"), tmp_path / "out", Silent())
    assert built.model.signature.numeric == ()
    assert built.model.signature.categorical == ("shift", "kind")
    assert built.model.metrics.recall > 0.7
    session = onnxruntime.InferenceSession(tmp_path / "out/repository/spindle/1/model.onnx")
    assert [each.name for each in session.get_inputs()] == ["categorical"]
    scores = session.run(["score"], {"categorical": np.array([["night", "L"], ["early", "H"], ["dawn", ""]], object)})
    assert scores[0][0] > 0.5 > scores[0][1]
    assert "numeric" not in (tmp_path / "out/repository/spindle/config.pbtxt").read_text().split("parameters")[0]
    opened = open_artifact(tmp_path / "out")
    assert replay(opened) == len(opened.golden["kinds"])
    assert "numeric" not in opened.golden


@pytest.mark.parametrize(
    ("more", "method"), [({"groupBy": "asset"}, "group"), ({"timeColumn": "asset"}, "time"), ({}, "stratified")]
)
def test_the_way_of_splitting_is_written_down(tmp_path: Path, more: dict[str, str], method: str) -> None:
    rows = fault_csv(rows=600).splitlines()
    lines = [rows[0] + ",asset", *(f"{row},{index // 20}" for index, row in enumerate(rows[1:]))]
    built = build(spec(**more), local(tmp_path, "\n".join(lines)), tmp_path / "out", Silent())
    assert built.model.split.method == method
    assert ("asset" in built.model.signature.numeric) is (method == "stratified")
    card = (tmp_path / "out" / "card.md").read_text()
    assert {"group": "machines that", "time": "latest", "stratified": "both sides"}[method] in card


def test_repeated_rows_and_a_sample_are_told(tmp_path: Path) -> None:
    rows = fault_csv(rows=600).splitlines()
    content = "\n".join([rows[0], *rows[1:], *rows[1:]])
    built = build(spec(sampleRows=1000), local(tmp_path, content), tmp_path / "out", Silent())
    notes = "\n".join(built.report.notes)
    assert "1,000 of 1,200 rows were drawn at random by the seed" in notes
    assert "held-out rows stand among the fitted ones too" in notes
    assert (built.model.data.rows, built.model.data.rows_in_file) == (1000, 1200)


def test_a_telling_column_stops_the_build(tmp_path: Path) -> None:
    rows = fault_csv(rows=600).splitlines()
    lines = [rows[0] + ",cost", *(f"{row},{int(row[-1]) * 50}" for row in rows[1:])]
    with refused(Reason.TARGET_LEAKAGE, '"cost"'):
        build(spec(), local(tmp_path, "\n".join(lines)), tmp_path / "out", Silent())
    assert not (tmp_path / "out").exists()
    allowed = spec(features={"allowLeakage": ["cost"]})
    built = build(allowed, local(tmp_path, "\n".join(lines)), tmp_path / "out", Silent())
    assert any('"cost" is allowed although' in note for note in built.report.notes)


def test_a_column_that_is_empty_in_the_fitted_rows_is_no_accident(tmp_path: Path) -> None:
    rows = fault_csv(missing=0).splitlines()
    sparse = [rows[0] + ",rare"] + [f"{row},{1 if index == 3 else ''}" for index, row in enumerate(rows[1:])]
    for seed in range(6):
        build(spec(seed=seed), local(tmp_path, "\n".join(sparse)), tmp_path / "out", Silent())


def test_inputs_decide_the_digest() -> None:
    one = inputs_digest(spec(), "csv", "a" * 64)
    assert one == inputs_digest(spec("s3://elsewhere/b.csv"), "csv", "a" * 64)
    others = [
        inputs_digest(spec(), "csv", "b" * 64),
        inputs_digest(spec(), "parquet", "a" * 64),
        inputs_digest(spec(seed=1), "csv", "a" * 64),
        inputs_digest(spec(name="press"), "csv", "a" * 64),
    ]
    assert len({one, *others}) == 5


def test_the_inputs_digest_is_written_down() -> None:
    """Should this change, every plant is trained anew: raise the builder's FORMAT, and mean it."""
    digest = inputs_digest(spec(), "csv", "a" * 64)
    assert digest == "sha256:67b0068d406cbe6a2de40aa9df4d4fc38cef148bd6676d1b2f6d681c9d2fae91"


def manifest(folder: Path, data: Path, **train: object) -> Path:
    path = folder / "model.yaml"
    document = {
        "apiVersion": "andon.dev/v1alpha1",
        "kind": "FaultModel",
        "metadata": {"name": "spindle"},
        "spec": {"source": {"train": {"data": {"uri": str(data)}, **train}}},
    }
    path.write_text(json.dumps(document))
    return path


def machine_data(folder: Path) -> tuple[Path, dict[str, object]]:
    """Give the real AI4I data, or where there is none the generator's."""
    real = data_file("ai4i2020/ai4i2020.csv")
    if real is not None:
        return real, {"target": "Machine failure", "features": {"exclude": LEAKS}}
    path = folder / "machine_fault.csv"
    generator = REPOSITORY / "examples" / "generate.py"
    subprocess.run([sys.executable, str(generator), "--out", str(path)], check=True, capture_output=True)
    return path, {"target": "fault"}


def test_two_processes_with_other_threads_and_hash_seeds_give_the_same_bytes(tmp_path: Path) -> None:
    data, train = machine_data(tmp_path)
    file = manifest(tmp_path, data, **train)
    digests = []
    for count in ("1", "2"):
        environment = {
            **os.environ,
            "PYTHONHASHSEED": count,
            "OMP_NUM_THREADS": count,
            "OPENBLAS_NUM_THREADS": count,
            "LOKY_MAX_CPU_COUNT": count,
            "ARROW_NUM_THREADS": count,
        }
        command = [sys.executable, "-m", "model_builder", "build", str(file), "--out", str(tmp_path / count), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=REPOSITORY, check=True)
        digests.append(json.loads(done.stdout)["digest"])
    assert digests[0] == digests[1]
    first = sorted(path.relative_to(tmp_path / "1") for path in (tmp_path / "1").rglob("*"))
    assert first == sorted(path.relative_to(tmp_path / "2") for path in (tmp_path / "2").rglob("*"))


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("machine")
    data, train = machine_data(folder)
    whole = BuildSpec.model_validate(
        {"name": "machine", "source": {"train": {"data": {"uri": str(data)}, **train}}, "limits": Limits()}
    )
    return build(whole, local(folder, data.read_bytes()), folder / "out", Silent())


def test_machine_data_gives_a_useful_model(machine: Built) -> None:
    metrics = machine.report.metrics
    assert metrics is not None
    assert metrics.accuracy > 0.975
    assert metrics.f1 > 0.65
    assert metrics.average_precision is not None
    assert metrics.average_precision > 0.7
    assert machine.model.parity.rows == 10_000
    assert machine.model.parity.max_score_error < 2e-6
    assert machine.model.parity.label_differences == 0
    assert machine.model.split.held_out_rows == 2000


@pytest.mark.parametrize(
    ("name", "target", "marks"),
    [
        ("variant_bom_crlf_renamed_header.csv", "Machine_failure", b"\xef\xbb\xbf"),
        ("variant_bom_lf_noTrailingZero.csv", "Machine failure", b"\xef\xbb\xbf"),
        ("semicolon", "Machine failure", b""),
    ],
)
def test_variants_of_the_file_give_the_same_model(
    tmp_path: Path, machine: Built, name: str, target: str, marks: bytes
) -> None:
    content = variant(tmp_path, name)
    assert content.startswith(marks)
    real = data_file("ai4i2020/ai4i2020.csv") is not None
    train = {"target": target, "features": {"exclude": LEAKS}} if real else {"target": "fault"}
    other = BuildSpec.model_validate({"name": "machine", "source": {"train": {"data": {"uri": "x.csv"}, **train}}})
    built = build(other, local(tmp_path, content), tmp_path / "out", Silent())
    assert built.model.metrics == machine.model.metrics
    assert built.model.bytes == machine.model.bytes
    assert built.model.confusion_matrix == machine.model.confusion_matrix


def variant(folder: Path, name: str) -> bytes:
    real = data_file(f"ai4i2020/{name}")
    if real is not None:
        return real.read_bytes()
    data, _ = machine_data(folder)
    text = data.read_text()
    if name == "semicolon":
        return text.replace(",", ";").replace(".", ",").replace("\n", "\r\n").encode()
    ends = text.replace("\n", "\r\n") if "crlf" in name else text
    return b"\xef\xbb\xbf" + ends.encode()
