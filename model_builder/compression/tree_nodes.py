"""The trees as one ONNX node, in the two forms that runtimes know."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from onnx import AttributeProto, TensorProto

from model_builder.compression import wire
from model_builder.compression.ensemble import LEAF, Ensemble, Floats, Ints, Tree

ML_DOMAIN = "ai.onnx.ml"

_LEQ, _GT = 0, 3
"""``BRANCH_LEQ`` and ``BRANCH_GT`` of TreeEnsemble."""

FLAGGED_SPLITS = 1024
"""Up to so many splits a missing value's way is a flag of its own, which costs a byte a split.

In larger ensembles the comparison is turned round and the children are swapped where a missing value goes left: a
missing value is never less nor greater. That costs no byte, but the runtime is a third slower on many rows when
comparisons differ.
"""

_MODES = {_LEQ: b"BRANCH_LEQ", _GT: b"BRANCH_GT"}
_SUM = 1


def tree_ensemble(ensemble: Ensemble, source: str, target: str) -> bytes:
    """Write a NodeProto of ``TreeEnsemble`` (ai.onnx.ml 5, ONNX Runtime 1.21 and later).

    Interior nodes and leaves are apart, and equal leaves are stored once.
    """
    flagged = ensemble.splits <= FLAGGED_SPLITS
    leaves = _Leaves(_columns(ensemble))
    features: list[Ints] = []
    splits, modes, children, ends, flags = [], [], [], [], []
    roots: list[int] = []
    offset = 0
    for column in leaves.trees:
        tree = column.tree
        roots.append(offset)
        interior = np.flatnonzero(~tree.is_leaf)
        place = offset + np.cumsum(~tree.is_leaf) - 1
        for node in np.flatnonzero(tree.is_leaf):
            place[node] = leaves.position[column.keys[node]]
        both = np.stack([tree.left[interior], tree.right[interior]], axis=1)
        missing_left = tree.missing_left[interior]
        swapped = missing_left & (not flagged)
        flags.append(missing_left & flagged)
        both[swapped] = both[swapped][:, ::-1]
        end = tree.is_leaf[both]
        features.append(tree.feature[interior])
        splits.append(tree.threshold[interior])
        modes.append(np.where(swapped, _GT, _LEQ).astype(np.uint8))
        child = place[both]
        if child[0, 0] == child[0, 1]:
            # ONNX Runtime 1.21 to 1.23 takes a root whose two children have one number for a leaf, though one of them
            # counts nodes and the other leaves.
            child[0, np.flatnonzero(end[0])[-1]] = leaves.twin(int(child[0, 0]))
        children.append(child)
        ends.append(end)
        offset += len(interior)
    all_children, all_ends = np.concatenate(children), np.concatenate(ends)
    attributes = [
        _integer("n_targets", ensemble.outputs),
        _integer("aggregate_function", _SUM),
        _integers("tree_roots", roots),
        _integers("nodes_featureids", np.concatenate(features)),
        _tensor("nodes_splits", np.concatenate(splits)),
        _tensor("nodes_modes", np.concatenate(modes)),
        _integers("nodes_truenodeids", all_children[:, 0]),
        _integers("nodes_trueleafs", all_ends[:, 0]),
        _integers("nodes_falsenodeids", all_children[:, 1]),
        _integers("nodes_falseleafs", all_ends[:, 1]),
        _integers("leaf_targetids", leaves.targets),
        _tensor("leaf_weights", leaves.weights),
    ]
    if (told := np.concatenate(flags)).any():
        attributes.append(_integers("nodes_missing_value_tracks_true", told))
    return _node("TreeEnsemble", source, target, attributes)


def tree_ensemble_regressor(ensemble: Ensemble, source: str, target: str) -> bytes:
    """Write a NodeProto of ``TreeEnsembleRegressor`` (ai.onnx.ml 3), the lean form for older runtimes.

    A regressor also for classes: the classifier's label rule depends on the sign of its weights.
    """
    trees = _with_base_in_leaves(ensemble)
    flagged = ensemble.splits <= FLAGGED_SPLITS
    flat = [_regressor_columns(index, tree, flagged) for index, tree in enumerate(trees)]
    columns = {name: np.concatenate([part[name] for part in flat]) for name in flat[0]}
    modes = [b"LEAF" if mode < 0 else _MODES[int(mode)] for mode in columns.pop("nodes_modes")]
    if not columns["nodes_missing_value_tracks_true"].any():
        columns.pop("nodes_missing_value_tracks_true")
    attributes = [
        _integer("n_targets", ensemble.outputs),
        _strings("nodes_modes", modes),
        *(
            _floats(name, values) if values.dtype == np.float32 else _integers(name, values)
            for name, values in columns.items()
        ),
    ]
    return _node("TreeEnsembleRegressor", source, target, attributes)


def _with_base_in_leaves(ensemble: Ensemble) -> list[Tree]:
    """Add the base to the leaves of the first tree.

    The runtime adds ``base_values`` only to targets that a leaf has added to, and of a tree of a single leaf it takes
    the first target only; so there is neither.
    """
    first, *rest = ensemble.trees or [_even_split(ensemble.outputs)]
    if ensemble.base.any():
        first = replace(first, value=first.value + ensemble.base)
    return [first, *rest]


def _even_split(outputs: int) -> Tree:
    """Make a tree of one split and nothing to say."""
    return Tree(
        feature=np.array([0, LEAF, LEAF]),
        threshold=np.zeros(3, np.float32),
        left=np.array([1, 0, 0]),
        right=np.array([2, 0, 0]),
        missing_left=np.zeros(3, bool),
        value=np.zeros((3, outputs)),
        cover=np.ones(3),
    )


def _regressor_columns(index: int, tree: Tree, flagged: bool) -> dict[str, npt.NDArray[np.generic]]:
    nodes = len(tree.feature)
    leaf, swapped = tree.is_leaf, tree.missing_left & (not flagged)
    # Every leaf must weigh something, or the runtime finds it missing; zeros of a leaf that has others are left out.
    where = (tree.value.astype(np.float32) != 0) & leaf[:, None]
    where[leaf & ~where.any(axis=1), 0] = True
    node, target = np.nonzero(where)
    return {
        "nodes_treeids": np.full(nodes, index),
        "nodes_nodeids": np.arange(nodes),
        "nodes_featureids": np.where(leaf, 0, tree.feature),
        "nodes_values": np.where(leaf, np.float32(0), tree.threshold).astype(np.float32),
        "nodes_modes": np.where(leaf, -1, np.where(swapped, _GT, _LEQ)),
        "nodes_truenodeids": np.where(swapped, tree.right, tree.left),
        "nodes_falsenodeids": np.where(swapped, tree.left, tree.right),
        "nodes_missing_value_tracks_true": tree.missing_left & flagged,
        "target_treeids": np.full(len(node), index),
        "target_nodeids": node,
        "target_ids": target,
        "target_weights": tree.value[node, target].astype(np.float32),
    }


class _Column:
    """A tree of which every leaf adds to one target only: of a leaf's values at most one is not zero.

    Attributes
    ----------
    keys
        For each node the target that it adds to, and what it adds.
    """

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        targets = np.abs(tree.value).argmax(axis=1)
        values = np.take_along_axis(tree.value, targets[:, None], axis=1)[:, 0]
        self.keys: list[tuple[int, float]] = list(zip(targets.tolist(), values.tolist(), strict=True))


def _columns(ensemble: Ensemble) -> list[_Column]:
    """Split trees, since a leaf of ``TreeEnsemble`` adds to one target only."""
    columns, base = [], ensemble.base.copy()
    for tree in ensemble.trees:
        rounded = replace(tree, value=_as_float32(tree.value))
        for one in min(_by_target(rounded), _by_size(rounded), key=_total_splits):
            if one.is_leaf[0]:
                base += one.value[0]
            else:
                columns.append(_Column(one))
    for target, constant in enumerate(_as_float32(base)):
        if constant != 0 or not columns:
            # As two leaves: a tree of one leaf is read wrongly by ONNX Runtime 1.21 to 1.23.
            even = _even_split(ensemble.outputs)
            even.value[:, target] = constant
            columns.append(_Column(even))
    return columns


def _by_target(tree: Tree) -> list[Tree]:
    """Make one tree for each target, which is best where leaves say something of all."""
    return [_only(tree, np.arange(tree.value.shape[1]) == target) for target in range(tree.value.shape[1])]


def _by_size(tree: Tree) -> list[Tree]:
    """Make a tree of each leaf's largest value, one of the next, and so on: of pure leaves one tree is enough."""
    if tree.value.shape[1] == 1:
        return [tree.simplified()]
    order = np.argsort(-np.abs(tree.value), axis=1, kind="stable")
    spoken = int((tree.value[tree.is_leaf] != 0).sum(axis=1).max())
    return [_only(tree, np.arange(tree.value.shape[1]) == order[:, place, None]) for place in range(spoken)]


def _only(tree: Tree, kept: npt.NDArray[np.bool_]) -> Tree:
    return replace(tree, value=np.where(kept, tree.value, 0.0)).simplified()


def _total_splits(trees: list[Tree]) -> int:
    return sum(tree.splits for tree in trees)


class _Leaves:
    """The distinct leaves, the most frequent ones first, so that most references fit one byte."""

    def __init__(self, columns: list[_Column]) -> None:
        counts: dict[tuple[int, float], int] = {}
        for column in columns:
            for node in np.flatnonzero(column.tree.is_leaf):
                key = column.keys[node]
                counts[key] = counts.get(key, 0) + 1
        self._every = sorted(counts, key=lambda key: (-counts[key], key))
        self.trees = columns
        self.position = {key: index for index, key in enumerate(self._every)}

    def twin(self, number: int) -> int:
        """Store a leaf once more and give its other number."""
        self._every.append(self._every[number])
        return len(self._every) - 1

    @property
    def targets(self) -> list[int]:
        """The class that each leaf adds to."""
        return [target for target, _ in self._every]

    @property
    def weights(self) -> npt.NDArray[np.float32]:
        """What each leaf adds."""
        return np.array([value for _, value in self._every], np.float32)


def _as_float32(values: Floats) -> Floats:
    # Adding zero turns -0.0 into 0.0, so that the two are one leaf.
    return values.astype(np.float32).astype(np.float64) + 0.0


def _node(operator: str, source: str, target: str, attributes: list[bytes]) -> bytes:
    head = wire.data(1, source.encode()) + wire.data(2, target.encode()) + wire.data(4, operator.encode())
    return head + b"".join(wire.data(5, each) for each in attributes) + wire.data(7, ML_DOMAIN.encode())


def _attribute(name: str, content: bytes, kind: int) -> bytes:
    return wire.data(1, name.encode()) + content + wire.integer(20, kind)


def _integer(name: str, value: int) -> bytes:
    return _attribute(name, wire.integer(3, value), AttributeProto.INT)


def _integers(name: str, values: list[int] | npt.NDArray[np.generic]) -> bytes:
    return _attribute(name, wire.packed_integers(8, np.asarray(values, np.int64)), AttributeProto.INTS)


def _floats(name: str, values: npt.NDArray[np.generic]) -> bytes:
    return _attribute(name, wire.packed_floats(7, values.astype(np.float32)), AttributeProto.FLOATS)


def _strings(name: str, values: list[bytes]) -> bytes:
    return _attribute(name, b"".join(wire.data(9, value) for value in values), AttributeProto.STRINGS)


def _tensor(name: str, values: npt.NDArray[np.generic]) -> bytes:
    kinds = {np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.uint8): TensorProto.UINT8}
    raw = values.astype(values.dtype.newbyteorder("<")).tobytes()
    tensor = wire.integer(1, len(values)) + wire.integer(2, kinds[values.dtype]) + wire.data(9, raw)
    return _attribute(name, wire.data(5, tensor), AttributeProto.TENSOR)
