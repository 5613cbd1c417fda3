"""Trees as a few small arrays, which a loop of six lines can walk: the form that the C export is written in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model_builder.compression.ensemble import LEAF, Ensemble, Link, Rows, Tree, expand

Unsigned = npt.NDArray[np.unsignedinteger]
Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Tables:
    """Every split of every tree, tree after tree, parents before children, a left child right after its parent.

    Attributes
    ----------
    feature
        Array of shape (splits,): twice the column that is compared, plus one where a missing value goes left.
    cut
        Array of shape (splits,): places in ``cuts``; None where ``cuts`` itself has one value for each split.
    cuts
        The thresholds. A row goes left where its value is at most this.
    left, right
        Arrays of shape (splits,). Below the number of leaves: that leaf. From there on: so many splits further on,
        the number of leaves standing for the next one.
    roots
        Array of shape (trees,): the first split of each.
    leaves
        Array of shape (distinct leaves, outputs), or (distinct leaves, 1) where each tree adds to one output.
    target
        Array of shape (trees,): the output that each tree adds to; None where leaves have a value for every output.
    base
        Array of shape (outputs,): what the sum starts from.
    """

    feature: Unsigned
    cut: Unsigned | None
    cuts: Float32
    left: Unsigned
    right: Unsigned
    roots: Unsigned
    leaves: Float32
    target: Unsigned | None
    base: Float32
    source: Ensemble

    @property
    def bytes(self) -> int:
        """Size of all arrays in a device's read-only memory."""
        arrays = (self.feature, self.cut, self.cuts, self.left, self.right, self.roots, self.leaves, self.target)
        return sum(array.nbytes for array in arrays if array is not None) + self.base.nbytes

    def scores(self, rows: Rows) -> Float32:
        """Answer rows of shape (rows, features) by walking the tables, adding up in float32 and tree by tree.

        This is what the written code does, step for step; shape (rows, outputs).
        """
        matrix = expand(rows, self.source.pairs)
        total = np.repeat(self.base[None, :], len(rows), axis=0)
        for index, root in enumerate(self.roots):
            leaf = self._walk(int(root), matrix)
            if self.target is None:
                total += self.leaves[leaf]
            else:
                total[:, self.target[index]] += self.leaves[leaf, 0]
        return linked(total, self.source.link)

    def _walk(self, root: int, matrix: Rows) -> npt.NDArray[np.int64]:
        count = len(self.leaves)
        leaf = np.zeros(len(matrix), np.int64)
        active, node = np.arange(len(matrix)), np.full(len(matrix), root, np.int64)
        while len(active):
            told = self.feature[node].astype(np.int64)
            value = matrix[active, told >> 1]
            threshold = self.cuts[node] if self.cut is None else self.cuts[self.cut[node]]
            go_left = np.where(np.isnan(value), told & 1 == 1, value <= threshold)
            code = np.where(go_left, self.left[node], self.right[node]).astype(np.int64)
            ended = code < count
            leaf[active[ended]] = code[ended]
            active, node = active[~ended], (node + code - count + 1)[~ended]
        return leaf


def linked(total: Float32, link: Link) -> Float32:
    """Make scores of sums, in float32."""
    if link is Link.SIGMOID:
        with np.errstate(over="ignore"):
            return np.asarray(np.float32(1) / (np.float32(1) + np.exp(-total)), np.float32)
    if link is Link.SOFTMAX:
        powers = np.exp(total - total.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)
    return total


def tables(ensemble: Ensemble) -> Tables:
    """Lay out an ensemble, every array in the smallest type that holds it."""
    ensemble = ensemble.simplified()
    trees = ensemble.trees or (_even_split(ensemble.outputs),)
    leaves = _Leaves(trees, ensemble.outputs)
    parts = [_Part.of(tree, index, leaves) for index, tree in enumerate(trees)]
    sizes = [len(part.feature) for part in parts]
    thresholds = np.concatenate([part.threshold for part in parts])
    cut, cuts = _shared(thresholds)
    return Tables(
        feature=_smallest(np.concatenate([part.feature for part in parts])),
        cut=cut,
        cuts=cuts,
        left=_smallest(np.concatenate([part.left for part in parts])),
        right=_smallest(np.concatenate([part.right for part in parts])),
        roots=_smallest(np.cumsum([0, *sizes[:-1]])),
        leaves=leaves.values,
        target=leaves.target,
        base=ensemble.base.astype(np.float32),
        source=ensemble,
    )


class _Leaves:
    """The distinct leaves of all trees."""

    def __init__(self, trees: tuple[Tree, ...], outputs: int) -> None:
        columns = [_only_column(tree) for tree in trees]
        single = outputs > 1 and all(column is not None for column in columns)
        self.target = _smallest(np.array(columns, np.int64)) if single else None
        values = []
        for tree, column in zip(trees, columns, strict=True):
            found = tree.value[tree.is_leaf].astype(np.float32) + np.float32(0)  # no -0.0 beside 0.0
            values.append(found[:, column : column + 1] if single and column is not None else found)
        self.values, place = np.unique(np.concatenate(values), axis=0, return_inverse=True)
        ends = np.cumsum([len(each) for each in values])[:-1]
        self.places = np.split(place.reshape(-1), ends)


@dataclass(frozen=True, eq=False)
class _Part:
    feature: npt.NDArray[np.int64]
    threshold: Float32
    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]

    @classmethod
    def of(cls, tree: Tree, index: int, leaves: _Leaves) -> _Part:
        order = _preorder(tree)
        position = np.zeros(len(tree.feature), np.int64)
        position[order] = np.arange(len(order))
        count = len(leaves.values)
        code = np.zeros(len(tree.feature), np.int64)
        code[tree.is_leaf] = leaves.places[index]

        def child(of: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
            to = of[order]
            return np.where(tree.is_leaf[to], code[to], count + position[to] - np.arange(len(order)) - 1)

        return cls(
            feature=2 * tree.feature[order] + tree.missing_left[order],
            threshold=tree.threshold[order],
            left=child(tree.left),
            right=child(tree.right),
        )


def _preorder(tree: Tree) -> npt.NDArray[np.int64]:
    order, waiting = [], [0]
    while waiting:
        node = waiting.pop()
        if tree.feature[node] != LEAF:
            order.append(node)
            waiting += [int(tree.right[node]), int(tree.left[node])]
    return np.array(order, np.int64)


def _only_column(tree: Tree) -> int | None:
    """Give the only output that a tree adds to; None where it adds to several."""
    used = np.flatnonzero(tree.value[tree.is_leaf].any(axis=0))
    return int(used[0]) if len(used) == 1 else None


def _shared(thresholds: Float32) -> tuple[Unsigned | None, Float32]:
    cuts, place = np.unique(thresholds, return_inverse=True)
    cut = _smallest(place.reshape(-1))
    if cut.nbytes + cuts.nbytes >= thresholds.nbytes:
        return None, thresholds
    return cut, cuts


def _smallest(values: npt.NDArray[np.integer]) -> Unsigned:
    return np.asarray(values.astype(np.min_scalar_type(int(values.max()))))


def _even_split(outputs: int) -> Tree:
    return Tree(
        feature=np.array([0, LEAF, LEAF]),
        threshold=np.zeros(3, np.float32),
        left=np.array([1, 0, 0]),
        right=np.array([2, 0, 0]),
        missing_left=np.zeros(3, bool),
        value=np.zeros((3, outputs), np.float64),
        cover=np.ones(3),
    )
