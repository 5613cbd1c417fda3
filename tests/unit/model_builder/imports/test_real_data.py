"""Every kind of file that comes in answers as its library does, on AI4I (two classes) and SGAH (five), with holes."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from skl2onnx import to_onnx
from sklearn.ensemble import RandomForestClassifier
from skops import io as skops_io

from benchmarks.compression_data import DataSet
from model_builder.build import build
from model_builder.categories import Rows
from model_builder.compression.ensemble import Floats
from model_builder.imports.files import bring_model
from model_builder.imports.foreign import ForeignModel
from model_builder.progress import Silent
from model_builder.settings import Settings
from model_builder.spec import BuildSpec
from model_builder.validating import open_artifact
from tests.support.builder import local
from tests.support.exported import binary, several

DATA = {"two classes": binary, "several classes": several}
WAYS = ("onnx", "skops", "mlflow")


@cache
def fitted(data: str) -> tuple[DataSet, Any, Any]:
    """A data set, its rows with holes, and a forest fitted on every second one."""
    given = DATA[data]()
    holes = np.random.RandomState(1).random_sample(given.rows.shape) < 0.05
    rows = np.where(holes, np.float32(np.nan), given.rows)
    order = np.random.RandomState(0).permutation(len(rows))
    return given, rows, RandomForestClassifier(20, random_state=0).fit(rows[order[::2]], given.codes[order[::2]])


@cache
def file_of(data: str, kind: str) -> bytes:
    """The forest in a file."""
    _, rows, model = fitted(data)
    if kind == "skops":
        return bytes(skops_io.dumps(model))
    return bytes(to_onnx(model, rows[:1], options={"zipmap": False}).SerializeToString())


def said_by_library(data: str, kind: str, rows: Any) -> Floats:
    """What scikit-learn says of the forest; of ONNX what ONNX Runtime says of the file: skl2onnx loses NaN's way."""
    if kind == "skops":
        return np.asarray(fitted(data)[2].predict_proba(rows))
    return ForeignModel(file_of(data, kind)).predict_proba(rows)


@pytest.mark.parametrize("data", sorted(DATA))
@pytest.mark.parametrize("way", WAYS)
def test_what_is_served_answers_as_the_library_does(way: str, data: str, tmp_path: Path) -> None:
    inside = "onnx" if data == "two classes" else "skops"
    kind = inside if way == "mlflow" else way
    given, rows, _ = fitted(data)
    columns = [f"s{index}" for index in range(rows.shape[1])]
    rest = np.random.RandomState(0).permutation(len(rows))[1::2][:2_000]
    lines = [",".join([*columns, "state"])]
    for values, code in zip(rows[rest], given.codes[rest], strict=True):
        lines.append(",".join(["" if np.isnan(value) else f"{value:.9g}" for value in values] + [f"c{code}"]))
    (tmp_path / "model.file").write_bytes(file_of(data, kind))
    flavor = {"onnx": {"data": "model.file"}} if kind == "onnx" else {"sklearn": {"pickled_model": "model.file"}}
    (tmp_path / "MLmodel").write_text(yaml.safe_dump({"flavors": flavor}))
    address = ("model.file", kind) if way == kind else ("MLmodel", "mlflow")
    importing = {
        "uri": address[0],
        "format": address[1],
        "data": {"uri": "data.csv"},
        "target": "state",
        "features": columns,
        "classes": [f"c{code}" for code in range(given.classes)],
        "positiveClass": "c1" if given.classes == 2 else None,
    }
    quick = {"explain": {"enabled": False}}
    spec = BuildSpec.model_validate({"name": "press", "source": {"import": importing}, "validation": quick})
    wanted = spec.source.importing
    assert wanted is not None
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    model = bring_model(wanted, Settings(), scratch, tmp_path)
    done = build(spec, local(tmp_path, "\n".join(lines)), tmp_path / "out", Silent(), imported=model)
    assert done.model.trees == 20
    assert done.model.bytes * 3 < len(file_of(data, kind))
    asked = np.concatenate([rows, np.full((1, len(columns)), np.nan, np.float32)])
    expected = said_by_library(data, kind, asked)
    answers = open_artifact(tmp_path / "out").model.answer(Rows.of_numbers(asked)).scores
    np.testing.assert_allclose(answers, expected[:, 1:] if given.classes == 2 else expected, rtol=0, atol=1e-5)
    assert np.isnan(asked).any(axis=1).sum() > 100
