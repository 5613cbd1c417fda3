"""Is a smaller model as good? Scores of held-out rows, their differences, and a rule that noise cannot pass.

Source of the standard error: Nadeau & Bengio 2003. Folds of one data set share most of their training rows, so their
differences hang together, and the usual standard error shrinks with every repeat although nothing new was learned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from model_builder.compression.ensemble import Floats
from model_builder.contract import TIE

Codes = npt.NDArray[np.int64]

THRESHOLD = 0.5
BRIER_SLACK = 0.05
"""By how much larger the Brier score may get, relative to the forest's."""

BRIER_LEAST_SLACK = 0.0005
"""So much larger it may always get: of a forest that is nearly always right, a twentieth of its score is noise."""

JUDGED = 3
"""The first so many scores decide by their lower bounds; the one after them is the Brier score."""

BRIER = 3


@dataclass(frozen=True)
class Scores:
    """What is judged. The first three are better when larger, the Brier score when smaller.

    ``best_f1`` is the F1 at the threshold that is best for it; of several classes the mean over each class against
    the others, as is ``average_precision``.
    """

    macro_f1: float
    best_f1: float
    average_precision: float
    brier: float


def score(codes: Codes, scores: Floats) -> Scores:
    """Judge the scores of held-out rows.

    Parameters
    ----------
    codes
        Array of shape (rows,): the actual classes.
    scores
        Array of shape (rows, 1) for two classes, else (rows, classes).
    """
    if scores.shape[1] == 1:
        labels = (scores[:, 0] >= THRESHOLD - TIE).astype(np.int64)
        best, precision = _ranked(codes == 1, scores[:, 0])
        brier = float(((scores[:, 0] - codes) ** 2).mean())
        return Scores(_macro_f1(codes, labels, 2), best, precision, brier)
    classes = scores.shape[1]
    present = [code for code in range(classes) if (codes == code).any()]
    ranked = np.array([_ranked(codes == code, scores[:, code]) for code in present])
    best, precision = ranked.mean(axis=0)
    brier = float(((scores - np.eye(classes)[codes]) ** 2).sum(axis=1).mean())
    return Scores(_macro_f1(codes, scores.argmax(axis=1), classes), float(best), float(precision), brier)


def _macro_f1(codes: Codes, labels: Codes, classes: int) -> float:
    hits = np.bincount(codes[codes == labels], minlength=classes)
    sizes = np.bincount(codes, minlength=classes) + np.bincount(labels, minlength=classes)
    some = sizes > 0
    return float((2 * hits[some] / sizes[some]).mean())


def _ranked(positive: npt.NDArray[np.bool_], scores: Floats) -> tuple[float, float]:
    """Give best F1 and average precision; rows with the same score are called faults together or not at all."""
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    hits = np.cumsum(positive[order])[ends]
    total = int(positive.sum())
    if total == 0:
        return 0.0, 0.0
    best = float((2 * hits / (ends + 1 + total)).max())
    gained = np.diff(hits, prepend=0) / total
    return best, float((gained * hits / (ends + 1)).sum())


@dataclass(frozen=True)
class Difference:
    """Mean of paired differences over the folds, and its corrected standard error."""

    mean: float
    error: float

    @property
    def low(self) -> float:
        """Mean less one standard error."""
        return self.mean - self.error


def corrected(differences: Sequence[float], held_out: float) -> Difference:
    """Sum up differences of repeated folds.

    Parameters
    ----------
    held_out
        Rows held out for every row that was learned from: 0.25 for five folds.
    """
    values = np.asarray(differences, np.float64)
    if len(values) < 2:
        return Difference(float(values.mean()) if len(values) else 0.0, float("inf"))
    variance = float(values.var(ddof=1)) * (1 / len(values) + held_out)
    return Difference(float(values.mean()), float(np.sqrt(variance)))


@dataclass(frozen=True)
class Verdict:
    """How a candidate does against the forest, and whether it may replace it."""

    macro_f1: Difference
    best_f1: Difference
    average_precision: Difference
    brier: Difference
    equal: bool

    @property
    def lowest(self) -> float:
        """The lower bound of the measure that lost most."""
        return min(self.macro_f1.low, self.best_f1.low, self.average_precision.low)


def verdict_of(found: Sequence[Difference], *, equal: bool) -> Verdict:
    """Put together a verdict of the differences of the four scores, in their order."""
    macro_f1, best_f1, average_precision, brier = found
    return Verdict(macro_f1, best_f1, average_precision, brier, equal)


def judge(candidate: Sequence[Scores], forest: Sequence[Scores], max_loss: float, held_out: float) -> Verdict:
    """Compare fold by fold.

    A candidate is as good when for macro-F1, best F1 and average precision alike the mean difference less one
    standard error is at least ``-max_loss``, and its mean Brier score is at most 5%, or 0.0005, worse.
    """
    found = {
        field.name: corrected(
            [
                getattr(one, field.name) - getattr(other, field.name)
                for one, other in zip(candidate, forest, strict=True)
            ],
            held_out,
        )
        for field in fields(Scores)
    }
    slack = max(BRIER_SLACK * float(np.mean([one.brier for one in forest])), BRIER_LEAST_SLACK)
    judged = ("macro_f1", "best_f1", "average_precision")
    equal = all(found[name].low >= -max_loss for name in judged) and found["brier"].mean <= slack
    return Verdict(**found, equal=equal)
