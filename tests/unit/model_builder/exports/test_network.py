"""Linear models and neural networks, as C and as TensorFlow Lite, answer as the ONNX file does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline

from model_builder.categories import Category, Rows
from model_builder.estimators import STEP, fit
from model_builder.export import export
from model_builder.exports import litert
from model_builder.exports.api import export_all
from model_builder.exports.c99 import write_c
from model_builder.exports.model import Source
from model_builder.exports.network import from_pipeline
from model_builder.exports.tflite import write_tflite
from model_builder.parity import Model, compare
from model_builder.report import Signature
from model_builder.spec import Params
from tests.support.exported import binary, several
from tests.support.native import Native


def pipeline_of(kind: str, rows: Rows, codes: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> Pipeline:
    layers = (9, 5) if kind == "deep" else (12,)
    params = Params.model_validate({"mlp": {"hidden_layer_sizes": layers, "max_iter": 15}})
    name = "logisticRegression" if kind == "linear" else "mlp"
    pipeline = fit(name, params, rows.matrix(), codes, 1)
    if kind in ("tanh", "logistic"):
        matrix = pipeline[:-1].transform(rows.matrix())
        last = MLPClassifier((6,), activation=kind, max_iter=15, random_state=0).fit(matrix, codes)
        pipeline = Pipeline([*pipeline.steps[:-1], (STEP, last)])
    return pipeline


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("data", ["two classes", "several classes"])
@pytest.mark.parametrize("kind", ["linear", "network", "deep", "tanh", "logistic"])
def test_every_row_is_answered_as_by_the_onnx_file(kind: str, data: str, tmp_path: Path) -> None:
    given = binary() if data == "two classes" else several()
    random = np.random.RandomState(7)
    chosen = random.permutation(len(given.rows))[:1500]
    numeric, codes = given.rows[chosen], given.codes[chosen]
    numeric = np.where(random.random_sample(numeric.shape) < 0.05, np.float32(np.nan), numeric)
    categories = (Category("kind", ("H", "L", "M")),)
    rows = Rows(numeric, random.randint(-1, 3, (len(numeric), 1)).astype(np.int16), categories)
    pipeline = pipeline_of(kind, rows, codes)
    names = tuple(f"s{index}" for index in range(numeric.shape[1]))
    middle = float(np.median(pipeline.predict_proba(rows.matrix())[:, 1]))
    threshold = round(middle, 3) if given.classes == 2 else None
    signature = Signature.of(names, tuple(str(code) for code in range(given.classes)), threshold, ("kind",))
    network = from_pipeline(pipeline)
    assert network is not None
    source = Source("press", signature, categories, network)
    expected = Model(export(pipeline, signature, categories).model, signature).answer(rows)
    assert len(set(expected.labels.tolist())) > 1
    native = Native(write_c(source).files, tmp_path, network.outputs)
    assert compare(native.answer(rows), expected, signature).max_score_error < 1e-5
    flat = write_tflite(source).files["press.tflite"]
    for delegates in (False, True):
        said = litert.answer(flat, rows, delegates=delegates)
        assert compare(said, expected, signature).max_score_error < 1e-5
    _, facts = export_all(("onnx", "tflite", "c"), source, rows, expected)
    assert [each.format for each in facts] == ["tflite", "c"]
    assert write_c(source).files == write_c(source).files
