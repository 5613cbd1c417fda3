"""Both forms of the file answer as scikit-learn does, keep the contract, and are small."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from unittest.mock import patch

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier

from model_builder.compression import tree_nodes
from model_builder.compression.encode import REGRESSOR, TREE_ENSEMBLE, Form, encode, form_for
from model_builder.compression.ensemble import Combine, Ensemble, Link, Pair, expand
from model_builder.compression.fitted import from_sklearn
from model_builder.contract import decision
from model_builder.report import Signature
from model_builder.runtime import open_session
from tests.support.ensembles import (
    ESTIMATORS,
    KNOWS_NO_MISSING,
    Rows,
    answers,
    rows_beside_thresholds,
    rows_with_holes,
    rows_without_end,
    sample,
)

FORMS = {"opset5": TREE_ENSEMBLE, "opset3": REGRESSOR}
FORM = pytest.mark.parametrize("form", list(FORMS.values()), ids=list(FORMS))


def ask(model: bytes, rows: Rows) -> dict[str, np.ndarray]:
    session = open_session(model)
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"numeric": np.ascontiguousarray(rows)}), strict=True))


@FORM
@given(
    kind=st.sampled_from(sorted(ESTIMATORS)),
    classes=st.integers(2, 4),
    seed=st.integers(0, 10_000),
    missing=st.booleans(),
    flagged=st.sampled_from([0, 1024]),
)
@settings(max_examples=80, deadline=None)
def test_answers_as_scikit_learn_does(
    form: Form, kind: str, classes: int, seed: int, missing: bool, flagged: int
) -> None:
    drawn = sample(kind, classes, seed, missing)
    ensemble = from_sklearn(drawn.estimator)
    rows = [drawn.features, rows_beside_thresholds(ensemble, drawn.features)]
    if kind not in KNOWS_NO_MISSING:
        rows.append(rows_with_holes(drawn.features, seed))
    asked = np.concatenate(rows)
    expected = answers(drawn.estimator, asked)
    with patch.object(tree_nodes, "FLAGGED_SPLITS", flagged):
        model = encode(ensemble, drawn.signature, form)
    found = ask(model, asked)
    if classes == 2:
        np.testing.assert_allclose(found["score"], expected, rtol=0, atol=2e-6)
        surely = np.abs(expected - decision(drawn.signature)) > 2e-6
        np.testing.assert_array_equal(found["fault"][surely], (expected >= decision(drawn.signature))[surely])
    else:
        np.testing.assert_allclose(found["probabilities"], expected, rtol=0, atol=2e-6)
        ordered = np.sort(expected, axis=1)
        surely = ordered[:, -1] - ordered[:, -2] > 4e-6
        np.testing.assert_array_equal(found["label"][surely, 0], expected.argmax(axis=1)[surely])


@given(kind=st.sampled_from(sorted(ESTIMATORS)), classes=st.integers(2, 3), seed=st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_no_root_looks_like_a_leaf(kind: str, classes: int, seed: int) -> None:
    # ONNX Runtime 1.21 to 1.23 compares the numbers of a root's children without asking what they count.
    drawn = sample(kind, classes, seed, missing=True)
    model = onnx.load_from_string(encode(from_sklearn(drawn.estimator), drawn.signature))
    node = next(each for each in model.graph.node if each.op_type == "TreeEnsemble")
    told = {each.name: list(each.ints) for each in node.attribute}
    for root in told["tree_roots"]:
        assert told["nodes_truenodeids"][root] != told["nodes_falsenodeids"][root]


@FORM
@given(kind=st.sampled_from(sorted(ESTIMATORS)), classes=st.integers(2, 3), seed=st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_infinite_and_missing_values_go_as_in_the_ensemble(form: Form, kind: str, classes: int, seed: int) -> None:
    drawn = sample(kind, classes, seed, missing=True)
    ensemble = from_sklearn(drawn.estimator)
    rows = np.concatenate([rows_without_end(drawn.features, seed), rows_with_holes(drawn.features, seed)])
    found = ask(encode(ensemble, drawn.signature, form, labelled=False), rows)
    assert list(found) == ["score" if classes == 2 else "probabilities"]
    np.testing.assert_allclose(next(iter(found.values())), ensemble.scores(rows), rtol=0, atol=2e-6)


PAIRS = (Pair(Combine.PRODUCT, 0, 1), Pair(Combine.PRODUCT, 1, 2), Pair(Combine.DIFFERENCE, 2, 0))


@FORM
@pytest.mark.parametrize("pairs", list(itertools.permutations(PAIRS)))
def test_pairs_are_computed_in_the_graph(form: Form, pairs: tuple[Pair, ...]) -> None:
    random = np.random.RandomState(0)
    rows = random.normal(size=(300, 3)).astype(np.float32)
    codes = (rows[:, 0] * rows[:, 1] > rows[:, 2] - rows[:, 0]).astype(int)
    forest = RandomForestClassifier(4, random_state=0).fit(expand(rows, pairs), codes)
    ensemble = replace(from_sklearn(forest), features=3, pairs=pairs)
    signature = Signature.of(("a", "b", "c"), ("0", "1"), 0.5)
    asked = np.concatenate([rows, rows_with_holes(rows, 1), rows_without_end(rows, 2)])
    found = ask(encode(ensemble, signature, form), asked)
    np.testing.assert_allclose(found["score"], ensemble.scores(asked), rtol=0, atol=2e-6)
    np.testing.assert_allclose(found["score"][:300], answers(forest, expand(rows, pairs)), rtol=0, atol=2e-6)


@FORM
@pytest.mark.parametrize("classes", [2, 3])
def test_without_trees_the_base_is_the_answer(form: Form, classes: int) -> None:
    outputs = 1 if classes == 2 else classes
    ensemble = Ensemble((), np.linspace(0.25, 0.5, outputs), Link.IDENTITY, 2)
    signature = Signature.of(("a", "b"), tuple("abc"[:classes]), 0.5 if classes == 2 else None)
    found = ask(encode(ensemble, signature, form), np.full((4, 2), np.nan, np.float32))
    np.testing.assert_allclose(next(iter(found.values())), np.tile(ensemble.base, (4, 1)), atol=1e-7)


@FORM
def test_the_file_is_valid_pinned_and_says_what_it_is(form: Form) -> None:
    drawn = sample("randomForest", 2, 3, missing=False)
    model = encode(from_sklearn(drawn.estimator), drawn.signature, form)
    assert model == encode(from_sklearn(drawn.estimator), drawn.signature, form)
    read = onnx.load_from_string(model)
    onnx.checker.check_model(read, full_check=form is REGRESSOR)
    assert {each.domain: each.version for each in read.opset_import} == {"": 18, "ai.onnx.ml": form.ml_opset}
    assert read.ir_version == form.ir_version
    assert (read.producer_name, read.producer_version, read.doc_string) == ("andon", "", "")
    told = {each.key: each.value for each in read.metadata_props}
    assert Signature.model_validate(json.loads(told["andon.signature"])) == drawn.signature


def test_the_form_follows_the_runtime() -> None:
    assert [form_for(version) for version in ("1.19", "1.20.1")] == [REGRESSOR, REGRESSOR]
    assert [form_for(version) for version in ("1.21", "1.23.2", "2.0")] == [TREE_ENSEMBLE] * 3


def test_a_split_takes_few_bytes_and_equal_leaves_are_shared() -> None:
    random = np.random.RandomState(0)
    rows = random.normal(size=(2000, 6)).astype(np.float32)
    codes = (rows[:, 0] + random.normal(size=2000) > 0).astype(int)
    forest = RandomForestClassifier(20, random_state=0).fit(rows, codes)
    ensemble = from_sklearn(forest)
    signature = Signature.of(tuple("abcdef"), ("0", "1"), 0.5)
    assert ensemble.splits > tree_nodes.FLAGGED_SPLITS
    assert len(encode(ensemble, signature)) < 12 * ensemble.splits + 1200


def test_of_several_classes_a_leaf_that_is_sure_takes_no_further_tree() -> None:
    random = np.random.RandomState(0)
    rows = random.normal(size=(1500, 6)).astype(np.float32)
    codes = random.randint(0, 5, 1500)
    sure = from_sklearn(RandomForestClassifier(20, bootstrap=False, random_state=0).fit(rows, codes))
    signature = Signature.of(tuple("abcdef"), tuple("01234"), None)
    model = encode(sure, signature)
    assert len(model) < 14 * sure.splits + 1200
    unsure = from_sklearn(RandomForestClassifier(20, max_leaf_nodes=30, random_state=0).fit(rows, codes))
    for ensemble in (sure, unsure):
        found = ask(encode(ensemble, signature), rows)["probabilities"]
        np.testing.assert_allclose(found, ensemble.scores(rows), atol=2e-6)


def test_a_signature_of_other_classes_is_refused() -> None:
    drawn = sample("randomForest", 3, 1, missing=False)
    with pytest.raises(ValueError, match="other classes"):
        encode(from_sklearn(drawn.estimator), Signature.of(("a",), ("0", "1"), 0.5))
