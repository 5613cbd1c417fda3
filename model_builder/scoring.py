"""Every score of a set of answers, for rows of any weight: the same code gives the value and its bootstrap."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from model_builder.parity import Answers
from model_builder.ranking import Ranking, ratio
from model_builder.report import Signature

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

BINS = 10
"""Bins of equal width for calibration."""


class Scorer:
    """Scores answers against what was.

    Parameters
    ----------
    codes
        Array of shape (rows,): the actual classes as indices into the signature's classes.
    """

    def __init__(self, codes: Ints, answers: Answers, signature: Signature) -> None:
        self.count = len(codes)
        self.classes = len(signature.classes)
        self.binary = signature.threshold is not None
        self._pairs = codes * self.classes + answers.labels
        self._codes, self._probabilities = codes, answers.scores
        self._rankings: dict[int, Ranking] = {}
        if self.binary:
            fault = self._ranking(1)
            self._sorted, self._fault = fault.scores, fault.positive
            self._bins = np.minimum((self._sorted * BINS).astype(np.int64), BINS - 1)

    def confusion(self, weights: Floats) -> Floats:
        """Sum weights by actual class (first index) and predicted class."""
        flat = np.bincount(self._pairs, weights=weights, minlength=self.classes**2)
        return np.asarray(flat.reshape(self.classes, self.classes))

    def scores(self, weights: Floats | None = None) -> dict[str, float]:
        """Give every score by its name. One that cannot be told, as recall without faults, is NaN."""
        weights = np.ones(self.count) if weights is None else weights
        matrix = self.confusion(weights)
        f1 = ratio(2 * np.diag(matrix), matrix.sum(axis=0) + matrix.sum(axis=1))
        precision = ratio(np.diag(matrix), matrix.sum(axis=0))
        recall = ratio(np.diag(matrix), matrix.sum(axis=1))
        found = {"accuracy": float(np.trace(matrix) / max(matrix.sum(), 1e-300))}
        if self.binary:
            faults = bool(matrix[1].sum() > 0)
            found |= {
                "precision": float(precision[1]),
                "recall": float(recall[1]) if faults else float("nan"),
                "f1": float(f1[1]) if faults else float("nan"),
            }
        else:
            found |= {
                "precision": float(precision.mean()),
                "recall": float(recall.mean()),
                "f1": float(f1.mean()),
            }
        found["macroF1"] = float(f1.mean())
        return found | self._ranked(weights) if self.binary else found

    def calibration(self) -> list[tuple[int, float, float]]:
        """Give for each bin of the score the rows in it, their mean score and their share of faults."""
        count = np.bincount(self._bins, minlength=BINS)
        score = np.bincount(self._bins, weights=self._sorted, minlength=BINS) / np.maximum(count, 1)
        fault = np.bincount(self._bins, weights=self._fault, minlength=BINS) / np.maximum(count, 1)
        return [(int(a), float(b), float(c)) for a, b, c in zip(count, score, fault, strict=True)]

    def curve(self, code: int) -> list[tuple[float, float, float]]:
        """Give score, precision and recall of one class against all others, the largest score first."""
        return self._ranking(code).curve()

    def average_precision(self, code: int, weights: Floats | None = None) -> float:
        """Give the average precision of one class against all others; NaN where no row is of that class."""
        return self._ranking(code).measures(weights)["averagePrecision"]

    def _ranking(self, code: int) -> Ranking:
        if code not in self._rankings:
            # Of two classes only the positive one has a score.
            column = self._probabilities[:, 0 if self.binary else code].astype(np.float64)
            self._rankings[code] = Ranking(self._codes == code, column.clip(0.0, 1.0))
        return self._rankings[code]

    def _ranked(self, weights: Floats) -> dict[str, float]:
        ranking = self._ranking(1)
        by_score = weights[ranking.order]
        total = max(float(weights.sum()), 1e-300)
        brier = float((by_score * (self._sorted - self._fault) ** 2).sum() / total)
        gaps = np.bincount(self._bins, weights=by_score * (self._sorted - self._fault), minlength=BINS)
        found = {"brier": brier, "calibrationError": float(np.abs(gaps).sum() / total)}
        return found | ranking.measures(weights)
