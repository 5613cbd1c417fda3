"""Repeated cross-validation, paired by fold: every candidate is judged on the very same rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student
from sklearn.metrics import f1_score

from model_builder.ranking import Ranking
from model_builder.splitting import Indices, Order, folds

Floats = npt.NDArray[np.float64]
MAX_ROWS = 50_000
"""Rows that candidates are compared on at most; with more, the differences are far beyond chance anyway."""


@dataclass(frozen=True, eq=False)
class Folds:
    """All folds of all repeats, and what their overlap means for the error of a mean."""

    cuts: tuple[tuple[Indices, Indices], ...]
    count: int
    repeats: int

    @property
    def overlap(self) -> float:
        """Give rows judged by rows fitted on."""
        return float(np.mean([len(judge) / len(fit) for fit, judge in self.cuts]))


@dataclass(frozen=True, eq=False)
class Judged:
    """One candidate over all folds.

    Attributes
    ----------
    scores
        By metric, an array of shape (folds,).
    probabilities
        Of each fold, an array of shape (rows judged, classes).
    """

    scores: dict[str, Floats]
    probabilities: tuple[Floats, ...]


@dataclass(frozen=True)
class Estimate:
    """A mean over folds with its corrected standard error and 95% interval."""

    mean: float
    error: float
    low: float
    high: float


def make_folds(codes: Indices, order: Order, count: int, repeats: int, seed: int) -> Folds:
    """Cut rows into folds, again and again by other seeds. By time there is one way only, so it is not repeated."""
    repeats = 1 if order.times is not None else repeats
    cuts = [
        cut
        for repeat in range(repeats)
        for cut in folds(codes, order, count, (seed + 7919 * (repeat + 1)) % 2**32)
        if len(np.unique(codes[cut[0]])) == len(np.unique(codes)) and len(np.unique(codes[cut[1]])) > 1
    ]
    return Folds(tuple(cuts), count, repeats)


def judge(folded: Folds, codes: Indices, probabilities: tuple[Floats, ...]) -> Judged:
    """Score what a candidate says of the rows judged of every fold, when it was fitted on the others."""
    each = [fold_scores(codes[rows], scores) for (_, rows), scores in zip(folded.cuts, probabilities, strict=True)]
    return Judged({metric: np.array([scores[metric] for scores in each]) for metric in each[0]}, probabilities)


def fold_scores(codes: Indices, probabilities: Floats) -> dict[str, float]:
    """Score one fold: macro-F1, and for two classes best-threshold F1 and average precision too."""
    classes = probabilities.shape[1]
    if classes > 2:
        said = probabilities.argmax(axis=1)
        every = np.unique(codes)
        return {"macroF1": float(f1_score(codes, said, labels=every, average="macro", zero_division=0.0))}
    positive = probabilities[:, 1]
    return {
        "macroF1": float(f1_score(codes, positive >= 0.5, average="macro", zero_division=0.0)),
        **Ranking(codes == 1, positive).measures(),
    }


def estimate(values: Floats, overlap: float) -> Estimate:
    """Estimate a mean over overlapping folds.

    The standard error is corrected for the rows that folds share (Nadeau & Bengio, "Inference for the generalization
    error", Machine Learning 52, 2003): the variance over folds times 1/folds + rows judged / rows fitted on. The
    naive one shrinks with every repeat although no new row was seen. The interval is Student's.
    """
    mean = float(values.mean())
    if len(values) < 2:
        return Estimate(mean, float("inf"), float("-inf"), float("inf"))
    error = float(np.sqrt((1 / len(values) + overlap) * values.var(ddof=1)))
    spread = float(student.ppf(0.975, len(values) - 1)) * error
    return Estimate(mean, error, mean - spread, mean + spread)


def pooled(folded: Folds, codes: Indices, judged: Judged) -> Iterator[tuple[Indices, Floats]]:
    """Give the actual classes and the probabilities of every fold, for choosing a threshold."""
    for (_, rows), scores in zip(folded.cuts, judged.probabilities, strict=True):
        yield codes[rows], scores
