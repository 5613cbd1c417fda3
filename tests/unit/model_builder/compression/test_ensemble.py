"""The typed form says what scikit-learn says, to the last bits, wherever scikit-learn says anything."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from model_builder.compression.ensemble import LEAF, Combine, Ensemble, Link, Pair, Tree, expand
from model_builder.compression.fitted import UnsupportedEstimatorError, from_sklearn
from model_builder.compression.floats import float32_floor
from tests.support.ensembles import (
    ESTIMATORS,
    KNOWS_NO_MISSING,
    answers,
    rows_beside_thresholds,
    rows_with_holes,
    rows_without_end,
    sample,
)

KINDS = st.sampled_from(sorted(ESTIMATORS))


@given(kind=KINDS, classes=st.integers(2, 4), seed=st.integers(0, 10_000), missing=st.booleans())
@settings(max_examples=60, deadline=None)
def test_reads_estimators_exactly(kind: str, classes: int, seed: int, missing: bool) -> None:
    drawn = sample(kind, classes, seed, missing)
    ensemble = from_sklearn(drawn.estimator)
    rows = [drawn.features, rows_beside_thresholds(ensemble, drawn.features)]
    if kind not in KNOWS_NO_MISSING:
        rows.append(rows_with_holes(drawn.features, seed))
    asked = np.concatenate(rows)
    expected = answers(drawn.estimator, asked)
    np.testing.assert_allclose(ensemble.scores(asked), expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(ensemble.simplified().scores(asked), expected, rtol=0, atol=1e-12)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_infinite_values_go_as_in_the_tree_itself(seed: int) -> None:
    # predict_proba refuses them, the trees do not.
    drawn = sample("decisionTree", 2, seed, missing=True)
    rows = rows_without_end(drawn.features, seed)
    expected = drawn.estimator.tree_.predict(np.ascontiguousarray(rows)).reshape(len(rows), 2)[:, 1:]
    np.testing.assert_array_equal(from_sklearn(drawn.estimator).scores(rows), expected)


@given(value=st.floats(allow_nan=False), x=st.floats(allow_nan=False, width=32))
def test_floored_thresholds_compare_alike(value: float, x: float) -> None:
    floored = float32_floor(np.array([value]))[0]
    assert (np.float32(x) <= floored) == (x <= value)


def two_leaves(left: float, right: float, feature: int = 0) -> Tree:
    return Tree(
        feature=np.array([feature, LEAF, LEAF]),
        threshold=np.array([0.5, 0, 0], np.float32),
        left=np.array([1, 0, 0]),
        right=np.array([2, 0, 0]),
        missing_left=np.array([True, False, False]),
        value=np.array([[0.0], [left], [right]]),
        cover=np.array([4.0, 1.0, 3.0]),
    )


def test_interior_values_are_means_by_cover() -> None:
    tree = two_leaves(1.0, 0.0)
    assert tree.with_leaves(tree.value).value[0, 0] == 0.25
    assert tree.depths().tolist() == [0, 1, 1]


def test_equal_leaves_are_merged_and_single_leaves_move_to_the_base() -> None:
    trees = (two_leaves(0.1, 0.1), two_leaves(0.0, 1.0, feature=3), Tree.constant(np.array([0.25])))
    pairs = (Pair(Combine.PRODUCT, 0, 1), Pair(Combine.DIFFERENCE, 0, 1))
    smaller = Ensemble(trees, np.zeros(1), Link.IDENTITY, 2, pairs).simplified()
    assert len(smaller.trees) == 1
    assert smaller.base.tolist() == [0.35]
    assert smaller.pairs == (Pair(Combine.DIFFERENCE, 0, 1),)
    assert smaller.trees[0].feature.tolist() == [2, LEAF, LEAF]


def test_zeros_of_either_sign_are_one_leaf() -> None:
    assert two_leaves(0.0, -0.0).simplified().splits == 0
    assert two_leaves(0.0, 1e-300).simplified().splits == 1


def test_pairs_are_computed_in_float32() -> None:
    rows = np.array([[0.1, 3.0], [np.inf, 0.0]], np.float32)
    wide = expand(rows, (Pair(Combine.PRODUCT, 0, 1), Pair(Combine.DIFFERENCE, 0, 1)))
    assert wide.dtype == np.float32
    assert wide[0, 2] == np.float32(0.1) * np.float32(3)
    assert np.isnan(wide[1, 2])


@pytest.mark.parametrize(
    ("estimator", "words"),
    [
        (LogisticRegression(), "not an ensemble of trees"),
        (make_pipeline(StandardScaler(), ESTIMATORS["decisionTree"](0)), "SimpleImputer"),
        (GradientBoostingClassifier(n_estimators=2, init=LogisticRegression()), "initial estimator"),
        (HistGradientBoostingClassifier(max_iter=2, categorical_features=[0]), "categorical"),
    ],
)
def test_says_what_it_does_not_understand(estimator: Any, words: str) -> None:
    features = np.arange(60, dtype=np.float32).reshape(30, 2) % 7
    estimator.fit(features, np.arange(30) % 2)
    with pytest.raises(UnsupportedEstimatorError, match=words):
        from_sklearn(estimator)
