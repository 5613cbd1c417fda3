"""Pruning gives what it says: scikit-learn's subtrees, the best splits, and never a larger model."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier

from model_builder.compression.ensemble import Combine, expand
from model_builder.compression.fitted import from_sklearn
from model_builder.compression.interactions import MOST_PAIRS, choose_pairs
from model_builder.compression.prune import Criterion, by_gain, cost_complexity, feature_importances
from tests.support.ensembles import ESTIMATORS, answers, sample


def drawn(seed: int = 0, rows: int = 400) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.RandomState(seed)
    features = random.normal(size=(rows, 4)).astype(np.float32)
    codes = (features[:, 0] + features[:, 1] * features[:, 2] + random.normal(0, 0.5, rows) > 0.5).astype(int)
    return features, codes


@given(seed=st.integers(0, 1000), alpha=st.sampled_from([0.0, 1e-4, 1e-3, 5e-3, 0.02, 1.0]))
@settings(max_examples=30, deadline=None)
def test_cost_complexity_finds_the_subtree_that_scikit_learn_finds(seed: int, alpha: float) -> None:
    features, codes = drawn(seed)
    full = DecisionTreeClassifier(random_state=seed).fit(features, codes)
    pruned = DecisionTreeClassifier(random_state=seed, ccp_alpha=alpha).fit(features, codes)
    ours = cost_complexity(from_sklearn(full), alpha * (1 + 1e-9))
    np.testing.assert_allclose(ours.scores(features), answers(pruned, features), atol=1e-12)


def test_a_forest_can_be_cut_at_many_alphas() -> None:
    features, codes = drawn()
    forest = from_sklearn(RandomForestClassifier(10, random_state=0).fit(features, codes))
    sizes = [cost_complexity(forest, alpha).splits for alpha in (0.0, 1e-3, 5e-3, 1.0)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == forest.splits
    assert sizes[-1] == 0
    base = cost_complexity(forest, 1.0).scores(features)
    assert np.allclose(base, base[0])


def test_boosted_trees_are_cut_by_what_their_leaves_spread() -> None:
    features, codes = drawn()
    boosted = from_sklearn(GradientBoostingClassifier(n_estimators=10, random_state=0).fit(features, codes))
    pruned = cost_complexity(boosted, 0.02)
    assert 0 < pruned.splits < boosted.splits
    assert np.corrcoef(pruned.raw(features)[:, 0], boosted.raw(features)[:, 0])[0, 1] > 0.95


@pytest.mark.parametrize("criterion", list(Criterion))
@pytest.mark.parametrize("kind", ["randomForest", "gradientBoosting"])
def test_by_gain_keeps_the_share_and_what_stands_above(criterion: Criterion, kind: str) -> None:
    ensemble = from_sklearn(sample(kind, 3, 5, missing=False).estimator)
    assert by_gain(ensemble, criterion, 1.0).splits == ensemble.simplified().splits
    half = by_gain(ensemble, criterion, 0.5)
    assert 0 < half.splits < ensemble.splits
    assert by_gain(ensemble, criterion, 0.0).splits == 0


def test_importances_are_those_of_scikit_learn() -> None:
    features, codes = drawn()
    tree = DecisionTreeClassifier(random_state=0).fit(features, codes)
    np.testing.assert_allclose(feature_importances(from_sklearn(tree)), tree.feature_importances_, atol=1e-12)
    entropy = DecisionTreeClassifier(random_state=0, criterion="entropy").fit(features, codes)
    ours = feature_importances(from_sklearn(entropy), Criterion.INFORMATION_GAIN)
    np.testing.assert_allclose(ours, entropy.feature_importances_, atol=1e-12)


def test_pairs_find_the_product_that_the_fault_depends_on() -> None:
    random = np.random.RandomState(0)
    rows = random.normal(size=(1500, 5)).astype(np.float32)
    codes = (rows[:, 1] * rows[:, 3] > 0.8).astype(int)
    pairs = choose_pairs(rows, codes, seed=0)
    assert 0 < len(pairs) <= MOST_PAIRS
    assert (Combine.PRODUCT, 1, 3) in [(pair.combine, pair.left, pair.right) for pair in pairs]
    assert pairs == choose_pairs(rows, codes, seed=0)
    assert choose_pairs(rows[:, :1], codes, seed=0) == ()


def test_pairs_of_many_columns_are_made_of_the_best() -> None:
    random = np.random.RandomState(0)
    rows = random.normal(size=(600, 30)).astype(np.float32)
    rows[random.random_sample(rows.shape) < 0.05] = np.nan
    codes = (np.nan_to_num(rows[:, 20] - rows[:, 7]) > 0.5).astype(int)
    pairs = choose_pairs(rows, codes, seed=1)
    assert (Combine.DIFFERENCE, 7, 20) in [(pair.combine, pair.left, pair.right) for pair in pairs]
    assert expand(rows, pairs).shape == (600, 30 + len(pairs))


def test_every_estimator_can_be_cut() -> None:
    for kind in ESTIMATORS:
        ensemble = from_sklearn(sample(kind, 2, 1, missing=True).estimator)
        assert cost_complexity(ensemble, 0.01).splits <= ensemble.splits
