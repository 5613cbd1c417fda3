"""Scores that have no interval in closed form: by drawing the rows again (Efron and Tibshirani 1993). Pure.

The draws are seeded, so that the same rows always give the same interval.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from model_builder.ranking import Ranking
from model_monitor.quality import Score

DRAWS = 400
"""Of percentiles at 2.5% and 97.5%, ten draws lie outside on each side."""

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


def confusion_scores(matrix: Counts) -> list[Score]:
    """Score by a confusion matrix.

    Parameters
    ----------
    matrix
        Array of shape (classes, classes): rows by actual class (first axis) and named class; the last column may stand
        for rows without a valid answer, so that it may be one wider.

    Returns
    -------
    list
        For two classes macro-F1; for several also precision, recall and F1, as means over the classes that occur.
    """
    total = int(matrix.sum())
    if not total:
        return []
    occurring = (matrix.sum(axis=1) + matrix[:, : len(matrix)].sum(axis=0)) > 0
    random = np.random.default_rng(0)
    draws = random.multinomial(total, (matrix / total).ravel(), DRAWS).reshape(DRAWS, *matrix.shape)
    value, drawn = _means(matrix[np.newaxis], occurring), _means(draws, occurring)
    names = ("macroF1",) if len(matrix) == 2 else ("precision", "recall", "f1", "macroF1")
    return [_score(name, float(value[name][0]), drawn[name]) for name in names]


def _means(matrices: Counts, occurring: npt.NDArray[np.bool_]) -> dict[str, Floats]:
    width = matrices.shape[1]
    right = matrices[:, range(width), range(width)].astype(np.float64)
    actual = matrices.sum(axis=2)
    named = matrices[:, :, :width].sum(axis=1)

    def mean(parts: Floats, wholes: Counts) -> Floats:
        # Nothing of a class in a draw counts as 0, as in scikit-learn.
        return np.asarray((parts / np.maximum(wholes, 1))[:, occurring].mean(axis=1))

    f1 = mean(2 * right, actual + named)
    return {"precision": mean(right, named), "recall": mean(right, actual), "f1": f1, "macroF1": f1}


def ranking_scores(
    truths: npt.NDArray[np.bool_], scores: Floats, metrics: Sequence[str] = ("averagePrecision", "bestF1")
) -> list[Score]:
    """Score by how well scores put faults before sound rows: average precision, and F1 at its best threshold.

    Parameters
    ----------
    truths, scores
        Arrays of shape (rows,). Rows without a score are to be given the lowest one.
    metrics
        Which of the two.

    Returns
    -------
    list
        Empty where there is no fault, or nothing else.
    """
    if not truths.any() or truths.all():
        return []
    order = np.argsort(-scores, kind="stable")  # so that the draws do not hang on the order in which rows came
    ranking = Ranking(truths[order], scores[order])
    random = np.random.default_rng(0)
    drawn: dict[str, list[float]] = {name: [] for name in metrics}
    for _ in range(DRAWS):
        weights = np.bincount(random.integers(len(truths), size=len(truths)), minlength=len(truths))
        found = ranking.measures(weights.astype(np.float64))
        for name in metrics:
            if not np.isnan(found[name]):  # a draw without a fault says nothing
                drawn[name].append(found[name])
    whole = ranking.measures()
    return [_score(name, whole[name], np.array(drawn[name])) for name in metrics]


def _score(metric: str, value: float, drawn: Floats) -> Score:
    lower, upper = np.quantile(drawn, (0.025, 0.975))
    # The draws of a few rows may all lie on one side of the value; an interval that leaves it out misleads.
    return Score(metric, value, min(float(lower), value), max(float(upper), value))
