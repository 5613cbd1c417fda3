"""Every score of a set of answers, for rows of any weight: the same code gives the value and its bootstrap."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from model_builder.parity import Answers
from model_builder.report import Signature

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

BINS = 10
"""Bins of equal width for calibration."""

CURVE_POINTS = 100


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
        if self.binary:
            positive = answers.scores[:, 0].astype(np.float64).clip(0.0, 1.0)
            order = np.argsort(-positive, kind="stable")
            self._order, self._sorted = order, positive[order]
            self._fault = (codes[order] == 1).astype(np.float64)
            self._last = np.append(np.diff(self._sorted) != 0, True)
            self._bins = np.minimum((self._sorted * BINS).astype(np.int64), BINS - 1)

    def confusion(self, weights: Floats) -> Floats:
        """Sum weights by actual class (first index) and predicted class."""
        flat = np.bincount(self._pairs, weights=weights, minlength=self.classes**2)
        return np.asarray(flat.reshape(self.classes, self.classes))

    def scores(self, weights: Floats | None = None) -> dict[str, float]:
        """Give every score by its name. One that cannot be told, as recall without faults, is NaN."""
        weights = np.ones(self.count) if weights is None else weights
        matrix = self.confusion(weights)
        f1 = _ratio(2 * np.diag(matrix), matrix.sum(axis=0) + matrix.sum(axis=1))
        precision = _ratio(np.diag(matrix), matrix.sum(axis=0))
        recall = _ratio(np.diag(matrix), matrix.sum(axis=1))
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
        return found | self._ranked(weights[self._order]) if self.binary else found

    def calibration(self) -> list[tuple[int, float, float]]:
        """Give for each bin of the score the rows in it, their mean score and their share of faults."""
        count = np.bincount(self._bins, minlength=BINS)
        score = np.bincount(self._bins, weights=self._sorted, minlength=BINS) / np.maximum(count, 1)
        fault = np.bincount(self._bins, weights=self._fault, minlength=BINS) / np.maximum(count, 1)
        return [(int(a), float(b), float(c)) for a, b, c in zip(count, score, fault, strict=True)]

    def curve(self) -> list[tuple[float, float, float]]:
        """Give score, precision and recall at thresholds from the largest score down, at most 100 of them.

        Of many thresholds those are kept at which recall has risen by a hundredth; without faults there are none.
        """
        true, said = np.cumsum(self._fault)[self._last], np.flatnonzero(self._last) + 1.0
        if not len(true) or true[-1] == 0:
            return []
        recall = true / true[-1]
        kept = np.unique(np.searchsorted(recall, np.arange(1, CURVE_POINTS + 1) / CURVE_POINTS - 1e-12))
        precision, scores = true / said, self._sorted[self._last]
        return [(float(scores[place]), float(precision[place]), float(recall[place])) for place in kept]

    def _ranked(self, weights: Floats) -> dict[str, float]:
        total = max(float(weights.sum()), 1e-300)
        brier = float((weights * (self._sorted - self._fault) ** 2).sum() / total)
        gaps = np.bincount(self._bins, weights=weights * (self._sorted - self._fault), minlength=BINS)
        found = {"brier": brier, "calibrationError": float(np.abs(gaps).sum() / total)}
        true = np.cumsum(weights * self._fault)[self._last]
        said = np.cumsum(weights)[self._last]
        faults = float(true[-1]) if len(true) else 0.0
        if faults == 0:
            return found | {"bestF1": float("nan"), "averagePrecision": float("nan")}
        gained = np.diff(true, prepend=0.0) / faults
        found["averagePrecision"] = float((gained * _ratio(true, said)).sum())
        found["bestF1"] = float(_ratio(2 * true, said + faults).max())
        return found


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.asarray(np.divide(part, whole, out=np.zeros_like(part, np.float64), where=whole > 0))
