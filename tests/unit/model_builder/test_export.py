"""The file keeps the prediction contract, in what the oldest runtime knows, and answers as the forest does."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from model_builder.categories import Rows
from model_builder.compression.encode import REGRESSOR, TREE_ENSEMBLE, Form
from model_builder.contract import decision
from model_builder.errors import Reason
from model_builder.estimators import STEP, fit
from model_builder.export import Exported, export
from model_builder.parity import Answers, Model, compare, reference
from model_builder.report import Signature
from model_builder.spec.params import Params
from tests.support.builder import refused


@dataclass(frozen=True, eq=False)
class Case:
    features: npt.NDArray[np.float32]
    pipeline: Pipeline
    signature: Signature
    exported: Exported

    @property
    def model(self) -> Model:
        return Model(self.exported.model, self.signature)


def small(n_estimators: int, max_depth: int | None = None) -> Params:
    return Params.model_validate({"randomForest": {"n_estimators": n_estimators, "max_depth": max_depth}})


def make(classes: int, seed: int = 0, max_depth: int | None = None, form: Form = TREE_ENSEMBLE) -> Case:
    random = np.random.RandomState(seed)
    features = random.normal(size=(600, 4)).round(1).astype(np.float32)
    codes = np.digitize(features[:, 0] + features[:, 1], np.linspace(-1.5, 1.5, classes + 1)[1:-1]).astype(np.int64)
    features[random.random_sample(features.shape) < 0.1] = np.nan
    pipeline = fit("randomForest", small(12, max_depth), features, codes, seed)
    names = tuple(f"sensor {index}" for index in range(4))
    signature = Signature.of(names, tuple(str(index) for index in range(classes)), 0.5 if classes == 2 else None)
    return Case(features, pipeline, signature, export(pipeline, signature, form=form))


@pytest.fixture(scope="module", params=[2, 3, 7])
def case(request: pytest.FixtureRequest) -> Case:
    return make(request.param)


def test_inputs_and_outputs_are_those_of_the_contract(case: Case) -> None:
    session = onnxruntime.InferenceSession(case.exported.model)
    tensors = {each.name: (each.type, each.shape) for each in [*session.get_inputs(), *session.get_outputs()]}
    classes = len(case.signature.classes)
    expected = {"numeric": ("tensor(float)", ["rows", 4])}
    if classes == 2:
        expected |= {"score": ("tensor(float)", ["rows", 1]), "fault": ("tensor(bool)", ["rows", 1])}
    else:
        expected |= {"probabilities": ("tensor(float)", ["rows", classes]), "label": ("tensor(int64)", ["rows", 1])}
    assert tensors == expected
    output = session.run(None, {"numeric": case.features[:3]})
    assert [part.shape for part in output] == [(3, 1 if classes == 2 else classes), (3, 1)]


@pytest.mark.parametrize("form", [TREE_ENSEMBLE, REGRESSOR], ids=lambda form: form.name)
def test_the_file_asks_for_no_more_than_the_runtime_knows(form: Form) -> None:
    case = make(2, form=form)
    model = onnx.load_from_string(case.exported.model)
    assert model.ir_version == case.exported.ir_version <= 10
    assert {each.domain: each.version for each in model.opset_import} == {"": 18, "ai.onnx.ml": form.ml_opset}
    assert {node.domain for node in model.graph.node} <= {"", "ai.onnx.ml"}
    assert case.exported.ml_opset == form.ml_opset


def test_the_file_is_far_smaller_than_the_plain_export(case: Case) -> None:
    assert case.exported.plain_bytes is not None
    assert len(case.exported.model) * 3 < case.exported.plain_bytes


def test_what_is_no_tree_is_left_to_skl2onnx() -> None:
    features = np.arange(80, dtype=np.float32).reshape(40, 2) % 7
    pipeline = Pipeline([("scaler", StandardScaler()), ("estimator", DecisionTreeClassifier(random_state=0))])
    pipeline.fit(features, np.arange(40) % 2)
    signature = Signature.of(("a", "b"), ("0", "1"), 0.5)
    exported = export(pipeline, signature)
    assert "skl2onnx" in exported.note
    assert exported.ml_opset == 3
    rows = Rows.of_numbers(features)
    answered = Model(exported.model, signature).answer(rows)
    compare(answered, reference(pipeline.predict_proba, rows, signature), signature)


def test_the_file_says_what_it_is_and_not_when_or_by_which_release(case: Case) -> None:
    model = onnx.load_from_string(case.exported.model)
    assert (model.producer_name, model.producer_version, model.doc_string) == ("andon", "", "")
    properties = {each.key: each.value for each in model.metadata_props}
    told = Signature.model_validate(json.loads(properties["andon.signature"]))
    assert told == case.signature


def test_the_same_forest_gives_the_same_bytes(case: Case) -> None:
    assert export(case.pipeline, case.signature).model == case.exported.model
    assert make(len(case.signature.classes)).exported.model == case.exported.model


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("max_depth", [None, 1, 4])
@pytest.mark.parametrize(("seed", "form"), [(1, TREE_ENSEMBLE), (2, REGRESSOR)])
def test_every_row_agrees_also_beside_thresholds_and_with_holes(
    classes: int, max_depth: int | None, seed: int, form: Form
) -> None:
    case = make(classes, seed, max_depth, form)
    forest = case.pipeline.named_steps[STEP]
    parts = [case.features, np.full((1, 4), np.nan, np.float32)]
    for tree in forest.estimators_:
        for feature, threshold in zip(tree.tree_.feature, tree.tree_.threshold, strict=True):
            if feature >= 0:
                beside = np.repeat(case.features[:1], 3, axis=0)
                at = np.float32(threshold)
                up, down = np.float32(np.inf), np.float32(-np.inf)
                beside[:, feature] = [np.nextafter(at, down), at, np.nextafter(at, up)]
                parts.append(beside)
    features = np.concatenate(parts)
    rows = Rows.of_numbers(features)
    expected = reference(case.pipeline.predict_proba, rows, case.signature)
    parity = compare(case.model.answer(rows), expected, case.signature)
    assert parity.rows == len(features)
    assert parity.max_score_error < 2e-6
    if classes == 2:
        assert parity.label_differences == 0


def test_a_score_on_the_threshold_is_a_fault_whatever_the_order_of_the_sum() -> None:
    signature = Signature.of(("a",), ("0", "1"), 0.5)
    assert decision(signature) < np.nextafter(np.float32(0.5), np.float32(0))
    assert decision(signature) > 0.5 - 1e-5
    with pytest.raises(ValueError, match="no threshold"):
        decision(Signature.of(("a",), ("0", "1", "2"), None))


def answers(scores: list[float], labels: list[int]) -> Answers:
    return Answers(np.array(scores).reshape(-1, 1), np.array(labels, np.int64))


BINARY = Signature.of(("a",), ("0", "1"), 0.5)


@pytest.mark.parametrize(
    ("served", "expected", "parts"),
    [
        (answers([0.1, 0.9], [0, 1]), answers([0.1, 0.90002], [0, 1]), ["2e-05", "row index 1", "0.9"]),
        (answers([0.1, np.nan], [0, 0]), answers([0.1, 0.2], [0, 0]), ["inf", "row index 1"]),
        (answers([0.1, 0.9], [1, 1]), answers([0.1, 0.9], [0, 1]), ["1 labels differ", "row index 0"]),
    ],
)
def test_disagreement_stops_the_build(served: Answers, expected: Answers, parts: list[str]) -> None:
    with refused(Reason.PARITY_FAILED, *parts):
        compare(served, expected, BINARY)


def test_labels_may_differ_within_the_tolerance_of_the_threshold() -> None:
    parity = compare(answers([0.500001], [1]), answers([0.499999], [0]), BINARY)
    assert parity.label_differences == 1
    assert parity.max_score_error == pytest.approx(2e-6)


def test_labels_of_several_classes_may_differ_only_where_two_are_as_good() -> None:
    several = Signature.of(("a",), ("x", "y", "z"), None)
    near = Answers(np.array([[0.4, 0.4000001, 0.2]]), np.array([1]))
    compare(near, Answers(near.scores, np.array([0])), several)
    far = Answers(np.array([[0.3, 0.5, 0.2]]), np.array([1]))
    with refused(Reason.PARITY_FAILED, "1 labels differ"):
        compare(far, Answers(far.scores, np.array([0])), several)
