"""How boosted trees are fitted: at every value where that is quick, else at bins; alike for classes and for numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from threadpoolctl import threadpool_limits

from model_builder.compression.ensemble import Floats, Rows

Codes = npt.NDArray[np.int64]

EXACT_CELLS = 200_000
"""Up to so many cells, for each class, 80 steps of boosting look at every value; beyond, at 255 bins, whose quantiles
cut the tails."""


@dataclass(frozen=True)
class Boosting:
    """How much is boosted.

    Attributes
    ----------
    leaves
        Most leaves of a tree.
    trees
        Number of steps; of several classes each is a tree a class.
    rate
        How much of what is missing each step adds.
    """

    leaves: int
    trees: int
    rate: float

    def of_classes(self, rows: Rows, codes: Codes, seed: int) -> Any:  # noqa: ANN401 (scikit-learn publishes no types)
        """Fit a classifier to rows of shape (rows, features) and their classes."""
        classes = len(np.unique(codes))
        kinds = GradientBoostingClassifier, HistGradientBoostingClassifier
        return self._fit(kinds, 1 if classes == 2 else classes, rows, codes, None, seed)

    def of_numbers(self, rows: Rows, wanted: Floats, weight: Floats, seed: int) -> Any:  # noqa: ANN401
        """Fit a regressor to rows of shape (rows, features), a number for each, and how much each counts."""
        kinds = GradientBoostingRegressor, HistGradientBoostingRegressor
        return self._fit(kinds, 1, rows, wanted, weight, seed)

    def _fit(
        self,
        kinds: tuple[Any, Any],
        trees_a_step: int,
        rows: Rows,
        wanted: npt.NDArray[Any],
        weight: Floats | None,
        seed: int,
    ) -> Any:  # noqa: ANN401
        exact, binned = kinds
        alike = {"learning_rate": self.rate, "max_leaf_nodes": self.leaves, "random_state": seed}
        if rows.size * trees_a_step * self.trees // 80 <= EXACT_CELLS and not np.isnan(rows).any():
            return exact(n_estimators=self.trees, max_depth=None, subsample=0.7, **alike).fit(rows, wanted, weight)
        with threadpool_limits(1, user_api="openmp"):  # several threads may add up in another order
            return binned(max_iter=self.trees, early_stopping=False, **alike).fit(rows, wanted, weight)
