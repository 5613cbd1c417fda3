"""Shapley values of a tree ensemble, exact, for the ensemble that is served.

What a tree says when only some columns are known is the mean over the leaves that are left, weighted by the training
rows that went each way (the path-dependent game of Lundberg et al., Nature Machine Intelligence 2020). For one leaf
this game is a product over the columns on its path, and a Shapley value is an integral over the probability that the
others are known (Owen, Management Science 1972): of a polynomial, so that Gauss and Legendre's rule is exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model_builder.compression.ensemble import LEAF, Ensemble, Floats, Rows, Tree, expand

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

TOGETHER = 64


@dataclass(frozen=True, eq=False)
class Attribution:
    """What each player adds to the sum of the trees, before the link.

    Attributes
    ----------
    values
        Array of shape (rows, players, outputs). With ``expected`` they add up to what the trees say.
    expected
        Array of shape (outputs,): the mean over the rows that the trees were grown on.
    """

    values: Floats
    expected: Floats


@dataclass(frozen=True, eq=False)
class _Leaf:
    """A leaf and its path: for each player, whether each row follows it there, and the share of rows that do."""

    value: Floats
    players: list[int]
    follows: Bools
    shares: Floats


def shapley_values(ensemble: Ensemble, rows: Rows, players: Ints) -> Attribution:
    """Take the answers of an ensemble apart.

    Parameters
    ----------
    rows
        Array of shape (rows, features).
    players
        For each feature, the computed ones included, the index of the player that it belongs to: all columns that one
        category was spread out to are one player.
    """
    expanded = expand(rows, ensemble.pairs)
    values = np.zeros((len(rows), int(players.max(initial=-1)) + 1, ensemble.outputs))
    expected = ensemble.base.astype(np.float64).copy()
    for tree in ensemble.trees:
        for leaf_group in _alike(_leaves(tree, expanded, players)):
            value = np.stack([leaf.value for leaf in leaf_group])
            shares = np.stack([leaf.shares for leaf in leaf_group])
            expected += shares.prod(axis=1) @ value
            parts = _parts(np.stack([leaf.follows for leaf in leaf_group]), shares)
            who = np.array([leaf.players for leaf in leaf_group], np.int64).reshape(shares.shape)
            for player in np.unique(who):
                leaf, place = np.nonzero(who == player)
                values[:, player] += parts[leaf, place].T @ value[leaf]
    return Attribution(values, expected)


def leaves(ensemble: Ensemble) -> int:
    """Count the leaves: the work grows with them."""
    return sum(int(tree.is_leaf.sum()) for tree in ensemble.trees)


def _alike(found: Iterator[_Leaf]) -> Iterator[list[_Leaf]]:
    """Put leaves of as many players together, a few dozen at a time, so that they are worked on at once."""
    waiting: dict[int, list[_Leaf]] = {}
    for leaf in found:
        group = waiting.setdefault(len(leaf.players), [])
        group.append(leaf)
        if len(group) == TOGETHER:
            yield waiting.pop(len(leaf.players))
    yield from waiting.values()


def _parts(follows: Bools, shares: Floats) -> Floats:
    """Give each player's part of leaves of value one, shape (leaves, players, rows).

    Parameters
    ----------
    follows
        Array of that shape.
    shares
        Array of shape (leaves, players).
    """
    points, weights = np.polynomial.legendre.leggauss(shares.shape[1] // 2 + 1)
    found = np.zeros(follows.shape)
    for known, weight in zip((points + 1) / 2, weights / 2, strict=True):
        factors = (shares * (1 - known))[:, :, np.newaxis] + follows * known
        before, after = np.ones_like(factors), np.ones_like(factors)
        np.cumprod(factors[:, :-1], axis=1, out=before[:, 1:])
        after[:, :-1] = np.cumprod(factors[:, :0:-1], axis=1)[:, ::-1]
        found += weight * before * after
    return np.asarray((follows - shares[:, :, np.newaxis]) * found)


def _leaves(tree: Tree, rows: Rows, players: Ints) -> Iterator[_Leaf]:
    inner = tree.feature != LEAF
    known = rows[:, tree.feature[inner]].T
    left = np.zeros((len(tree.feature), len(rows)), bool)
    left[inner] = np.where(
        np.isnan(known), tree.missing_left[inner, np.newaxis], known <= tree.threshold[inner, np.newaxis]
    )
    stack: list[tuple[int, dict[int, tuple[Bools, float]]]] = [(0, {})]
    while stack:
        node, path = stack.pop()
        if tree.feature[node] == LEAF:
            shape = (len(path), len(rows))
            follows = np.array([follow for follow, _ in path.values()], bool).reshape(shape)
            yield _Leaf(tree.value[node], list(path), follows, np.array([share for _, share in path.values()]))
            continue
        player = int(players[tree.feature[node]])
        total = tree.cover[tree.left[node]] + tree.cover[tree.right[node]]
        for child, goes in ((tree.left[node], left[node]), (tree.right[node], ~left[node])):
            share = float(tree.cover[child] / total) if total > 0 else 0.5
            follow, so_far = path.get(player, (True, 1.0))
            stack.append((int(child), path | {player: (goes & follow, so_far * share)}))
