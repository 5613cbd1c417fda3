"""The typed form of a tree ensemble between trainer and exporter.

It knows neither scikit-learn nor ONNX: a trainer's trees are read into it, passes turn one into another, and the
encoder and the evaluator read from it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.float32]

LEAF = -1
_DIFFERS = -1


class Link(StrEnum):
    """What turns the sum of the trees into probabilities."""

    IDENTITY = "identity"
    SIGMOID = "sigmoid"
    SOFTMAX = "softmax"


class Combine(StrEnum):
    """How two columns make a new one."""

    PRODUCT = "product"
    DIFFERENCE = "difference"


@dataclass(frozen=True, order=True)
class Pair:
    """A feature computed from two columns of the input, in float32."""

    combine: Combine
    left: int
    right: int


@dataclass(frozen=True, eq=False)
class Tree:
    """One tree as arrays over its nodes; node 0 is the root and every child stands after its parent.

    Attributes
    ----------
    feature
        Index of the feature that the node compares; ``LEAF`` for a leaf.
    threshold
        A row goes left where its value is at most this.
    left, right
        Indices of the children; 0 for a leaf.
    missing_left
        Whether a missing value (NaN) goes left.
    value
        Array of shape (nodes, outputs): what a leaf adds to the sum. Of an interior node: the mean of its leaves by
        cover, which is what the node would add if it were a leaf.
    cover
        Weighted number of training rows in the node.
    """

    feature: Ints
    threshold: npt.NDArray[np.float32]
    left: Ints
    right: Ints
    missing_left: Bools
    value: Floats
    cover: Floats

    @classmethod
    def constant(cls, value: Floats) -> Self:
        """Make a tree of a single leaf. ``value`` has shape (outputs,)."""
        zero = np.zeros(1, np.int64)
        return cls(
            feature=np.array([LEAF], np.int64),
            threshold=np.zeros(1, np.float32),
            left=zero,
            right=zero,
            missing_left=np.zeros(1, bool),
            value=value.reshape(1, -1).astype(np.float64),
            cover=np.ones(1),
        )

    @property
    def is_leaf(self) -> Bools:
        """Which nodes are leaves."""
        return np.asarray(self.feature == LEAF)

    @property
    def splits(self) -> int:
        """Number of interior nodes."""
        return int((~self.is_leaf).sum())

    def depths(self) -> Ints:
        """Give every node's distance from the root."""
        depth = np.zeros(len(self.feature), np.int64)
        for node in np.flatnonzero(~self.is_leaf):
            depth[self.left[node]] = depth[self.right[node]] = depth[node] + 1
        return depth

    def apply(self, rows: Rows) -> Ints:
        """Give the leaf that each row of an array of shape (rows, features) ends in."""
        node = np.zeros(len(rows), np.int64)
        active = np.arange(len(rows)) if not self.is_leaf[0] else np.empty(0, np.int64)
        while len(active):
            at = node[active]
            value = rows[active, self.feature[at]]
            go_left = np.where(np.isnan(value), self.missing_left[at], value <= self.threshold[at])
            after = np.where(go_left, self.left[at], self.right[at])
            node[active] = after
            active = active[self.feature[after] != LEAF]
        return node

    def collapsed(self, cut: Bools) -> Tree:
        """Turn the nodes of ``cut`` (an array over nodes) into leaves and drop what hung below them."""
        leaf = self.is_leaf | cut
        if (leaf == self.is_leaf).all():
            return self
        kept = [True] + [False] * (len(leaf) - 1)
        nodes = np.flatnonzero(~leaf)  # parents stand before their children
        for node, left, right in zip(
            nodes.tolist(), self.left[nodes].tolist(), self.right[nodes].tolist(), strict=True
        ):
            if kept[node]:
                kept[left] = kept[right] = True
        keep = np.array(kept)
        position = np.cumsum(keep) - 1
        ends = leaf[keep]
        return Tree(
            feature=np.where(ends, LEAF, self.feature[keep]),
            threshold=np.where(ends, np.float32(0), self.threshold[keep]),
            left=np.where(ends, 0, position[self.left[keep]]),
            right=np.where(ends, 0, position[self.right[keep]]),
            missing_left=~ends & self.missing_left[keep],
            value=self.value[keep],
            cover=self.cover[keep],
        )

    def with_leaves(self, value: Floats) -> Tree:
        """Give the leaves other values; those of interior nodes become the means by cover.

        Parameters
        ----------
        value
            Array of shape (nodes, outputs), of which only the leaves' rows are read.
        """
        value = value.astype(np.float64).copy()
        for node in np.flatnonzero(~self.is_leaf)[::-1]:
            left, right = self.left[node], self.right[node]
            weights = self.cover[left], self.cover[right]
            total = weights[0] + weights[1]
            share = weights[0] / total if total > 0 else 0.5
            value[node] = share * value[left] + (1 - share) * value[right]
        return replace(self, value=value)

    def simplified(self) -> Tree:
        """Drop the splits whose leaves all say the same, which changes no answer."""
        leaf = self.is_leaf
        says = np.full(len(leaf), _DIFFERS)
        says[leaf] = _numbered(self.value[leaf])
        leftmost = np.arange(len(leaf))
        here, first = says.tolist(), leftmost.tolist()
        interior = np.flatnonzero(~leaf)
        nodes = zip(*(each[interior[::-1]].tolist() for each in (leftmost, self.left, self.right)), strict=True)
        for node, left, right in nodes:
            here[node] = here[left] if here[left] == here[right] else _DIFFERS
            first[node] = first[left]
        same = np.array(here) != _DIFFERS
        merged = same & ~leaf
        if not merged.any():
            return self
        # The common value itself, not a mean that may have lost its last bit.
        return replace(self, value=np.where(same[:, None], self.value[first], self.value)).collapsed(merged)


@dataclass(frozen=True, eq=False)
class Ensemble:
    """A sum of trees and a link.

    Attributes
    ----------
    trees
        The trees; the average of a forest is already in their values.
    base
        Array of shape (outputs,), added to the sum of the trees.
    link
        What makes probabilities of the sum.
    features
        Number of columns of the input.
    pairs
        Features computed from them; the first one has the index ``features``.
    """

    trees: tuple[Tree, ...]
    base: Floats
    link: Link
    features: int
    pairs: tuple[Pair, ...] = ()

    @property
    def outputs(self) -> int:
        """One for two classes, else the number of classes."""
        return len(self.base)

    def tests(self) -> list[tuple[int, np.float32]]:
        """List the column and threshold of every test of every tree; those of computed columns are left out."""
        return [
            (int(feature), np.float32(threshold))
            for tree in self.trees
            for feature, threshold in zip(tree.feature, tree.threshold, strict=True)
            if 0 <= feature < self.features
        ]

    @property
    def splits(self) -> int:
        """Number of interior nodes of all trees."""
        return sum(tree.splits for tree in self.trees)

    def simplified(self) -> Ensemble:
        """Merge leaves that say the same, move trees of one leaf into the base, drop pairs that no tree looks at.

        The pairs that are left are sorted.
        """
        trees = [tree.simplified() for tree in self.trees]
        base = self.base + sum((tree.value[0] for tree in trees if tree.is_leaf[0]), np.zeros(self.outputs))
        kept = tuple(tree for tree in trees if not tree.is_leaf[0])
        return replace(self, trees=kept, base=base)._with_used_pairs()

    def _with_used_pairs(self) -> Ensemble:
        used = {int(f) for tree in self.trees for f in tree.feature if f >= self.features}
        order = sorted(used, key=lambda feature: self.pairs[feature - self.features])
        if order == list(range(self.features, self.features + len(self.pairs))):
            return self
        position = {feature: self.features + index for index, feature in enumerate(order)}
        trees = tuple(
            replace(tree, feature=np.array([position.get(int(f), int(f)) for f in tree.feature], np.int64))
            for tree in self.trees
        )
        return replace(self, trees=trees, pairs=tuple(self.pairs[feature - self.features] for feature in order))

    def raw(self, rows: Rows) -> Floats:
        """Sum up the trees in float64; array of shape (rows, outputs)."""
        expanded = expand(rows, self.pairs)
        total = np.repeat(self.base[None, :], len(rows), axis=0)
        for tree in self.trees:
            total += tree.value[tree.apply(expanded)]
        return total

    def scores(self, rows: Rows) -> Floats:
        """Give the positive class's probability, shape (rows, 1), or that of every class, shape (rows, classes)."""
        raw = self.raw(rows)
        if self.link is Link.SIGMOID:
            with np.errstate(over="ignore"):
                return np.asarray(1.0 / (1.0 + np.exp(-raw)))
        if self.link is Link.SOFTMAX:
            powers = np.exp(raw - raw.max(axis=1, keepdims=True))
            return np.asarray(powers / powers.sum(axis=1, keepdims=True))
        return raw


def _numbered(values: Floats) -> list[int]:
    """Give rows of an array the same number where they hold the same values."""
    plain = np.ascontiguousarray(values + 0.0)  # -0.0 says the same as 0.0
    known: dict[bytes, int] = {}
    return [known.setdefault(each, len(known)) for each in plain.view(f"V{plain[:1].nbytes}").ravel().tolist()]


def expand(rows: Rows, pairs: tuple[Pair, ...]) -> Rows:
    """Append the computed features to an array of shape (rows, features)."""
    if not pairs:
        return rows
    with np.errstate(invalid="ignore", over="ignore"):
        extra = [
            rows[:, pair.left] * rows[:, pair.right]
            if pair.combine is Combine.PRODUCT
            else rows[:, pair.left] - rows[:, pair.right]
            for pair in pairs
        ]
    return np.column_stack([rows, *extra])
