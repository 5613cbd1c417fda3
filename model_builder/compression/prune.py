"""Pruning of splits: by cost-complexity and by what a split tells.

Every pass takes an ensemble and gives a smaller one; none needs the training data, because a node knows its rows and
its mean.

Sources: Breiman et al. 1984 (minimal cost-complexity pruning, here on every tree of an ensemble); Quinlan 1986
(information gain).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum

import numpy as np

from model_builder.compression.ensemble import Bools, Ensemble, Floats, Link, Tree


class Criterion(StrEnum):
    """What a split is worth: the decrease, from a node to its children, of the rows' ..."""

    GINI = "gini"
    INFORMATION_GAIN = "informationGain"


def cost_complexity(ensemble: Ensemble, alpha: float) -> Ensemble:
    """Cut every tree down to the subtree that is best when a leaf costs ``alpha``.

    The same subtree as scikit-learn's ``ccp_alpha``, found from the leaves up instead of by weakest links, so that one
    forest can be cut at many values of ``alpha``.
    """
    return _collapse(ensemble, lambda tree: _worth_a_leaf(tree, node_costs(ensemble, tree), alpha))


def _worth_a_leaf(tree: Tree, cost: Floats, alpha: float) -> Bools:
    best = (cost + alpha).tolist()
    nodes = np.flatnonzero(~tree.is_leaf)[::-1]
    for node, left, right in zip(nodes.tolist(), tree.left[nodes].tolist(), tree.right[nodes].tolist(), strict=True):
        best[node] = min(best[node], best[left] + best[right])
    cut = np.zeros(len(cost), bool)
    cut[nodes] = np.array(best)[nodes] == (cost + alpha)[nodes]
    return cut


def by_gain(ensemble: Ensemble, criterion: Criterion, keep: float) -> Ensemble:
    """Keep the share ``keep`` of all splits that tell most, with the splits above them.

    A split that tells little stays where one below it tells much: of two variables that matter only together the
    first one to be asked tells nothing.
    """
    gains = [_best_below(tree, split_gains(ensemble, tree, criterion)) for tree in ensemble.trees]
    every = np.sort(np.concatenate([gain[~tree.is_leaf] for gain, tree in zip(gains, ensemble.trees, strict=True)]))
    if not len(every):
        return ensemble
    drop = min(round((1 - keep) * len(every)), len(every))
    limit = every[drop] if drop < len(every) else np.inf
    trees = tuple(
        tree.collapsed(~tree.is_leaf & (gain < limit)) for gain, tree in zip(gains, ensemble.trees, strict=True)
    )
    return replace(ensemble, trees=trees).simplified()


def to_share(ensemble: Ensemble, keep: float) -> Ensemble:
    """Cut by cost-complexity with the smallest cost of a leaf that leaves at most the share ``keep`` of all splits."""
    wanted = keep * ensemble.splits
    low, high, best = 0.0, 1.0, ensemble
    for _ in range(30):
        alpha = (low + high) / 2
        cut = cost_complexity(ensemble, alpha)
        if cut.splits > wanted:
            low = alpha
        else:
            high, best = alpha, cut
    return best if keep < 1 else ensemble


def split_gains(ensemble: Ensemble, tree: Tree, criterion: Criterion) -> Floats:
    """Give the decrease of impurity at every node, weighted by its share of the rows; zero for a leaf."""
    cost = node_costs(ensemble, tree, criterion)
    gain = np.zeros(len(cost))
    interior = ~tree.is_leaf
    gain[interior] = cost[interior] - cost[tree.left[interior]] - cost[tree.right[interior]]
    return gain


def feature_importances(ensemble: Ensemble, criterion: Criterion = Criterion.GINI) -> Floats:
    """Share of every feature, computed ones included, in the decrease of impurity; array of shape (features,)."""
    total = np.zeros(ensemble.features + len(ensemble.pairs))
    for tree in ensemble.trees:
        interior = ~tree.is_leaf
        np.add.at(total, tree.feature[interior], split_gains(ensemble, tree, criterion)[interior])
    return np.asarray(total / total.sum()) if total.sum() > 0 else total


def node_costs(ensemble: Ensemble, tree: Tree, criterion: Criterion = Criterion.GINI) -> Floats:
    """Give every node's impurity as if it were a leaf, weighted by its share of the tree's rows.

    Of a forest the impurity is that of the classes in the node. Trees that add up to a margin have no classes in
    their nodes; there it is the variance of what the leaves below add, relative to that of the root.
    """
    share = tree.cover / tree.cover[0]
    if ensemble.link is not Link.IDENTITY:
        return _spread(tree, share)
    classes = np.clip(tree.value * len(ensemble.trees), 0, 1)
    if ensemble.outputs == 1:
        classes = np.concatenate([1 - classes, classes], axis=1)
    if criterion is Criterion.GINI:
        return np.asarray(share * (1 - (classes**2).sum(axis=1)))
    with np.errstate(divide="ignore", invalid="ignore"):
        bits = np.where(classes > 0, -classes * np.log2(classes), 0.0)
    return np.asarray(share * bits.sum(axis=1))


def _spread(tree: Tree, share: Floats) -> Floats:
    squares = share * (tree.value**2).sum(axis=1)
    for node in np.flatnonzero(~tree.is_leaf)[::-1]:
        squares[node] = squares[tree.left[node]] + squares[tree.right[node]]
    spread = np.maximum(squares - share * (tree.value**2).sum(axis=1), 0)
    return np.asarray(spread / spread[0]) if spread[0] > 0 else spread


def _best_below(tree: Tree, gain: Floats) -> Floats:
    best = gain.copy()
    for node in np.flatnonzero(~tree.is_leaf)[::-1]:
        best[node] = max(best[node], best[tree.left[node]], best[tree.right[node]])
    return best


def _collapse(ensemble: Ensemble, cut: Callable[[Tree], Bools]) -> Ensemble:
    trees = tuple(tree.collapsed(cut(tree)) for tree in ensemble.trees)
    return replace(ensemble, trees=trees).simplified()
