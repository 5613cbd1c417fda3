"""Scores are those of scikit-learn, and noise does not pass for equality."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, brier_score_loss, f1_score, precision_recall_curve

from model_builder.compression.judge import Scores, corrected, judge, score


@given(seed=st.integers(0, 1000), decimals=st.integers(1, 6))
def test_two_classes_are_scored_as_scikit_learn_does(seed: int, decimals: int) -> None:
    random = np.random.RandomState(seed)
    codes = random.randint(0, 2, 60)
    codes[:2] = 0, 1
    scores = np.clip(random.normal(0.4 + 0.2 * codes, 0.3), 0, 1).round(decimals)
    found = score(codes, scores[:, None])
    assert found.macro_f1 == pytest.approx(f1_score(codes, scores >= 0.5, average="macro"))
    assert found.average_precision == pytest.approx(average_precision_score(codes, scores))
    assert found.brier == pytest.approx(brier_score_loss(codes, scores))
    precision, recall, _ = precision_recall_curve(codes, scores)
    with np.errstate(invalid="ignore"):
        assert found.best_f1 == pytest.approx(np.nanmax(2 * precision * recall / (precision + recall)))


def test_several_classes_are_scored_one_against_the_others() -> None:
    random = np.random.RandomState(0)
    codes = random.randint(0, 3, 200)
    scores = random.dirichlet([1, 1, 1], 200)
    found = score(codes, scores)
    assert found.macro_f1 == pytest.approx(f1_score(codes, scores.argmax(axis=1), average="macro"))
    assert found.average_precision == pytest.approx(average_precision_score(np.eye(3)[codes], scores, average="macro"))


def test_a_class_that_nobody_has_does_not_count() -> None:
    found = score(np.array([0, 0, 1, 1]), np.array([[0.8, 0.2, 0.0], [0.9, 0.1, 0.0], [0.2, 0.8, 0], [0.1, 0.9, 0]]))
    assert (found.macro_f1, found.best_f1, found.average_precision) == (1.0, 1.0, 1.0)


def test_the_error_does_not_vanish_with_repeats() -> None:
    once = corrected([0.01, -0.01] * 5, 0.25)
    often = corrected([0.01, -0.01] * 500, 0.25)
    assert once.error == pytest.approx(np.sqrt((0.1 + 0.25) * np.var([0.01, -0.01] * 5, ddof=1)))
    assert often.error > 0.0049
    assert corrected([0.01], 0.25).low == -np.inf


def fold(macro: float = 0.8, best: float = 0.8, precision: float = 0.8, brier: float = 0.1) -> Scores:
    return Scores(macro, best, precision, brier)


@pytest.mark.parametrize(
    ("candidate", "equal"),
    [
        ([fold(), fold(), fold()], True),
        ([fold(0.796), fold(0.796), fold(0.796)], True),
        ([fold(0.79), fold(0.79), fold(0.79)], False),
        ([fold(best=0.79), fold(best=0.79), fold(best=0.79)], False),
        ([fold(precision=0.79), fold(precision=0.79), fold(precision=0.79)], False),
        ([fold(0.9), fold(0.7), fold(0.8)], False),
        ([fold(brier=0.106), fold(brier=0.106), fold(brier=0.106)], False),
        ([fold(brier=0.104), fold(brier=0.104), fold(brier=0.104)], True),
    ],
)
def test_equal_is_what_noise_cannot_explain(candidate: list[Scores], equal: bool) -> None:
    assert judge(candidate, [fold()] * 3, 0.005, 0.25).equal is equal


@pytest.mark.parametrize(("brier", "equal"), [(0.0006, True), (0.0007, False)])
def test_of_a_forest_that_is_nearly_always_right_a_little_more_brier_is_no_loss(brier: float, equal: bool) -> None:
    found = judge([fold(brier=brier)] * 3, [fold(brier=0.00015)] * 3, 0.005, 0.25)
    assert found.equal is equal
