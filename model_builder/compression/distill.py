"""Fits small boosted trees to what a forest says, not to the classes themselves.

A class is a coin that fell; a forest's score is nearer to how the coin is weighted. Where faults are hard to tell, few
small trees learn more from the scores than from the classes, and lose less of the forest's order of rows.

Source: Buciluă, Caruana & Niculescu-Mizil, KDD 2006 (model compression, MUNGE). The scores of rows that the forest was
grown on are those of the trees that did not see them; the made-up rows between them were seen by none.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from scipy.spatial import KDTree
from sklearn.pipeline import Pipeline

from model_builder.compression.boosting import Boosting
from model_builder.compression.ensemble import Ensemble, Floats, Rows
from model_builder.compression.fitted import log_odds_of

LEAST_MADE_UP, MOST_MADE_UP = 4000, 8000
"""Number of made-up rows: four for each row, within these bounds."""

NEIGHBOURS = 5
SURE = 0.02
"""Scores are cut off here from certain: the odds of a forest that is sure are infinite."""


class Lesson:
    """What a forest says of the rows that it was fitted on and of made-up rows; worked out when it is first asked for.

    Parameters
    ----------
    forest
        A fitted estimator of two classes.
    rows
        The rows that it was fitted on, shape (rows, features).
    """

    def __init__(self, forest: Any, rows: Rows, seed: int) -> None:  # noqa: ANN401 (scikit-learn publishes no types)
        self._forest, self._rows, self._seed = forest, rows, seed

    def distilled(self, *, leaves: int, trees: int, rate: float) -> Ensemble:
        """Fit boosted trees to the log odds that the forest gives.

        Parameters
        ----------
        leaves, trees, rate
            Leaves of a tree, number of trees, and how much of what is missing each tree adds.
        """
        rows, odds, weight = self._taught
        return log_odds_of(Boosting(leaves, trees, rate).of_numbers(rows, odds, weight, self._seed))

    @cached_property
    def _taught(self) -> tuple[Rows, Floats, Floats]:
        """Rows, the log odds that the forest gives them, and how much each counts."""
        count = min(max(4 * len(self._rows), LEAST_MADE_UP), MOST_MADE_UP)
        made_up = between(self._rows, count, self._seed)
        scores = np.concatenate([unseen_scores(self._forest, self._rows), self._forest.predict_proba(made_up)[:, 1]])
        scores = np.clip(scores, SURE, 1 - SURE)
        # An error of the odds moves the score most where it is a half.
        weight = np.sqrt(4 * scores * (1 - scores))
        return np.vstack([self._rows, made_up]), np.log(scores / (1 - scores)), weight


def between(rows: Rows, count: int, seed: int) -> Rows:
    """Make up rows: each takes about half of its values from a row and the others from one of that row's neighbours.

    Near is meant in standard deviations; a missing value counts as the mean. No value is made up, so columns of few
    values keep them.

    Returns
    -------
    Rows
        Array of shape (count, features).
    """
    random = np.random.default_rng(seed)
    wide = rows.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        known = np.ma.masked_invalid(wide)
        scaled = ((known - known.mean(axis=0)) / (known.std(axis=0) + 1e-12)).filled(0.0)
    near = min(NEIGHBOURS, len(rows) - 1)
    base = random.integers(0, len(rows), count)
    neighbours = KDTree(scaled).query(scaled[base], k=near + 1, workers=1)[1].reshape(count, near + 1)
    other = neighbours[np.arange(count), random.integers(min(1, near), near + 1, count)]
    mixed: Rows = np.where(random.random((count, rows.shape[1])) < 0.5, rows[other], rows[base])
    return mixed


def unseen_scores(forest: Any, rows: Rows) -> Floats:  # noqa: ANN401
    """Score the rows that a forest was fitted on by the trees that did not see them; shape (rows,).

    Of an estimator that has no such trees, and for a row that all trees saw, these are the forest's own scores.
    """
    own = np.asarray(forest.predict_proba(rows)[:, 1], np.float64)
    if isinstance(forest, Pipeline):
        rows = forest[:-1].transform(rows).astype(np.float32) if len(forest) > 1 else rows
        forest = forest[-1]
    if not getattr(forest, "bootstrap", False):
        return own
    total, voices = np.zeros(len(rows)), np.zeros(len(rows), np.int64)
    for tree, seen in zip(forest.estimators_, forest.estimators_samples_, strict=True):
        unseen = np.ones(len(rows), bool)
        unseen[seen] = False
        total[unseen] += tree.predict_proba(rows[unseen])[:, 1]
        voices += unseen
    return np.where(voices > 0, total / np.maximum(voices, 1), own)
