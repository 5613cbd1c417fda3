"""Scores agree with scikit-learn's, intervals cover the truth about as often as they say, slices add up."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    brier_score_loss,
    f1_score,
    precision_score,
    recall_score,
)

from model_builder.evaluation import SliceColumn, evaluate
from model_builder.intervals import wilson
from model_builder.metrics import measure
from model_builder.parity import Answers
from model_builder.report import Signature
from model_builder.scoring import Scorer

BINARY = Signature.of(("a",), ("0", "1"), 0.5)
SEVERAL = Signature.of(("a",), ("x", "y", "z"), None)


def drawn(rows: int = 400, seed: int = 0) -> tuple[npt.NDArray[np.int64], Answers]:
    random = np.random.RandomState(seed)
    codes = (random.random_sample(rows) < 0.2).astype(np.int64)
    scores = np.clip(0.2 + 0.4 * codes + random.normal(0, 0.2, rows), 0, 1).round(2).astype(np.float32)
    return codes, Answers(scores.reshape(-1, 1), (scores >= 0.5).astype(np.int64))


@pytest.mark.parametrize("seed", range(5))
def test_scores_of_two_classes_are_those_of_scikit_learn(seed: int) -> None:
    codes, answers = drawn(seed=seed)
    found, scores = Scorer(codes, answers, BINARY).scores(), answers.scores[:, 0].astype(np.float64)
    expected = {
        "accuracy": accuracy_score(codes, answers.labels),
        "precision": precision_score(codes, answers.labels),
        "recall": recall_score(codes, answers.labels),
        "f1": f1_score(codes, answers.labels),
        "macroF1": f1_score(codes, answers.labels, average="macro"),
        "averagePrecision": average_precision_score(codes, scores),
        "brier": brier_score_loss(codes, scores),
        "bestF1": max(f1_score(codes, scores >= threshold) for threshold in np.unique(scores)),
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value), name


def test_weights_count_rows_as_often_as_they_say() -> None:
    codes, answers = drawn()
    weights = np.random.RandomState(1).randint(0, 3, len(codes))
    rows = np.repeat(np.arange(len(codes)), weights)
    again = Scorer(codes[rows], Answers(answers.scores[rows], answers.labels[rows]), BINARY)
    for name, value in Scorer(codes, answers, BINARY).scores(weights.astype(np.float64)).items():
        assert value == pytest.approx(again.scores()[name]), name


def test_scores_of_several_classes_are_those_of_scikit_learn() -> None:
    random = np.random.RandomState(0)
    codes = random.randint(3, size=300)
    labels = np.where(random.random_sample(300) < 0.6, codes, random.randint(3, size=300))
    answers = Answers(np.eye(3, dtype=np.float32)[labels], labels)
    found = evaluate(codes, answers, SEVERAL, 0)
    assert found.scores["macroF1"].value == pytest.approx(f1_score(codes, labels, average="macro"))
    assert found.scores["recall"].value == pytest.approx(recall_score(codes, labels, average="macro"))
    assert "averagePrecision" not in found.scores
    assert [each.name for each in found.classes] == ["x", "y", "z"]
    assert found.classes[1].recall.value == pytest.approx(recall_score(codes, labels, average=None)[1])
    assert found.calibration == ()


def test_every_score_has_an_interval_and_its_method() -> None:
    codes, answers = drawn()
    found = evaluate(codes, answers, BINARY, 0)
    for name, score in found.scores.items():
        assert score.low <= score.value <= score.high, name
        assert score.method == ("wilson" if name in ("accuracy", "precision", "recall") else "bootstrap"), name
    assert evaluate(codes, answers, BINARY, 0) == found
    assert sum(rows for rows, _, _ in found.calibration) == 400
    gap = sum(rows * abs(score - faults) for rows, score, faults in found.calibration) / 400
    assert found.scores["calibrationError"].value == pytest.approx(gap)


def test_groups_make_wider_intervals() -> None:
    codes, answers = drawn(rows=50)
    groups = np.repeat(np.arange(50), 20)
    rows = np.repeat(np.arange(50), 20)
    many = Answers(answers.scores[rows], answers.labels[rows])
    plain, grouped = (evaluate(codes[rows], many, BINARY, 0, each) for each in (None, groups))
    for name in ("accuracy", "f1", "averagePrecision"):
        widths = [each.scores[name].high - each.scores[name].low for each in (plain, grouped)]
        assert widths[1] > 2 * widths[0], name
    assert {each.method for each in grouped.scores.values()} == {"bootstrap of groups"}
    assert grouped.classes[0].recall.method == "bootstrap of groups"


def test_slices_add_up_and_say_where_nothing_can_be_told() -> None:
    codes, answers = drawn()
    kinds = np.where(codes == 1, 0, np.arange(400) % 3 - 1)
    found = evaluate(codes, answers, BINARY, 0, slices=(SliceColumn("kind", ("L", "M"), kinds),))
    assert sum(each.rows for each in found.slices) == 400
    assert [each.value for each in found.slices] == ["L", "M", ""]
    without = found.slices[1]
    assert without.faults == 0
    for name in ("recall", "f1", "averagePrecision"):
        assert math.isnan(without.scores[name].value), name
    assert without.scores["accuracy"].value > 0


def test_the_bootstrap_covers_about_as_often_as_it_says() -> None:
    hits = 0
    truth = Scorer(*drawn(rows=200_000, seed=99), BINARY).scores()["f1"]
    for seed in range(60):
        score = evaluate(*drawn(rows=300, seed=seed), BINARY, seed).scores["f1"]
        hits += score.low <= truth <= score.high
    assert hits >= 52


@given(trials=st.integers(1, 10_000), share=st.floats(0, 1))
def test_wilson_holds_the_share_and_stays_within_bounds(trials: int, share: float) -> None:
    successes = round(share * trials)
    low, high = wilson(successes, trials)
    assert 0 <= low <= successes / trials + 1e-12
    assert successes / trials - 1e-12 <= high <= 1


def test_wilson_as_published() -> None:
    """Agresti & Coull (1998): 0 of 10 gives an upper bound of 0.278."""
    low, high = wilson(0, 10)
    assert low == 0.0
    assert high == pytest.approx(0.2775, abs=1e-4)
    assert wilson(0, 0) == (0.0, 1.0)


def test_rows_without_a_fault_rank_nothing() -> None:
    _, answers = drawn(50)
    found = measure(np.zeros(50, np.int64), answers, BINARY)
    assert (found.best_f1, found.average_precision, found.recall) == (0.0, 0.0, 0.0)
