"""Trees that come without an estimator of a library behind them, such as those of a model file."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from model_builder.compression.ensemble import Ensemble, Ints, Rows, Tree, expand


class UnreadableTreesError(ValueError):
    """The trees hold something that the typed form cannot; the message says what."""


class GivenTrees:
    """What an estimator has whose trees are in the typed form already.

    Attributes
    ----------
    ensemble
        The trees, with the rows of each node counted on data that the model is compressed with.
    """

    ensemble: Ensemble


def weighed(ensemble: Ensemble, rows: Rows) -> Ensemble:
    """Count how many rows of an array of shape (rows, features) come to each node.

    What nodes add if they become leaves follows from it: the mean of their leaves. No answer changes.
    """
    expanded = expand(rows, ensemble.pairs)
    return replace(ensemble, trees=tuple(_weighed(tree, tree.apply(expanded)) for tree in ensemble.trees))


def _weighed(tree: Tree, ends: Ints) -> Tree:
    cover = np.bincount(ends, minlength=len(tree.feature)).astype(np.float64)
    for node in np.flatnonzero(~tree.is_leaf)[::-1]:  # children stand after their parents
        cover[node] = cover[tree.left[node]] + cover[tree.right[node]]
    return replace(tree, cover=cover).with_leaves(tree.value)
