"""Trees as tables of nodes that lead from one to the next: the form that the TensorFlow Lite export is written in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model_builder.compression.ensemble import Ensemble, Tree

Integers = npt.NDArray[np.signedinteger]
Float32 = npt.NDArray[np.float32]
_TYPES = (np.int8, np.int16, np.int32)


@dataclass(frozen=True, eq=False)
class Nodes:
    """Every split of every tree, and behind them the distinct leaves, which trees share and which lead to themselves.

    Attributes
    ----------
    feature
        Array of shape (nodes,): the column that is compared; the width of the matrix is added where a missing value
        goes left.
    threshold
        Array of shape (nodes,): a row goes left where its value is at most this. Of a leaf: what it adds, where a leaf
        adds to one output only.
    left, right
        Arrays of shape (nodes,): the next node.
    roots
        Array of shape (trees,). Where each tree adds to one of several outputs, they stand output by output, as many
        of each.
    leaves
        Array of shape (distinct leaves, outputs); None where a leaf adds to one output only.
    splits
        Number of splits, which is the first leaf's number.
    depth
        Levels of the deepest tree.
    """

    feature: Integers
    threshold: Float32
    left: Integers
    right: Integers
    roots: npt.NDArray[np.int32]
    leaves: Float32 | None
    splits: int
    depth: int
    any_missing_left: bool
    source: Ensemble


def nodes(ensemble: Ensemble) -> Nodes:
    """Lay out an ensemble, every table in the smallest type that LiteRT can look up in."""
    ensemble = ensemble.simplified()
    trees = list(ensemble.trees)
    columns = [_only_column(tree) for tree in trees]
    single = ensemble.outputs == 1 or all(column is not None for column in columns)
    values, places = _distinct(trees, columns if single else None)
    splits = sum(tree.splits for tree in trees)
    width = ensemble.features + len(ensemble.pairs)
    feature = np.zeros(splits + len(values), np.int64)
    threshold = np.zeros(splits + len(values), np.float32)
    left = np.arange(splits + len(values))
    right = left.copy()
    roots, start = [], 0
    for tree, leaf in zip(trees, places, strict=True):
        inner = ~tree.is_leaf
        end = start + tree.splits
        place = start + np.cumsum(inner) - 1
        place[~inner] = splits + leaf
        feature[start:end] = tree.feature[inner] + width * tree.missing_left[inner]
        threshold[start:end] = tree.threshold[inner]
        left[start:end], right[start:end] = place[tree.left[inner]], place[tree.right[inner]]
        roots.append(start)
        start = end
    if single:
        threshold[splits:] = values[:, 0]
    nothing = splits + int(np.flatnonzero(~values.any(axis=1))[0])
    return Nodes(
        feature=_smallest(feature),
        threshold=threshold,
        left=_smallest(left),
        right=_smallest(right),
        roots=_in_order(roots, columns, ensemble.outputs, single, nothing),
        leaves=None if single else values,
        splits=splits,
        depth=max((int(tree.depths().max()) for tree in trees), default=0),
        any_missing_left=any(tree.missing_left.any() for tree in trees),
        source=ensemble,
    )


def _distinct(trees: list[Tree], columns: list[int | None] | None) -> tuple[Float32, list[npt.NDArray[np.int64]]]:
    """Give the distinct leaves, of which one adds nothing, and the number of each tree's leaves among them."""
    found = []
    for index, tree in enumerate(trees):
        values = tree.value[tree.is_leaf].astype(np.float32) + np.float32(0)  # no -0.0 beside 0.0
        column = None if columns is None else columns[index]
        found.append(values if column is None else values[:, column : column + 1])
    width = found[0].shape[1] if found else 1
    every = np.concatenate([*found, np.zeros((1, width), np.float32)])
    distinct, place = np.unique(every, axis=0, return_inverse=True)
    ends = np.cumsum([len(each) for each in found])
    return distinct, np.split(place.reshape(-1), ends)[:-1]


def _in_order(
    roots: list[int], columns: list[int | None], outputs: int, single: bool, nothing: int
) -> npt.NDArray[np.int32]:
    if outputs == 1 or not single:
        return np.array(roots or [nothing], np.int32)
    groups = [
        [root for root, column in zip(roots, columns, strict=True) if column == output] for output in range(outputs)
    ]
    most = max(1, *(len(group) for group in groups))
    return np.array([root for group in groups for root in [*group, *[nothing] * (most - len(group))]], np.int32)


def _only_column(tree: Tree) -> int | None:
    used = np.flatnonzero(tree.value[tree.is_leaf].any(axis=0))
    return int(used[0]) if len(used) == 1 else None


def _smallest(values: npt.NDArray[np.int64]) -> Integers:
    kind = next(kind for kind in _TYPES if int(values.max()) <= np.iinfo(kind).max)
    return values.astype(kind)
