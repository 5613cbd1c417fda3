"""Products and differences of two columns, which trees can only approach with many splits.

Power is torque times speed, a temperature gradient is a difference: where a fault depends on such a quantity, one
split on it replaces dozens. The pairs are chosen on the rows that are learned from, never on those that judge.
"""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import RandomForestClassifier

from model_builder.compression.ensemble import Combine, Pair, Rows, expand
from model_builder.compression.fitted import from_sklearn
from model_builder.compression.prune import feature_importances

MOST_PAIRS = 8
MOST_COLUMNS = 12
"""Columns that pairs are made of, chosen by importance: 12 make 132 pairs."""

_SCOUTS = 10
_SCOUT_DEPTH = 6
_SCOUT_ROWS = 50_000


def choose_pairs(rows: Rows, codes: npt.NDArray[np.int64], seed: int, most: int = MOST_PAIRS) -> tuple[Pair, ...]:
    """Choose the pairs that a few shallow trees gain most from.

    Parameters
    ----------
    rows, codes
        The rows to learn from, shape (rows, features), and their classes.
    """
    if rows.shape[1] < 2:
        return ()
    if len(rows) > _SCOUT_ROWS:
        chosen = np.random.default_rng(seed).permutation(len(rows))[:_SCOUT_ROWS]
        rows, codes = rows[chosen], codes[chosen]
    columns = np.arange(rows.shape[1])
    if rows.shape[1] > MOST_COLUMNS:
        columns = np.sort(np.argsort(-_gains(rows, codes, seed), kind="stable")[:MOST_COLUMNS])
    pairs = tuple(
        Pair(combine, int(left), int(right))
        for combine in Combine
        for left, right in itertools.combinations(columns, 2)
    )
    wide = np.nan_to_num(expand(rows, pairs), nan=np.nan)  # a product may be larger than the largest float
    gains = _gains(wide, codes, seed)[rows.shape[1] :]
    best = np.argsort(-gains, kind="stable")[:most]
    return tuple(sorted(pairs[index] for index in best if gains[index] > 0))


def _gains(rows: Rows, codes: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.float64]:
    scouts = RandomForestClassifier(
        _SCOUTS, max_depth=_SCOUT_DEPTH, max_features=None, min_samples_leaf=3, random_state=seed, n_jobs=1
    )
    return feature_importances(from_sklearn(scouts.fit(rows, codes)))
