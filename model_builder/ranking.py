"""One class against all others, as its score ranks the rows: precision over recall and what is told of it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

CURVE_POINTS = 100


class Ranking:
    """Rows by falling score.

    Parameters
    ----------
    positive
        Array of shape (rows,): whether a row is of the class.
    scores
        Array of shape (rows,): the larger, the sooner a row is taken for one of the class.

    Attributes
    ----------
    order
        Array of shape (rows,): the rows by falling score; ``scores`` and ``positive`` stand in that order.
    """

    def __init__(self, positive: npt.NDArray[np.bool_], scores: Floats) -> None:
        self.order = np.argsort(-scores, kind="stable")
        self.scores = scores[self.order]
        self.positive = positive[self.order].astype(np.float64)
        # Rows of one score are called together, so only the last of them is a place to cut.
        self._last = np.append(np.diff(self.scores) != 0, True)

    @property
    def levels(self) -> Floats:
        """Give the different scores, the largest first."""
        return np.asarray(self.scores[self._last])

    def called(self, weights: Floats | None = None) -> tuple[Floats, Floats]:
        """Give what is called from each of the levels on: the weight of the class's own rows, and of all."""
        if weights is None:
            return np.cumsum(self.positive)[self._last], 1.0 + np.flatnonzero(self._last).astype(np.float64)
        weights = weights[self.order]
        return np.cumsum(weights * self.positive)[self._last], np.cumsum(weights)[self._last]

    def measures(self, weights: Floats | None = None) -> dict[str, float]:
        """Give ``bestF1`` and ``averagePrecision`` for rows of any weight; NaN without a positive one."""
        true, said = self.called(weights)
        every = float(true[-1]) if len(true) else 0.0
        if every == 0:
            return {"bestF1": float("nan"), "averagePrecision": float("nan")}
        gained = np.diff(true, prepend=0.0) / every
        return {
            "averagePrecision": float((gained * ratio(true, said)).sum()),
            "bestF1": float(ratio(2 * true, said + every).max()),
        }

    def curve(self) -> list[tuple[float, float, float]]:
        """Give score, precision and recall at thresholds from the largest score down, at most 100 of them.

        Of many thresholds those are kept at which recall has risen by a hundredth; without positives there are none.
        """
        true, said = self.called()
        if not len(true) or true[-1] == 0:
            return []
        recall = true / true[-1]
        kept = np.unique(np.searchsorted(recall, np.arange(1, CURVE_POINTS + 1) / CURVE_POINTS - 1e-12))
        precision, scores = true / said, self.levels
        return [(float(scores[place]), float(precision[place]), float(recall[place])) for place in kept]


def ratio(part: Floats, whole: Floats) -> Floats:
    """Divide element by element; nothing by nothing is 0."""
    return np.asarray(np.divide(part, whole, out=np.zeros_like(part, np.float64), where=whole > 0))
