"""Reads the nodes of ONNX that hold trees, in the forms of ai.onnx.ml 1 to 5, into arrays of one shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import AttributeProto, NodeProto, TensorProto, helper, numpy_helper

from model_builder.compression.ensemble import Bools, Floats, Ints
from model_builder.compression.given import UnreadableTreesError

LEQ, LT, GTE, GT, LEAF_MODE = 0, 1, 2, 3, -1
_MODES = {b"BRANCH_LEQ": LEQ, b"BRANCH_LT": LT, b"BRANCH_GTE": GTE, b"BRANCH_GT": GT, b"LEAF": LEAF_MODE}
_TRANSFORMS = {0: "NONE", 1: "SOFTMAX", 2: "LOGISTIC", 3: "SOFTMAX_ZERO", 4: "PROBIT"}
_AVERAGE, _SUM = 0, 1

_EVERY = "nodes_falsenodeids nodes_featureids nodes_hitrates nodes_missing_value_tracks_true nodes_modes post_transform"
_OLD = f"{_EVERY} base_values nodes_nodeids nodes_treeids nodes_truenodeids nodes_values"
_CLASSIFIER = f"{_OLD} class_ids class_nodeids class_treeids class_weights classlabels_int64s classlabels_strings"
_REGRESSOR = f"{_OLD} aggregate_function n_targets target_ids target_nodeids target_treeids target_weights"
_NEW = (
    f"{_EVERY} aggregate_function leaf_targetids leaf_weights n_targets nodes_falseleafs nodes_splits nodes_trueleafs "
    "nodes_truenodeids tree_roots"
)
KNOWN = {
    "TreeEnsembleClassifier": frozenset(_CLASSIFIER.split()),
    "TreeEnsembleRegressor": frozenset(_REGRESSOR.split()),
    "TreeEnsemble": frozenset(_NEW.split()),
}
"""The attributes that are understood, by operator. One that is not changes answers in a way that is not known."""


@dataclass(frozen=True, eq=False)
class Nodes:
    """The nodes of all trees.

    Attributes
    ----------
    feature, threshold, mode
        What a node compares with what, and how; of a leaf the mode is ``LEAF_MODE``.
    yes, no
        Indices of the nodes to go to where the comparison holds and where it does not.
    missing_yes
        Whether a missing value goes where it holds.
    value
        Array of shape (nodes, columns of the output): what a leaf adds.
    roots
        Index of each tree's first node.
    base
        Array of shape (columns,), added to the sum of the trees.
    spoken
        The columns that any leaf adds to.
    transform
        What the operator itself makes of the sums, by the name that ONNX gives it.
    """

    feature: Ints
    threshold: npt.NDArray[np.float32]
    mode: Ints
    yes: Ints
    no: Ints
    missing_yes: Bools
    value: Floats
    roots: Ints
    base: Floats
    spoken: frozenset[int]
    transform: str


def read_nodes(node: NodeProto) -> Nodes:
    """Read one of the operators of ``KNOWN``.

    Raises
    ------
    UnreadableTreesError
        For attributes that are not understood, lists that do not fit together, and places that there are none of.
    """
    unknown = sorted({each.name for each in node.attribute} - KNOWN[node.op_type])
    if unknown:
        raise UnreadableTreesError(f"of {node.op_type} the attribute {unknown[0]} is not understood")
    given: dict[str, Any] = {each.name: _value(each) for each in node.attribute}
    return _of_new(given) if node.op_type == "TreeEnsemble" else _of_old(given, node.op_type)


def _value(attribute: AttributeProto) -> Any:  # noqa: ANN401 (numbers, texts, lists or arrays)
    if attribute.type == AttributeProto.TENSOR:
        if attribute.t.data_type not in (TensorProto.FLOAT, TensorProto.UINT8):
            raise UnreadableTreesError(f"{attribute.name} in double precision is not understood")
        return numpy_helper.to_array(attribute.t)
    return helper.get_attribute_value(attribute)


def _of_old(given: dict[str, Any], operator: str) -> Nodes:
    told = "class" if operator == "TreeEnsembleClassifier" else "target"
    labels = given.get("classlabels_int64s") or given.get("classlabels_strings") or ()
    columns = len(labels) if told == "class" else int(given.get("n_targets", 0))
    keys = list(zip(_list(given, "nodes_treeids"), _list(given, "nodes_nodeids"), strict=False))
    count = len(keys)
    places = {key: index for index, key in enumerate(keys)}
    if len(places) != count or not count or columns < 1:
        raise UnreadableTreesError("nodes are missing, or two have one number")
    modes = [_MODES.get(mode) for mode in given.get("nodes_modes", ())]
    if None in modes or len(modes) != count:
        raise UnreadableTreesError(f"splits by {_unknown_mode(given)} are not understood")
    mode = np.array(modes, np.int64)
    trees = [tree for tree, _ in keys]
    yes = _children(given, "nodes_truenodeids", trees, places, mode)
    no = _children(given, "nodes_falsenodeids", trees, places, mode)
    leaves = zip(_list(given, f"{told}_treeids"), _list(given, f"{told}_nodeids"), strict=False)
    at = _ints([places.get(key, -1) for key in leaves])
    value, spoken = _values(at, given.get(f"{told}_ids", ()), given.get(f"{told}_weights", ()), (count, columns))
    if len(at) and (mode[at] != LEAF_MODE).any():
        raise UnreadableTreesError("a node that splits adds something, too")
    roots = np.flatnonzero(~np.isin(np.arange(count), np.concatenate([yes, no])[np.tile(mode != LEAF_MODE, 2)]))
    if len(roots) != len(set(trees)):
        raise UnreadableTreesError(f"{len(set(trees))} trees have {len(roots)} first nodes")
    base = np.asarray(given.get("base_values", ()), np.float64)
    return Nodes(
        feature=_sized(given, "nodes_featureids", count),
        threshold=_sized(given, "nodes_values", count).astype(np.float32),
        mode=mode,
        yes=yes,
        no=no,
        missing_yes=_flags(given, count),
        value=_scaled(value, given.get("aggregate_function", b"SUM") == b"AVERAGE", given, len(roots)),
        roots=roots,
        base=_base(base, columns, spoken),
        spoken=spoken,
        transform=given.get("post_transform", b"NONE").decode(errors="replace"),
    )


def _of_new(given: dict[str, Any]) -> Nodes:
    modes = _ints(given.get("nodes_modes", ()))
    count, columns = len(modes), int(given.get("n_targets", 0))
    weights, targets = given.get("leaf_weights", ()), given.get("leaf_targetids", ())
    total = count + len(weights)
    if not count or columns < 1:
        raise UnreadableTreesError("nodes are missing")
    if not np.isin(modes, (LEQ, LT, GTE, GT)).all():
        raise UnreadableTreesError("splits by equality or by sets of values are not understood")

    def child(which: str) -> Ints:
        ids, ends = _sized(given, f"nodes_{which}nodeids", count), _sized(given, f"nodes_{which}leafs", count)
        found = np.where(ends != 0, ids + count, ids)
        if (ids < 0).any() or (found >= total).any() or (found[ends == 0] >= count).any():
            raise UnreadableTreesError("a child that is not there")
        return np.concatenate([found, np.zeros(len(weights), np.int64)])

    def longer(values: npt.NDArray[Any], fill: int) -> Any:  # noqa: ANN401
        return np.concatenate([values, np.full(len(weights), fill, values.dtype)])

    roots = _ints(given.get("tree_roots", ()))
    if not len(roots) or roots.min() < 0 or roots.max() >= count:
        raise UnreadableTreesError("a first node that is not there")
    value, spoken = _values(np.arange(count, total), targets, weights, (total, columns))
    average = given.get("aggregate_function", _SUM) == _AVERAGE
    return Nodes(
        feature=longer(_sized(given, "nodes_featureids", count), 0),
        threshold=longer(_sized(given, "nodes_splits", count).astype(np.float32), 0),
        mode=longer(modes, LEAF_MODE),
        yes=child("true"),
        no=child("false"),
        missing_yes=np.concatenate([_flags(given, count), np.zeros(len(weights), bool)]),
        value=_scaled(value, average, given, len(roots)),
        roots=roots,
        base=np.zeros(columns),
        spoken=spoken,
        transform=_TRANSFORMS.get(int(given.get("post_transform", 0)), "unknown"),
    )


def _children(
    given: dict[str, Any], name: str, trees: list[int], places: dict[tuple[int, int], int], mode: Ints
) -> Ints:
    ids = _sized(given, name, len(trees)).tolist()
    found = _ints([places.get((tree, number), -1) for tree, number in zip(trees, ids, strict=True)])
    found[mode == LEAF_MODE] = 0
    if (found < 0).any():
        raise UnreadableTreesError("a child that is not there")
    return found


def _values(
    at: Ints, columns: Sequence[int], weights: Sequence[float], shape: tuple[int, int]
) -> tuple[Floats, frozenset[int]]:
    told, added = _ints(columns), np.asarray(weights, np.float64)
    if not len(at) == len(told) == len(added):
        raise UnreadableTreesError("leaves, columns and weights are not equally many")
    if len(at) and (at.min() < 0 or told.min() < 0 or told.max() >= shape[1]):
        raise UnreadableTreesError("a leaf or a column that is not there")
    if not np.isfinite(added).all():
        raise UnreadableTreesError("a leaf adds what is no number")
    value = np.zeros(shape)
    np.add.at(value, (at, told), added)
    return value, frozenset(told.tolist())


def _scaled(value: Floats, average: bool, given: dict[str, Any], trees: int) -> Floats:
    if given.get("aggregate_function", _SUM) not in (_SUM, _AVERAGE, b"SUM", b"AVERAGE"):
        raise UnreadableTreesError("only sums and means of trees are understood")
    return value / trees if average else value


def _base(base: Floats, columns: int, spoken: frozenset[int]) -> Floats:
    if not len(base):
        return np.zeros(columns)
    if len(base) == 1 and len(spoken) == 1:
        return np.repeat(base, columns)
    if len(base) != columns or (columns == 2 and len(spoken) == 1):
        raise UnreadableTreesError(f"{len(base)} base values for {columns} columns are not understood")
    return base


def _flags(given: dict[str, Any], count: int) -> Bools:
    name = "nodes_missing_value_tracks_true"
    return np.asarray(_sized(given, name, count) != 0) if len(given.get(name, ())) else np.zeros(count, bool)


def _sized(given: dict[str, Any], name: str, count: int) -> npt.NDArray[Any]:
    values = given.get(name, ())
    if len(values) != count:
        raise UnreadableTreesError(f"{count} nodes have {len(values)} of {name}")
    return np.asarray(values, np.float64 if name in ("nodes_values", "nodes_splits") else np.int64)


def _list(given: dict[str, Any], name: str) -> list[int]:
    return list(given.get(name, ()))


def _ints(values: Any) -> Ints:  # noqa: ANN401
    return np.asarray(values, np.int64)


def _unknown_mode(given: dict[str, Any]) -> str:
    unknown = [mode for mode in given.get("nodes_modes", ()) if mode not in _MODES]
    return unknown[0].decode(errors="replace")[:40] if unknown else "no mode"
