"""Trees and levels: fewer of them, chosen for a reason, and still a forest."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.metrics import brier_score_loss, roc_auc_score

from model_builder.compression.ensemble import Ensemble, Link
from model_builder.compression.fitted import from_sklearn
from model_builder.compression.prune_levels import by_levels
from model_builder.compression.prune_trees import (
    by_mutual_information,
    by_weights,
    chosen_trees,
    feature_information,
    first_trees,
    greedy,
    mutual_information,
    split_information,
)
from tests.unit.model_builder.compression.test_prune import drawn


def forest(classes: int = 2, trees: int = 30) -> tuple[Ensemble, np.ndarray, np.ndarray]:
    features, codes = drawn(1, 900)
    if classes > 2:
        codes = np.digitize(features[:, 0], [-0.5, 0.5])
    fitted = RandomForestClassifier(trees, max_depth=5, random_state=0).fit(features[:500], codes[:500])
    return from_sklearn(fitted), features[500:], codes[500:]


@pytest.mark.parametrize("classes", [2, 3])
def test_fewer_trees_are_still_an_average(classes: int) -> None:
    ensemble, rows, _ = forest(classes)
    few = first_trees(ensemble, 5)
    assert len(few.trees) == 5
    scores = few.scores(rows)
    assert scores.min() >= 0
    if classes > 2:
        np.testing.assert_allclose(scores.sum(axis=1), 1.0)
    every = chosen_trees(ensemble, range(30))
    np.testing.assert_allclose(every.scores(rows), ensemble.scores(rows))


def test_the_first_stages_of_boosting_have_a_tree_for_each_class() -> None:
    features, _ = drawn()
    codes = np.digitize(features[:, 0], [-0.5, 0.5])
    boosted = GradientBoostingClassifier(n_estimators=6, random_state=0).fit(features, codes)
    shorter = GradientBoostingClassifier(n_estimators=2, random_state=0).fit(features, codes)
    few = first_trees(from_sklearn(boosted), 2)
    np.testing.assert_allclose(few.scores(features), shorter.predict_proba(features), atol=1e-12)


@pytest.mark.parametrize("classes", [2, 3])
def test_chosen_trees_are_nearer_to_the_classes_than_the_first_ones(classes: int) -> None:
    ensemble, rows, codes = forest(classes)

    def loss(one: Ensemble) -> float:
        scores = one.scores(rows)
        if classes == 2:
            return float(brier_score_loss(codes, scores[:, 0]))
        return float(((scores - np.eye(3)[codes]) ** 2).mean())

    first = loss(first_trees(ensemble, 6))
    assert loss(greedy(ensemble, rows, codes, 6)) < first
    assert len(by_mutual_information(ensemble, rows, codes, 6).trees) == 6
    weighed = by_weights(ensemble, rows, codes, 0.02)
    assert 0 < len(weighed.trees) < 30
    assert loss(weighed) < loss(ensemble)


def test_boosted_trees_cannot_be_chosen_freely() -> None:
    features, codes = drawn()
    boosted = from_sklearn(GradientBoostingClassifier(n_estimators=3, random_state=0).fit(features, codes))
    with pytest.raises(ValueError, match="build on each other"):
        greedy(boosted, features, codes, 2)


def test_mutual_information_is_zero_for_strangers_and_an_entropy_for_twins() -> None:
    left = np.array([0, 0, 1, 1])
    assert mutual_information(left, np.array([0, 1, 0, 1])) == pytest.approx(0)
    assert mutual_information(left, 1 - left) == pytest.approx(1)


def test_features_and_splits_that_tell_more_have_more_information() -> None:
    features, codes = drawn(rows=2000)
    features[::7, 3] = np.nan
    told = feature_information(features, codes)
    assert told.argmax() == 0
    ensemble = from_sklearn(RandomForestClassifier(3, random_state=0).fit(features, codes))
    for tree, information in zip(ensemble.trees, split_information(ensemble, features, codes), strict=True):
        assert (information[tree.is_leaf] == 0).all()
        assert information.min() > -1e-12
        assert information.max() > 0.01


@pytest.mark.parametrize("boosted", [False, True])
def test_levels_with_a_penalty_are_cut(boosted: bool) -> None:
    ensemble, rows, codes = forest()
    if boosted:
        features, own = drawn(1, 900)
        ensemble = from_sklearn(GradientBoostingClassifier(n_estimators=20, random_state=0).fit(features, own))
    sizes = []
    for strength in (1.0, 0.05):
        cut = by_levels(ensemble, rows, codes, strength)
        assert cut.link is Link.SIGMOID
        sizes.append(cut.splits)
        assert roc_auc_score(codes, cut.scores(rows)[:, 0]) > 0.9
    assert sizes[1] < sizes[0] < ensemble.splits
    assert by_levels(ensemble, rows, codes, 1e-6).splits == 0


def test_levels_of_several_classes_are_refused() -> None:
    ensemble, rows, codes = forest(3)
    with pytest.raises(ValueError, match="two classes only"):
        by_levels(ensemble, rows, codes, 1.0)
