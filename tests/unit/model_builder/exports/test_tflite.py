"""The TensorFlow Lite file, run by LiteRT's own interpreter, answers as the ONNX file does, row by row."""

from __future__ import annotations

import json

import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model_builder.categories import Rows
from model_builder.compression.encode import encode
from model_builder.compression.ensemble import Ensemble, Link, Tree
from model_builder.compression.fitted import from_sklearn
from model_builder.exports.litert import answer
from model_builder.exports.model import Source
from model_builder.exports.nodes import nodes
from model_builder.exports.tables import tables
from model_builder.exports.tflite import write_tflite
from model_builder.parity import Model, compare
from tests.support.ensembles import ESTIMATORS, rows_beside_thresholds, rows_with_holes, rows_without_end, sample
from tests.support.exported import Case, case, source_of, with_pairs


def trees(of: Case) -> Ensemble:
    assert isinstance(of.source.ensemble, Ensemble)
    return of.source.ensemble


def content(source: Source) -> bytes:
    return write_tflite(source).files[f"{source.name}.tflite"]


@pytest.mark.parametrize("delegates", [False, True])
@pytest.mark.parametrize("data", ["two classes", "several classes"])
@pytest.mark.parametrize("kind", ["forest", "bag", "extra", "boosted"])
def test_every_row_is_answered_as_by_the_onnx_file(kind: str, data: str, delegates: bool) -> None:
    one = case(kind, data)
    said = answer(content(one.source), one.rows, delegates=delegates)
    parity = compare(said, one.model.answer(one.rows), one.source.signature)
    assert parity.max_score_error < 1e-6
    assert parity.label_differences == 0
    assert np.isnan(one.rows.numeric).any()
    assert len(set(said.labels.tolist())) > 1


@pytest.mark.parametrize("delegates", [False, True])
def test_categories_and_pairs(delegates: bool) -> None:
    one = with_pairs()
    said = answer(content(one.source), one.rows, delegates=delegates)
    assert compare(said, one.model.answer(one.rows), one.source.signature).label_differences == 0


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    kind=st.sampled_from(sorted(ESTIMATORS)),
    classes=st.sampled_from([2, 3, 4]),
    seed=st.integers(0, 10_000),
    missing=st.booleans(),
)
def test_any_model_on_the_rows_where_it_could_go_wrong(kind: str, classes: int, seed: int, missing: bool) -> None:
    given = sample(kind, classes, seed, missing)
    ensemble = from_sklearn(given.estimator)
    base = given.features
    rows = [base, rows_with_holes(base, seed), rows_without_end(base, seed), rows_beside_thresholds(ensemble, base)]
    every = np.concatenate(rows)
    said = answer(content(source_of(ensemble, classes)), Rows.of_numbers(every))
    np.testing.assert_allclose(said.scores, tables(ensemble).scores(every), rtol=0, atol=2e-6)


def test_only_builtin_operators_and_aligned_constants() -> None:
    for one in (case("boosted", "several classes"), with_pairs()):
        written = content(one.source)
        assert written[4:8] == b"TFL3"
        model = schema.Model.GetRootAs(written, 0)
        codes = {model.OperatorCodes(index).BuiltinCode() for index in range(model.OperatorCodesLength())}
        assert schema.BuiltinOperator.CUSTOM not in codes
        assert schema.BuiltinOperator.WHILE in codes
        buffers = [model.Buffers(index) for index in range(model.BuffersLength())]
        places = [each._tab.Vector(each._tab.Offset(4)) for each in buffers if each.DataLength()]
        assert len(places) > 8
        assert [place % 16 for place in places] == [0] * len(places)


def test_tables_are_as_small_as_they_can_be() -> None:
    laid_out = nodes(trees(case("bag", "two classes")))
    assert laid_out.feature.dtype == np.int8
    assert laid_out.left.dtype == laid_out.right.dtype == np.int16
    assert nodes(trees(with_pairs())).left.dtype == np.int8


def test_the_same_model_gives_the_same_bytes() -> None:
    one = case("bag", "several classes")
    assert write_tflite(one.source).files == write_tflite(one.source).files


def test_inputs_and_outputs_have_the_names_of_the_contract() -> None:
    one = with_pairs()
    interpreter = Interpreter(model_content=content(one.source))
    told = interpreter.get_signature_list()["serving_default"]
    assert {name: sorted(each) for name, each in told.items()} == {
        "inputs": ["categorical", "numeric"],
        "outputs": ["fault", "score"],
    }
    assert interpreter.get_input_details()[0]["shape_signature"].tolist() == [-1, 2]
    described = json.loads(write_tflite(one.source).files["press-2.json"])
    assert described["signature"]["numeric"] == ["heat\n", "load"]
    assert described["categories"][0] == {"name": "T*/ype", "values": ["H", "L??/", "M\\ü"]}


@pytest.mark.parametrize(
    ("base", "classes"), [([0.25], 2), ([0.2, 0.5, 0.3], 3)], ids=["two classes", "several classes"]
)
def test_a_model_that_says_the_same_of_every_row(base: list[float], classes: int) -> None:
    ensemble = Ensemble((), np.array(base), Link.IDENTITY, 2)
    said = answer(content(source_of(ensemble, classes)), Rows.of_numbers(np.full((3, 2), np.nan, np.float32)))
    np.testing.assert_allclose(said.scores, np.array([base] * 3, np.float32))
    assert said.labels.tolist() == [0 if classes == 2 else 1] * 3


def at(threshold: float) -> Case:
    stump = Tree(
        feature=np.array([0, -1, -1]),
        threshold=np.array([threshold, 0, 0], np.float32),
        left=np.array([1, 0, 0]),
        right=np.array([2, 0, 0]),
        missing_left=np.zeros(3, bool),
        value=np.array([[0.5], [0.0], [1.0]]),
        cover=np.array([2.0, 1, 1]),
    )
    ensemble = Ensemble((stump,), np.zeros(1), Link.IDENTITY, 1)
    source = source_of(ensemble, 2)
    return Case("one split", source, encode(ensemble, source.signature), Rows.of_numbers(np.zeros((1, 1), np.float32)))


def labels(values: list[float], threshold: float) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    one = at(threshold)
    rows = Rows.of_numbers(np.array(values, np.float32)[:, None])
    return answer(content(one.source), rows).labels, Model(one.onnx, one.source.signature).answer(rows).labels


@pytest.mark.parametrize("threshold", [0.0, 1e-45, -1e-45, 1.1754944e-38, 3.4028235e38, -3.4028235e38])
def test_the_smallest_and_the_largest_numbers_go_the_same_way(threshold: float) -> None:
    at = np.float32(threshold)
    with np.errstate(over="ignore"):
        beside = [float(np.nextafter(at, np.float32(to))) for to in (-np.inf, np.inf)]
    tiny = float(np.finfo(np.float32).tiny)
    litert, onnx = labels([threshold, *beside, tiny, -tiny, tiny / 4, -tiny / 4, np.inf, -np.inf, np.nan], threshold)
    assert litert.tolist() == onnx.tolist()
    assert len(set(onnx.tolist())) == 2
