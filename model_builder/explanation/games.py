"""The games that an ensemble's leaves play, as arrays: all that a graph needs to take a score apart by itself.

Of one leaf the Shapley values depend only on which players of its path a row follows, so that they are a table of as
many rows as there are subsets of these players.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model_builder.compression.ensemble import LEAF, Ensemble, Floats, Tree

Ints = npt.NDArray[np.int64]

SMALLEST_SHARE = 1e-7
"""What a share of no row at all is taken for, since the graph divides by it."""

NO_PLAYER = -1


@dataclass(frozen=True, order=True)
class Condition:
    """What a path asks of one feature: to be above ``low`` (None: no matter) and at most ``high``, or missing."""

    feature: int
    low: float | None
    high: float
    missing: bool


ALWAYS = Condition(-1, None, np.inf, missing=True)


@dataclass(frozen=True, eq=False)
class Games:
    """The games of all leaves, padded to as many slots as the leaf with most players has.

    Attributes
    ----------
    conditions
        The distinct conditions; the first one always holds.
    asks
        Array of shape (conditions a slot, leaves, slots): indices into ``conditions``, all of which a row must meet to
        follow the player of the slot.
    players
        Array of shape (leaves, slots): whose slot it is; ``NO_PLAYER`` in a slot of padding.
    shares
        Array of shape (leaves, slots): the share of the training rows that follow; 1 in a slot of padding.
    values
        Array of shape (leaves, outputs): what each leaf says.
    base
        Array of shape (outputs,): what the ensemble says where no player is known.
    """

    conditions: tuple[Condition, ...]
    asks: Ints
    players: Ints
    shares: Floats
    values: Floats
    base: Floats

    @property
    def leaves(self) -> int:
        """Number of leaves."""
        return len(self.shares)

    @property
    def slots(self) -> int:
        """Most players of a leaf."""
        return int(self.shares.shape[1])


@dataclass(frozen=True)
class _Path:
    """What a leaf's path asks of one player, feature by feature, and the share of rows that follow."""

    asked: dict[int, Condition]
    share: float


def games_of(ensemble: Ensemble, players: Ints) -> Games:
    """Lay out the games of an ensemble's leaves.

    Parameters
    ----------
    players
        For each feature, the computed ones included, the index of the player that it belongs to.
    """
    found = [each for tree in ensemble.trees for each in _leaves(tree, players)]
    if not found:
        # Where there is no tree, a leaf without a word lets the graph answer as many rows as it is asked.
        found = [(np.zeros(ensemble.outputs), {})]
    slots = max(1, *(len(paths) for _, paths in found))
    deep = max((len(path.asked) for _, paths in found for path in paths.values()), default=1)
    places = {ALWAYS: 0}
    asks = np.zeros((deep, len(found), slots), np.int64)
    who = np.full((len(found), slots), NO_PLAYER, np.int64)
    shares = np.ones((len(found), slots))
    for leaf, (_, paths) in enumerate(found):
        for slot, (player, path) in enumerate(sorted(paths.items())):
            who[leaf, slot], shares[leaf, slot] = player, max(path.share, SMALLEST_SHARE)
            for level, condition in enumerate(path.asked.values()):
                asks[level, leaf, slot] = places.setdefault(condition, len(places))
    values = np.array([value for value, _ in found], np.float64).reshape(len(found), ensemble.outputs)
    base = ensemble.base + shares.prod(axis=1) @ values
    return Games(tuple(places), asks, who, shares, values, base)


def _leaves(tree: Tree, players: Ints) -> Iterator[tuple[Floats, dict[int, _Path]]]:
    stack: list[tuple[int, dict[int, _Path]]] = [(0, {})]
    while stack:
        node, paths = stack.pop()
        if tree.feature[node] == LEAF:
            yield tree.value[node], paths
            continue
        feature, threshold = int(tree.feature[node]), float(tree.threshold[node])
        player, missing_left = int(players[feature]), bool(tree.missing_left[node])
        left, right = int(tree.left[node]), int(tree.right[node])
        total = tree.cover[left] + tree.cover[right]
        path = paths.get(player, _Path({}, 1.0))
        so_far = path.asked.get(feature, Condition(feature, None, np.inf, missing=True))
        low = threshold if so_far.low is None else max(so_far.low, threshold)
        below = Condition(feature, so_far.low, min(so_far.high, threshold), so_far.missing and missing_left)
        above = Condition(feature, low, so_far.high, so_far.missing and not missing_left)
        for child, condition in ((left, below), (right, above)):
            share = float(tree.cover[child] / total) if total > 0 else 0.5
            then = _Path(path.asked | {feature: condition}, path.share * share)
            stack.append((child, paths | {player: then}))
