"""Trees of ONNX files, read back: the same answers, row by row, or a reason why they are left as they came."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import ModelProto, NodeProto, TensorProto, helper
from skl2onnx import to_onnx
from sklearn.base import clone
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from model_builder.compression.candidates import Family, Variant
from model_builder.compression.encode import REGRESSOR, TREE_ENSEMBLE, Form, encode
from model_builder.compression.ensemble import Ensemble, Floats, Rows
from model_builder.compression.fitted import from_sklearn
from model_builder.compression.given import UnreadableTreesError
from model_builder.compression.search import Budget, Search
from model_builder.imports.foreign import ForeignModel, shape_of
from model_builder.imports.foreign_trees import ForeignTrees, as_trees
from model_builder.imports.onnx_trees import read_trees
from tests.support.computing import Counting
from tests.support.ensembles import (
    ESTIMATORS,
    Sample,
    answers,
    rows_beside_thresholds,
    rows_with_holes,
    rows_without_end,
    sample,
)

CLOSE = 2e-6
"""ONNX Runtime adds up in float32."""


def hard_rows(ensemble: Ensemble, base: Rows) -> Rows:
    """Give rows of the data, beside thresholds, with holes and infinite ones."""
    asked = [base, rows_with_holes(base, 2), rows_without_end(base, 3)]
    return np.concatenate([*asked, rows_beside_thresholds(ensemble, base, 2_000)])


def both(scores: Floats) -> Floats:
    """Give a column for every class."""
    return np.concatenate([1 - scores, scores], axis=1) if scores.shape[1] == 1 else scores


def in_onnx(of: Sample, ml_opset: int = 3) -> bytes:
    last = of.estimator.steps[-1][1] if isinstance(of.estimator, Pipeline) else of.estimator
    options = {id(last): {"zipmap": False}}
    opsets = {"": 17, "ai.onnx.ml": ml_opset}
    return bytes(to_onnx(of.estimator, of.features[:1], options=options, target_opset=opsets).SerializeToString())


def read(content: bytes, base: Rows, order: tuple[int, ...] | None = None) -> tuple[ForeignModel, Ensemble]:
    foreign = ForeignModel(content, order)
    return foreign, read_trees(foreign.model, foreign.shape, base.shape[1], order)


@pytest.mark.parametrize("ml_opset", [1, 3])
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("kind", sorted(ESTIMATORS))
def test_what_skl2onnx_writes(kind: str, classes: int, ml_opset: int) -> None:
    of = sample(kind, classes, 7, missing=False)
    order = tuple(reversed(range(classes)))
    foreign, ensemble = read(in_onnx(of, ml_opset), of.features, order)
    rows = hard_rows(ensemble, of.features)
    np.testing.assert_allclose(both(ensemble.scores(rows)), foreign.predict_proba(rows), rtol=0, atol=CLOSE)


@pytest.mark.parametrize("form", [TREE_ENSEMBLE, REGRESSOR], ids=lambda form: form.name)
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("kind", ["randomForest", "histGradientBoosting", "leafOnly"])
def test_what_our_own_encoder_writes(kind: str, classes: int, form: Form) -> None:
    of = sample(kind, classes, 5, missing=True)
    original = from_sklearn(of.estimator)
    content = encode(original, of.signature, form, labelled=True)
    _, ensemble = read(content, of.features)
    rows = hard_rows(original, of.features)
    np.testing.assert_allclose(ensemble.scores(rows), original.scores(rows), rtol=0, atol=CLOSE)
    np.testing.assert_allclose(ensemble.scores(of.features), answers(of.estimator, of.features), rtol=0, atol=CLOSE)


OLD_MODES = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT"]
NUMBERS = st.sampled_from([-2.5, -1.0, -0.0, 0.0, 1e-45, 0.1, 0.5, 3.0, 1e30])


@st.composite
def forests(draw: st.DrawFn, classifier: bool) -> NodeProto:
    """Draw trees of depth two with any comparison, in the form of ai.onnx.ml 3."""
    classes = draw(st.sampled_from([2, 3])) if classifier else draw(st.sampled_from([1, 3]))
    trees = draw(st.integers(1, 3))
    columns: dict[str, list[Any]] = {name: [] for name in ("values", "modes", "features", "missing")}
    for _ in range(trees):
        for splits in (True, True, False, False, False):
            columns["values"].append(draw(NUMBERS) if splits else 0.0)
            columns["modes"].append(draw(st.sampled_from(OLD_MODES)) if splits else "LEAF")
            columns["features"].append(draw(st.integers(0, 1)) if splits else 0)
            columns["missing"].append(draw(st.integers(0, 1)) if splits else 0)
    told = "class" if classifier else "target"
    leaves = [(tree, leaf, column) for tree in range(trees) for leaf in (2, 3, 4) for column in range(classes)]
    more: dict[str, Any] = {
        f"{told}_treeids": [tree for tree, _, _ in leaves],
        f"{told}_nodeids": [leaf for _, leaf, _ in leaves],
        f"{told}_ids": [column for _, _, column in leaves],
        f"{told}_weights": [draw(st.sampled_from([0.125, 0.25, 0.5, 0.75])) for _ in leaves],
    }
    if classifier:
        more |= {"classlabels_int64s": list(range(classes)), "post_transform": "SOFTMAX" if classes == 3 else "NONE"}
    else:
        more |= {"n_targets": classes, "aggregate_function": draw(st.sampled_from(["SUM", "AVERAGE"]))}
    return helper.make_node(
        "TreeEnsembleClassifier" if classifier else "TreeEnsembleRegressor",
        ["x"],
        ["label", "scores"] if classifier else ["scores"],
        domain="ai.onnx.ml",
        nodes_treeids=[tree for tree in range(trees) for _ in range(5)],
        nodes_nodeids=[0, 1, 2, 3, 4] * trees,
        nodes_featureids=columns["features"],
        nodes_values=columns["values"],
        nodes_modes=columns["modes"],
        nodes_truenodeids=[1, 3, 0, 0, 0] * trees,
        nodes_falsenodeids=[2, 4, 0, 0, 0] * trees,
        nodes_missing_value_tracks_true=columns["missing"],
        **more,
    )


def model_of(*nodes: NodeProto, output: str = "scores", columns: int = 2, ml_opset: int = 3) -> ModelProto:
    """Make a file of nodes that take ``x`` of two columns."""
    outputs = [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["rows", columns])]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 2])]
    graph = helper.make_graph(list(nodes), "trees", inputs, outputs)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", ml_opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


@given(st.booleans().flatmap(lambda classifier: forests(classifier)))
@settings(max_examples=60)
def test_any_comparison_goes_the_way_it_goes_in_the_file(node: NodeProto) -> None:
    columns = len({value for each in node.attribute if each.name in ("class_ids", "target_ids") for value in each.ints})
    foreign = ForeignModel(model_of(node, columns=columns).SerializeToString())
    ensemble = read_trees(foreign.model, foreign.shape, 2, None)
    base = np.array([[0.0, -1.0], [0.5, 0.5], [-2.5, 3.0], [-0.0, 0.1]], np.float32)
    rows = hard_rows(ensemble, base)
    said, expected = ensemble.scores(rows), foreign.predict_proba(rows)
    expected = expected[:, 1:] if said.shape[1] == 1 else expected
    np.testing.assert_allclose(said, expected, rtol=1e-6, atol=CLOSE)


def stump(**changed: Any) -> NodeProto:
    """Write a classifier of one split, with some attributes changed; None takes one away."""
    attributes: dict[str, Any] = {
        "nodes_treeids": [0, 0, 0],
        "nodes_nodeids": [0, 1, 2],
        "nodes_featureids": [0, 0, 0],
        "nodes_values": [0.5, 0.0, 0.0],
        "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF"],
        "nodes_truenodeids": [1, 0, 0],
        "nodes_falsenodeids": [2, 0, 0],
        "class_treeids": [0, 0],
        "class_nodeids": [1, 2],
        "class_ids": [0, 0],
        "class_weights": [0.25, 0.75],
        "classlabels_int64s": [0, 1],
        "post_transform": "NONE",
    }
    attributes |= changed
    given = {name: value for name, value in attributes.items() if value is not None}
    return helper.make_node("TreeEnsembleClassifier", ["x"], ["label", "scores"], domain="ai.onnx.ml", **given)


def scaled() -> list[NodeProto]:
    scaler = helper.make_node("Scaler", ["x"], ["y"], domain="ai.onnx.ml", offset=[0.0], scale=[1.0])
    trees = stump()
    trees.input[0] = "y"
    return [scaler, trees]


def followed(*operators: str) -> list[NodeProto]:
    names = ["scores", *(f"after{index}" for index in range(len(operators)))]
    after = [helper.make_node(op, [names[i]], [names[i + 1]]) for i, op in enumerate(operators)]
    return [stump(), *after]


DOUBLES = helper.make_tensor("d", TensorProto.DOUBLE, [2], [0.25, 0.75])
UNREADABLE: list[tuple[str, Callable[[], list[NodeProto]], str]] = [
    ("equality", lambda: [stump(nodes_modes=["BRANCH_EQ", "LEAF", "LEAF"])], "BRANCH_EQ"),
    ("probit", lambda: [stump(post_transform="PROBIT")], "PROBIT"),
    ("softmax of one column", lambda: [stump(post_transform="SOFTMAX")], "softmax of one column"),
    ("scaled before", scaled, "Scaler before the trees"),
    ("a logarithm after", lambda: followed("Log"), "Log after the trees"),
    ("two transforms", lambda: followed("Sigmoid", "Sigmoid"), "what comes after"),
    ("a transform of one column", lambda: followed("Sigmoid"), "one column"),
    ("doubles", lambda: [stump(class_weights=None, class_weights_as_tensor=DOUBLES)], "class_weights_as_tensor"),
    ("no child", lambda: [stump(nodes_truenodeids=[7, 0, 0])], "a child that is not there"),
    ("a circle", lambda: [stump(nodes_truenodeids=[0, 0, 0])], "no way leads"),
    ("one child twice", lambda: [stump(nodes_truenodeids=[2, 0, 0])], "first nodes"),
    ("no column", lambda: [stump(nodes_featureids=[2, 0, 0])], "a column that is not there"),
    ("a negative column", lambda: [stump(nodes_featureids=[-1, 0, 0])], "a column that is not there"),
    ("no leaf", lambda: [stump(class_nodeids=[1, 5])], "a leaf or a column that is not there"),
    ("too few thresholds", lambda: [stump(nodes_values=[0.5])], "nodes_values"),
    ("no threshold", lambda: [stump(nodes_values=[float("nan"), 0.0, 0.0])], "no number"),
    ("a weight that is none", lambda: [stump(class_weights=[0.5, float("inf")])], "no number"),
    ("a split that adds", lambda: [stump(class_nodeids=[0, 2])], "adds something"),
    ("three base values", lambda: [stump(base_values=[0.1, 0.2, 0.3])], "base values"),
    ("no labels", lambda: [stump(classlabels_int64s=None)], "nodes are missing"),
]


@pytest.mark.parametrize(("what", "nodes", "why"), UNREADABLE, ids=[each[0] for each in UNREADABLE])
def test_what_is_not_understood_is_left_alone(what: str, nodes: Callable[[], list[NodeProto]], why: str) -> None:
    written = nodes()
    model = model_of(*written, output=written[-1].output[-1])
    with pytest.raises(UnreadableTreesError, match=why):
        read_trees(model, shape_of(model), 2, None)


def test_trees_after_a_scaler_are_left_alone() -> None:
    of = sample("gradientBoosting", 2, 3, missing=False)
    pipeline = make_pipeline(StandardScaler(), clone(of.estimator)).fit(of.features, of.codes)
    content = in_onnx(Sample(pipeline, of.features, of.codes, of.signature))
    with pytest.raises(UnreadableTreesError, match="Scaler before the trees"):
        as_trees(ForeignModel(content), of.features)


def test_a_factor_after_the_trees_is_left_alone() -> None:
    of = sample("gradientBoosting", 2, 3, missing=False)
    boosted = GradientBoostingClassifier(n_estimators=3, loss="exponential").fit(of.features, of.codes)
    with pytest.raises(UnreadableTreesError, match="Mul after the trees"):
        as_trees(ForeignModel(in_onnx(Sample(boosted, of.features, of.codes, of.signature))), of.features)


def test_trees_that_answer_otherwise_are_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    of = sample("randomForest", 2, 3, missing=False)
    foreign = ForeignModel(in_onnx(of))

    def wrong(*given: Any) -> Ensemble:
        ensemble = read_trees(*given)
        first = ensemble.trees[0]
        first.threshold[0] = np.nextafter(first.threshold[0], np.float32(np.inf))
        return ensemble

    as_trees(foreign, of.features)
    monkeypatch.setattr("model_builder.imports.foreign_trees.read_trees", wrong)
    with pytest.raises(UnreadableTreesError, match="otherwise than the file"):
        as_trees(foreign, of.features)


def test_nodes_know_how_many_rows_come_to_them() -> None:
    of = sample("randomForest", 2, 9, missing=False)
    trees = as_trees(ForeignModel(in_onnx(of)), of.features)
    for tree in trees.ensemble.trees:
        assert tree.cover[0] == len(of.features)
        inner = np.flatnonzero(~tree.is_leaf)
        np.testing.assert_array_equal(tree.cover[inner], tree.cover[tree.left[inner]] + tree.cover[tree.right[inner]])
        ends = tree.apply(of.features)
        mean = tree.value[ends].mean(axis=0)
        np.testing.assert_allclose(tree.value[0], mean, rtol=0, atol=1e-12)


def test_a_copy_answers_alike_and_counts_its_own_rows() -> None:
    of = sample("randomForest", 3, 9, missing=False)
    trees = as_trees(ForeignModel(in_onnx(of), (2, 0, 1)), of.features)
    copy: ForeignTrees = clone(trees).fit(of.features[:20], of.codes[:20])
    assert {tree.cover[0] for tree in copy.ensemble.trees} == {20.0}
    assert trees.ensemble.trees[0].cover[0] == len(of.features)
    np.testing.assert_array_equal(copy.predict_proba(of.features), trees.predict_proba(of.features))
    np.testing.assert_array_equal(copy.ensemble.scores(of.features), trees.ensemble.scores(of.features))


def test_a_leaf_that_trees_share_is_read_for_each() -> None:
    of = sample("decisionTree", 2, 4, missing=False)
    content = encode(from_sklearn(of.estimator), of.signature, TREE_ENSEMBLE)
    model = onnx.load_model_from_string(content)
    node = next(each for each in model.graph.node if each.op_type == "TreeEnsemble")
    leaves = next(each.ints for each in node.attribute if each.name == "leaf_targetids")
    _, ensemble = read(content, of.features)
    assert len(leaves) < sum(int(tree.is_leaf.sum()) for tree in ensemble.trees)


def test_a_search_compares_with_the_file_itself_and_cuts_its_trees() -> None:
    of = sample("randomForest", 2, 9, missing=False)
    trees = as_trees(ForeignModel(in_onnx(of)), of.features)
    random = np.random.RandomState(1)
    rows = np.tile(of.features, (4, 1)) + random.normal(0, 0.01, (320, of.features.shape[1])).astype(np.float32)
    codes = (random.random_sample(320) < trees.predict_proba(rows)[:, 1]).astype(np.int64)
    cut = Family("forest", None, (Variant(6, 0.003, 8, greedy=True),))
    pipeline = Pipeline([("estimator", trees)])
    budget, compute = Budget(max_loss=0.3), Counting()
    search = Search(pipeline, rows, codes, of.signature, budget=budget, tried=(cut,), repeats=1, compute=compute)
    found = search.run()
    assert compute.forests == [1, 1]  # another seed changes nothing of a forest that came as a file
    assert found.chosen.variant is not None
    assert len(search.ensemble(found.chosen).trees) == found.chosen.variant.trees
    assert found.chosen.bytes < len(encode(trees.ensemble, of.signature))
