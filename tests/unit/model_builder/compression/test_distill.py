"""What a forest says of rows that it did not see, rows between others, and small trees that learn from both."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from threadpoolctl import threadpool_limits

from model_builder.compression import boosting
from model_builder.compression.candidates import families, larger_families
from model_builder.compression.distill import Lesson, between, unseen_scores
from model_builder.compression.ensemble import Floats, Link, Rows
from model_builder.compression.fitted import log_odds_of

Codes = np.ndarray[tuple[int], np.dtype[np.int64]]


def noisy(rows: int = 600, seed: int = 3) -> tuple[Rows, Codes, Floats]:
    """Give rows, classes that are thrown by a coin for each row, and how the coins are weighted."""
    random = np.random.default_rng(seed)
    given = random.normal(size=(rows, 4)).astype(np.float32)
    given[:, 3] = random.integers(0, 3, rows)
    weight = 1 / (1 + np.exp(-(1.5 * given[:, 0] + given[:, 1] - 0.5)))
    return given, (random.random(rows) < weight).astype(np.int64), weight


def forest_of(rows: Rows, codes: Codes) -> RandomForestClassifier:
    return RandomForestClassifier(60, random_state=1, oob_score=True).fit(rows, codes)


def test_a_forest_scores_its_own_rows_by_the_trees_that_did_not_see_them() -> None:
    rows, codes, _ = noisy()
    forest = forest_of(rows, codes)
    assert np.allclose(unseen_scores(forest, rows), forest.oob_decision_function_[:, 1])


def test_of_a_pipeline_too() -> None:
    rows, codes, _ = noisy()
    rows[::7, 0] = np.nan
    pipeline = make_pipeline(SimpleImputer(), RandomForestClassifier(40, random_state=1, oob_score=True))
    pipeline.fit(rows, codes)
    # scikit-learn's own are of the rows as float64 before the imputer rounds; the trees compare float32.
    assert np.allclose(unseen_scores(pipeline, rows), pipeline[-1].oob_decision_function_[:, 1], atol=0.05)


def test_where_all_trees_saw_a_row_their_own_score_counts() -> None:
    rows, codes, _ = noisy()
    whole = ExtraTreesClassifier(10, random_state=1).fit(rows, codes)
    assert np.array_equal(unseen_scores(whole, rows), whole.predict_proba(rows)[:, 1])
    one = RandomForestClassifier(1, random_state=1).fit(rows, codes)
    seen = one.estimators_samples_[0]
    assert np.array_equal(unseen_scores(one, rows)[seen], one.predict_proba(rows)[seen, 1])


def test_made_up_rows_hold_values_of_their_columns_only() -> None:
    rows, _, _ = noisy(200)
    rows[5, 1] = np.nan
    made_up = between(rows, 1000, seed=4)
    assert made_up.shape == (1000, 4)
    assert made_up.dtype == np.float32
    for column in range(4):
        assert np.isin(made_up[:, column], rows[:, column]).sum() + np.isnan(made_up[:, column]).sum() == 1000
    assert np.isnan(made_up[:, 1]).any()
    new = ~(made_up[:, None, :3] == rows[None, :, :3]).all(axis=2).any(axis=1)
    assert new.mean() > 0.5, "most are rows that were not there"
    assert np.array_equal(made_up, between(rows, 1000, seed=4), equal_nan=True)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_rows_are_enough_to_make_some_up(count: int) -> None:
    rows = np.arange(count * 2, dtype=np.float32).reshape(count, 2)
    assert between(rows, 50, seed=0).shape == (50, 2)


@pytest.mark.parametrize("kind", [GradientBoostingRegressor, HistGradientBoostingRegressor])
def test_boosted_log_odds_are_read_as_they_are(kind: type) -> None:
    rows, _, weight = noisy()
    wanted = np.log(weight / (1 - weight))
    fitted = kind(random_state=0).fit(rows, wanted)
    read = log_odds_of(fitted)
    assert read.link is Link.SIGMOID
    assert np.allclose(read.raw(rows)[:, 0], fitted.predict(rows), atol=1e-5)


@pytest.mark.parametrize("exact", [True, False])
def test_few_trees_come_nearer_to_the_truth_than_the_forest(exact: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not exact:
        monkeypatch.setattr(boosting, "EXACT_CELLS", 0)
    rows, codes, _ = noisy()
    others, _, weight = noisy(2000, seed=9)
    forest = forest_of(rows, codes)
    small = Lesson(forest, rows, 5).distilled(leaves=4, trees=40, rate=0.15)
    assert len(small.trees) == 40
    assert max(int(tree.is_leaf.sum()) for tree in small.trees) <= 4
    off = np.square(small.scores(others)[:, 0] - weight).mean()
    assert off < np.square(forest.predict_proba(others)[:, 1] - weight).mean()


def test_the_same_whatever_number_of_threads() -> None:
    rows, codes, _ = noisy()
    rows[::9, 2] = np.nan
    forest = forest_of(rows, codes)
    answers = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            answers.append(Lesson(forest, rows, 5).distilled(leaves=8, trees=20, rate=0.2).raw(rows))
    assert np.array_equal(answers[0], answers[1])


def test_of_several_classes_nothing_is_distilled() -> None:
    several = (*families(100, False, binary=False), *larger_families(100, binary=False))
    assert not [family.name for family in several if family.distil]
    assert [family.name for family in families(100, False) if family.distil]
    assert [family.name for family in larger_families(100) if family.distil]
