"""The split keeps proportions, thresholds become float32 without changing an answer, NaN never reaches a tree."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_builder.classes import order_classes
from model_builder.compression.floats import float32_floor
from model_builder.errors import Reason
from model_builder.estimators import STEP, fit
from model_builder.spec.params import Params
from model_builder.splitting import split_rows
from tests.support.builder import refused

FLOAT32 = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(threshold=st.floats(-1e30, 1e30), x=FLOAT32)
def test_the_floor_changes_no_comparison(threshold: float, x: float) -> None:
    floor = float32_floor(np.array([threshold]))[0]
    assert floor == np.float32(floor)
    assert (x <= threshold) == (np.float32(x) <= np.float32(floor))


@given(x=FLOAT32, above=st.booleans())
def test_the_floor_is_right_beside_a_float32(x: float, above: bool) -> None:
    """Midpoints between neighbours are what a tree learns; they are where rounding goes wrong."""
    beside = np.nextafter(np.float64(x), np.inf if above else -np.inf)
    assert float32_floor(np.array([beside]))[0] == (x if above else np.nextafter(np.float32(x), np.float32(-np.inf)))


@pytest.mark.parametrize("counts", [(100, 5), (97, 13, 5), (5, 5), (1000, 7)])
@pytest.mark.parametrize("seed", [0, 42])
def test_every_class_is_on_both_sides(counts: tuple[int, ...], seed: int) -> None:
    names = tuple(str(index) for index in range(len(counts)))
    labels = order_classes("fault", names, np.repeat(np.arange(len(counts)), counts).astype(np.int64), None)
    split = split_rows(labels, seed)
    rows = np.concatenate([split.fit, split.held_out])
    assert sorted(rows) == list(range(sum(counts)))
    assert len(split.held_out) == pytest.approx(sum(counts) / 5, abs=1)
    for side in (split.fit, split.held_out):
        assert (np.diff(side) > 0).all()
        assert len(np.unique(labels.codes[side])) == len(counts)


def test_too_many_rare_classes_are_refused_or_split() -> None:
    counts = [200, *[5] * 40]
    codes = np.repeat(np.arange(41), counts).astype(np.int64)
    labels = order_classes("fault", tuple(f"c{index}" for index in range(41)), codes, None)
    split = split_rows(labels, 1)
    assert len(np.unique(labels.codes[split.held_out])) == 41


def test_the_forest_answers_alike_for_any_number_of_threads_and_for_nan() -> None:
    random = np.random.RandomState(0)
    features = random.normal(size=(400, 3)).astype(np.float32)
    codes = (features[:, 0] > 0).astype(np.int64)
    features[::7, 0] = np.nan
    features[:, 2] = np.nan
    pipeline = fit("randomForest", Params.model_validate({"randomForest": {"n_estimators": 5}}), features, codes, 7)
    forest, imputer = pipeline.named_steps[STEP], pipeline.named_steps["imputer"]
    assert forest.n_jobs == 1
    assert imputer.statistics_.dtype == np.float32
    for tree in forest.estimators_:
        thresholds = tree.tree_.threshold
        np.testing.assert_array_equal(thresholds, thresholds.astype(np.float32).astype(np.float64))
    medians = np.where(np.isnan(features), imputer.statistics_, features)
    np.testing.assert_array_equal(pipeline.predict_proba(features), forest.predict_proba(medians))


def test_a_class_on_one_side_only_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = order_classes("fault", ("a", "b"), np.array([0] * 95 + [1] * 5), None)
    monkeypatch.setattr(
        "model_builder.splitting.train_test_split", lambda rows, **_: (rows[:80], rows[80:90]), raising=True
    )
    with refused(Reason.TOO_FEW_ROWS, "both sides", '5 rows of "b"'):
        split_rows(labels, 0)
