"""Estimators are compared on the same folds, the smaller one is taken only on evidence, and every file is proven."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import t as student

from model_builder.build import build
from model_builder.crossval import Folds, Judged, estimate, fold_scores, make_folds
from model_builder.progress import Silent
from model_builder.selection import choose
from model_builder.spec.params import EstimatorName
from model_builder.splitting import Order
from tests.support.builder import fault_csv, local, spec

ALL: tuple[EstimatorName, ...] = (
    "randomForest",
    "extraTrees",
    "decisionTree",
    "histGradientBoosting",
    "logisticRegression",
    "mlp",
)
SMALL = {
    "randomForest": {"n_estimators": 8},
    "extraTrees": {"n_estimators": 8},
    "histGradientBoosting": {"max_iter": 8},
    "mlp": {"max_iter": 200, "hidden_layer_sizes": [8], "learning_rate_init": 0.01},
}


def with_kinds(classes: int) -> str:
    rows = fault_csv(rows=500, classes=classes).splitlines()
    return "\n".join([f"kind,{rows[0]}", *(f"{'LMH'[index % 3]},{row}" for index, row in enumerate(rows[1:]))])


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("name", ALL)
def test_every_estimator_is_fitted_written_and_proven(tmp_path: Path, name: EstimatorName, classes: int) -> None:
    params = {name: SMALL[name]} if name in SMALL else {}
    data = local(tmp_path, with_kinds(classes))
    one = build(spec(estimators=[name], params=params), data, tmp_path / "out", Silent())
    assert one.model.estimator == name
    assert one.model.parity.rows == 500
    assert one.model.selection is None
    assert one.model.metrics.accuracy > 0.6
    assert one.model.signature.categorical == ("kind",)
    again = build(spec(estimators=[name], params=params), data, tmp_path / "again", Silent())
    assert again.artifact.digest == one.artifact.digest


def test_several_are_compared_and_one_is_taken_for_a_reason(tmp_path: Path) -> None:
    several = spec(estimators=list(ALL), params=SMALL)
    built = build(several, local(tmp_path, with_kinds(2)), tmp_path / "out", Silent())
    selection = built.model.selection
    assert selection is not None
    assert [each.name for each in selection.candidates] == list(ALL)
    assert (selection.folds, selection.repeats, selection.rows) == (5, 2, 400)
    assert selection.chosen == built.model.estimator
    assert f"{selection.chosen} was chosen" in "\n".join(built.report.notes)
    for each in selection.candidates:
        assert set(each.scores) == {"macroF1", "bestF1", "averagePrecision"}
        score = each.scores["averagePrecision"]
        assert score.low is not None
        assert score.high is not None
        assert score.low < score.value < score.high
    card = (tmp_path / "out" / "card.md").read_text()
    assert "Nadeau and Bengio" in card
    assert all(f"| {name} |" in card for name in ALL)


@pytest.mark.parametrize("more", [{"groupBy": "asset"}, {"timeColumn": "asset"}])
def test_folds_inside_keep_to_groups_and_times(tmp_path: Path, more: dict[str, str]) -> None:
    rows = fault_csv(rows=600).splitlines()
    lines = [rows[0] + ",asset", *(f"{row},{index // 10}" for index, row in enumerate(rows[1:]))]
    few = spec(estimators=["decisionTree", "logisticRegression"], params={}, **more)
    built = build(few, local(tmp_path, "\n".join(lines)), tmp_path / "out", Silent())
    assert built.model.selection is not None


def folded(count: int = 10) -> Folds:
    rows = np.arange(100)
    return Folds(tuple((rows[20:], rows[:20]) for _ in range(count)), 5, count // 5)


def judged(values: npt.NDArray[np.float64]) -> Judged:
    return Judged({"macroF1": values}, ())


def test_one_estimator_is_not_called_the_best_of_one() -> None:
    choice = choose({"only": judged(np.full(10, 0.8))}, {"only": 100}, folded())
    assert choice.why == "only alone was asked for: its mean macroF1 is 0.800 [0.800, 0.800] over 10 folds (2 times 5)"


def test_the_standard_error_is_corrected_for_overlap() -> None:
    values = np.array([0.7, 0.8, 0.75, 0.85])
    found = estimate(values, 0.25)
    assert found.error == pytest.approx(np.sqrt((1 / 4 + 0.25) * values.var(ddof=1)))
    assert found.high - found.mean == pytest.approx(student.ppf(0.975, 3) * found.error)
    many = estimate(np.tile(values, 100), 0.25)
    assert many.error > 0.85 * np.sqrt(0.25 * values.var(ddof=1))
    assert not np.isfinite(estimate(values[:1], 0.25).error)


@pytest.mark.parametrize(
    ("gap", "noise", "chosen"),
    [(0.0, 0.0, "small"), (0.004, 0.0, "small"), (0.02, 0.0, "large"), (0.001, 0.05, "large")],
)
def test_a_smaller_one_is_taken_only_where_evidence_says_it_is_as_good(gap: float, noise: float, chosen: str) -> None:
    random = np.random.RandomState(0)
    best = 0.8 + random.normal(0, 0.05, 10)
    other = best - gap + noise * (random.permutation(10) - 4.5) / 9
    choice = choose({"large": judged(best), "small": judged(other)}, {"large": 100, "small": 10}, folded())
    assert choice.chosen == chosen
    assert ("is smaller" in choice.why) is (chosen == "small")


def test_folds_without_every_class_are_left_out() -> None:
    codes = np.array([0] * 50 + [1] * 50)
    cut = make_folds(codes, Order(times=np.arange(100.0)), 5, 3, 0)
    assert all(len(np.unique(codes[fit])) == 2 for fit, _ in cut.cuts)
    assert cut.repeats == 1


def test_scores_of_a_fold() -> None:
    positive = np.array([0.1, 0.4, 0.35, 0.8])
    codes = np.array([0, 0, 1, 1])
    scores = fold_scores(codes, np.stack([1 - positive, positive], axis=1))
    assert scores["bestF1"] == pytest.approx(0.8)
    assert scores["averagePrecision"] == pytest.approx(0.8333, abs=1e-4)
    assert set(fold_scores(codes, np.eye(3)[[0, 0, 1, 2]])) == {"macroF1"}
