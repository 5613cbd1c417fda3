"""Exports within a build: in the artifact, in its manifest and report, proven, and always the same bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_builder.artifact import verify
from model_builder.build import Built, build, inputs_digest
from model_builder.errors import Reason
from model_builder.exports import litert
from model_builder.exports.api import KINDS, export_all
from model_builder.parity import Answers, compare
from model_builder.progress import Silent
from model_builder.spec import BuildSpec
from model_builder.validating import golden_rows, open_artifact
from tests.support.builder import fault_csv, local, refused
from tests.support.exported import with_pairs
from tests.support.native import Native


def asked(estimator: str, **more: Any) -> BuildSpec:
    train = {"data": {"uri": "data.csv"}, "target": "fault", "estimators": [estimator]}
    return BuildSpec.model_validate({"name": "press-2", "source": {"train": train}, **more})


def with_category(rows: int = 400) -> str:
    lines = fault_csv(rows=rows).splitlines()
    kinds = ["kind", *("LMH"[index % 3] if index % 7 else "" for index in range(rows))]
    return "\n".join(f"{kind},{line}" for kind, line in zip(kinds, lines, strict=True)) + "\n"


@pytest.fixture(scope="module", params=["randomForest", "histGradientBoosting"])
def finished(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Built, Path]:
    folder = tmp_path_factory.mktemp("build")
    small = {"quantize": {"bits": 8}}
    wanted = asked(request.param, exports=["c", "tflite"], compression=small)
    return build(wanted, local(folder, with_category()), folder / "out", Silent()), folder / "out"


def test_files_are_in_the_manifest_and_told_in_the_report(finished: tuple[Built, Path]) -> None:
    built, out = finished
    files = verify(built.artifact.digest, lambda path: (out / path).read_bytes())
    found = {path: len(content) for path, content in files.items() if path.startswith("exports/")}
    told = json.loads(files["report.json"])["exports"]
    assert {path: size for each in told for path, size in each["files"].items()} == found
    assert found.keys() == {
        "exports/c/press_2.h",
        "exports/c/press_2.c",
        "exports/tflite/press-2.tflite",
        "exports/tflite/press-2.json",
    }
    for each in told:
        assert each["rows"] > 90
        assert each["maxScoreError"] < 1e-5
        assert 0 < each["bytes"] <= sum(each["files"].values())


def test_the_c_code_of_the_artifact_answers_its_golden_samples(finished: tuple[Built, Path], tmp_path: Path) -> None:
    _, out = finished
    opened = open_artifact(out)
    files = {path.name: path.read_bytes() for path in (out / "exports/c").iterdir()}
    rows = golden_rows(opened.golden, opened.expected.categories)
    parity = compare(Native(files, tmp_path, 1).answer(rows), opened.model.answer(rows), opened.signature)
    assert parity.rows > 50


def test_the_tflite_file_of_the_artifact_answers_its_golden_samples(finished: tuple[Built, Path]) -> None:
    _, out = finished
    opened = open_artifact(out)
    rows = golden_rows(opened.golden, opened.expected.categories)
    said = litert.answer((out / "exports/tflite/press-2.tflite").read_bytes(), rows)
    assert compare(said, opened.model.answer(rows), opened.signature).rows > 50


def test_the_same_build_gives_the_same_bytes(finished: tuple[Built, Path], tmp_path: Path) -> None:
    built, out = finished
    again = build(open_spec(out), local(tmp_path, with_category()), tmp_path / "again", Silent())
    assert again.artifact.digest == built.artifact.digest


def open_spec(out: Path) -> BuildSpec:
    spec = open_artifact(out).spec
    return BuildSpec.model_validate({**spec, "source": {"train": {**spec["source"]["train"], "data": {"uri": "d"}}}})


def test_the_order_of_the_wishes_is_no_difference() -> None:
    plain = asked("randomForest")
    one, other = asked("randomForest", exports=["c"]), asked("randomForest", exports=["c", "onnx"])
    digests = [inputs_digest(each, "csv", "0" * 64) for each in (plain, one, other)]
    assert digests[1] == digests[2] != digests[0]
    assert digests[0] == inputs_digest(asked("randomForest", exports=["onnx"]), "csv", "0" * 64)


def test_twice_the_same_is_refused() -> None:
    with pytest.raises(ValueError, match="more than once"):
        asked("randomForest", exports=["c", "c"])


def test_what_cannot_be_exported_is_refused(tmp_path: Path) -> None:
    quantized = asked("mlp", exports=["c"], compression={"quantize": {"bits": 8}})
    with refused(Reason.EXPORT_UNSUPPORTED, "mlp", "trees of any kind"):
        build(quantized, local(tmp_path, fault_csv()), tmp_path / "out", Silent())


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_an_export_that_answers_otherwise_is_refused(kind: str) -> None:
    case = with_pairs()
    expected = case.model.answer(case.rows)
    files, facts = export_all(("onnx", kind), case.source, case.rows, expected)
    assert facts[0].rows == len(case.rows)
    assert all(path.startswith(f"exports/{kind}/") for path in files)
    wrong = Answers(np.where(np.arange(len(case.rows))[:, None] == 3, 0.9, expected.scores), expected.labels)
    with refused(Reason.PARITY_FAILED, "row index 3", "ONNX Runtime"):
        export_all(("onnx", kind), case.source, case.rows, wrong)
