"""Pruning of whole trees: which of an ensemble to keep, and how much each one counts.

Sources: Caruana et al. 2004 (ensemble selection from a library); Peng et al. 2005 (relevance against redundancy by
mutual information); Liu & Mazumder 2023 (ForestPrune, weights under a penalty).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from model_builder.compression.ensemble import Ensemble, Floats, Link, Rows, expand

Codes = npt.NDArray[np.int64]

_BINS = 8


def first_trees(ensemble: Ensemble, count: int) -> Ensemble:
    """Keep the first trees: of boosted ones those that matter most, of a forest any."""
    return chosen_trees(ensemble, range(min(count * _per_stage(ensemble), len(ensemble.trees))))


def chosen_trees(ensemble: Ensemble, indices: Sequence[int]) -> Ensemble:
    """Keep some trees. Those of a forest are weighed up, so that it stays an average."""
    trees = [ensemble.trees[index] for index in indices]
    if ensemble.link is Link.IDENTITY:
        factor = len(ensemble.trees) / len(trees)
        trees = [replace(tree, value=tree.value * factor) for tree in trees]
    return replace(ensemble, trees=tuple(trees))


def greedy(ensemble: Ensemble, rows: Rows, codes: Codes, count: int) -> Ensemble:
    """Keep the trees of a forest that together come nearest to the classes, added one by one.

    Parameters
    ----------
    rows, codes
        Rows that the trees were not grown on, or that they were cut back on; shape (rows, features), and classes.
    """
    return chosen_trees(ensemble, sorted(greedy_order(ensemble, rows, codes, count))).simplified()


def greedy_order(ensemble: Ensemble, rows: Rows, codes: Codes, count: int) -> list[int]:
    """Give the indices of the trees that ``greedy`` keeps, in the order in which it adds them.

    The first few of the order are what it would keep if so few were asked for.
    """
    told, wanted = np.stack(_contributions(ensemble, rows)), _wanted(ensemble, codes)
    chosen: list[int] = []
    off = told - wanted
    # The loss of a step is |total + off|² for the sum of what is chosen; the part that is the same for all is left out.
    own = (off**2).sum(axis=(1, 2))
    total = np.zeros_like(wanted)
    for _ in range(min(count, len(told))):
        loss = own + 2 * np.tensordot(off, total, axes=2)
        loss[chosen] = np.inf
        chosen.append(int(np.argmin(loss)))
        total = total + off[chosen[-1]]
    return chosen


def by_mutual_information(ensemble: Ensemble, rows: Rows, codes: Codes, count: int) -> Ensemble:
    """Keep the trees of a forest that tell most of the classes and least of what the others tell already."""
    told = [_binned(each) for each in _contributions(ensemble, rows)]
    relevance = np.array([mutual_information(each, codes) for each in told])
    chosen = [int(relevance.argmax())]
    overlap = np.zeros(len(told))
    while len(chosen) < min(count, len(told)):
        overlap += [mutual_information(each, told[chosen[-1]]) for each in told]
        worth = relevance - overlap / len(chosen)
        worth[chosen] = -np.inf
        chosen.append(int(worth.argmax()))
    return chosen_trees(ensemble, sorted(chosen)).simplified()


def by_weights(ensemble: Ensemble, rows: Rows, codes: Codes, penalty: float) -> Ensemble:
    """Weigh the trees of a forest by non-negative least squares under a penalty, and drop those that weigh nothing.

    Parameters
    ----------
    penalty
        What a weight costs, as a share of the largest penalty that leaves any tree: 0 to 1.
    """
    told = np.stack([each.ravel() for each in _contributions(ensemble, rows)])
    wanted = _wanted(ensemble, codes).ravel()
    gram, gain = told @ told.T, told @ wanted
    cost = penalty * float(gain.max())
    weights = np.zeros(len(told))
    for _ in range(200):  # coordinate descent; each step solves for one weight exactly
        before = weights.copy()
        for index in range(len(weights)):
            if gram[index, index] > 0:
                rest = gain[index] - gram[index] @ weights + gram[index, index] * weights[index]
                weights[index] = max(0.0, (rest - cost) / gram[index, index])
        if np.abs(weights - before).max() < 1e-9:
            break
    total = weights.sum()
    if total <= 0:
        return ensemble
    factor = len(weights) / total  # a forest's probabilities must sum to one still
    trees = tuple(
        replace(tree, value=tree.value * weight * factor)
        for tree, weight in zip(ensemble.trees, weights, strict=True)
        if weight > 0
    )
    return replace(ensemble, trees=trees).simplified()


def mutual_information(left: Codes, right: Codes) -> float:
    """Give what two discrete variables tell of each other, in bits."""
    table = np.zeros((int(left.max()) + 1, int(right.max()) + 1))
    np.add.at(table, (left, right), 1.0)
    table /= table.sum()
    independent = table.sum(axis=1, keepdims=True) * table.sum(axis=0, keepdims=True)
    some = table > 0
    return float((table[some] * np.log2(table[some] / independent[some])).sum())


def feature_information(rows: Rows, codes: Codes, bins: int = 16) -> Floats:
    """Give what every feature alone tells of the classes, in bits; a missing value is a bin of its own."""
    found = np.zeros(rows.shape[1])
    for feature, column in enumerate(rows.T):
        known = ~np.isnan(column)
        place = np.zeros(len(column), np.int64)
        if known.any():
            # The few largest values get bins of their own: faults live in the tails.
            shares = np.concatenate([np.linspace(0, 1, bins + 1)[1:-1], [0.01, 0.99]])
            edges = np.unique(np.quantile(column[known], shares))
            place[known] = 1 + np.searchsorted(edges, column[known], side="left")
        found[feature] = mutual_information(place, codes)
    return found


def split_information(ensemble: Ensemble, rows: Rows, codes: Codes) -> list[Floats]:
    """Give what every split tells of the classes of the rows that reach it, in bits, weighted by their share."""
    expanded = expand(rows, ensemble.pairs)
    found = []
    for tree in ensemble.trees:
        told = np.zeros(len(tree.feature))
        inside: dict[int, npt.NDArray[np.intp]] = {0: np.arange(len(rows))}
        for node in np.flatnonzero(~tree.is_leaf):
            here = inside.pop(int(node), np.empty(0, np.intp))
            value = expanded[here, tree.feature[node]]
            left = np.where(np.isnan(value), tree.missing_left[node], value <= tree.threshold[node])
            inside[int(tree.left[node])], inside[int(tree.right[node])] = here[left], here[~left]
            if len(here):
                told[node] = len(here) / len(rows) * mutual_information(left.astype(np.int64), codes[here])
        found.append(told)
    return found


def _contributions(ensemble: Ensemble, rows: Rows) -> list[Floats]:
    if ensemble.link is not Link.IDENTITY:
        raise ValueError("boosted trees build on each other: keep the first ones, or prune their levels")
    expanded, factor = expand(rows, ensemble.pairs), len(ensemble.trees)
    return [tree.value[tree.apply(expanded)] * factor for tree in ensemble.trees]


def _wanted(ensemble: Ensemble, codes: Codes) -> Floats:
    if ensemble.outputs == 1:
        return codes.astype(np.float64).reshape(-1, 1)
    return np.asarray(np.eye(ensemble.outputs)[codes])


def _binned(told: Floats) -> Codes:
    if told.shape[1] > 1:
        return np.asarray(told.argmax(axis=1), np.int64)
    return np.minimum((told[:, 0].clip(0, 1) * _BINS).astype(np.int64), _BINS - 1)


def _per_stage(ensemble: Ensemble) -> int:
    """Number of trees that one step of boosting adds: one for each class where there are several."""
    return ensemble.outputs if ensemble.link is Link.SOFTMAX else 1
