"""Reads the trees of an ONNX file into the typed form, where the file is nothing but trees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper

from model_builder.compression.ensemble import LEAF, Ensemble, Floats, Ints, Link, Rows, Tree
from model_builder.compression.given import UnreadableTreesError
from model_builder.imports.foreign import Shape
from model_builder.imports.onnx_nodes import GT, GTE, KNOWN, LEAF_MODE, LT, Nodes, read_nodes

_LINKS = {"NONE": Link.IDENTITY, "LOGISTIC": Link.SIGMOID, "SOFTMAX": Link.SOFTMAX}


def has_trees(model: ModelProto) -> bool:
    """Whether there are trees in a file at all."""
    return any(node.op_type in KNOWN for node in model.graph.node)


def read_trees(model: ModelProto, shape: Shape, width: int, order: tuple[int, ...] | None) -> Ensemble:
    """Read trees, and an ``Imputer`` before them, with the columns of probabilities in another order.

    Parameters
    ----------
    width
        Number of columns of the input.
    order
        For each class, its column in the file's output; None where they stand as they are.

    Returns
    -------
    Ensemble
        No node knows yet how many rows come to it.

    Raises
    ------
    UnreadableTreesError
        For other operators than these, other comparisons than of an order, what is not a tree, and transforms that are
        not understood.
    """
    makers = {name: node for node in model.graph.node for name in node.output}
    trees, link = _tree_node(makers, shape.output)
    nodes = read_nodes(trees)
    if link is Link.IDENTITY:
        if nodes.transform not in _LINKS or (nodes.transform != "NONE" and trees.op_type != "TreeEnsembleClassifier"):
            raise UnreadableTreesError(f"the transform {nodes.transform} of {trees.op_type} is not understood")
        link = _LINKS[nodes.transform]
    elif nodes.transform != "NONE":
        raise UnreadableTreesError(f"the transform {nodes.transform} before another one is not understood")
    elif trees.op_type == "TreeEnsembleClassifier" and len(nodes.spoken) == 1:
        raise UnreadableTreesError("a transform of what a classifier makes of one column is not understood")
    missing = _imputed(makers, trees.input[0], shape.input, width)
    ensemble = _for_classes(_ensemble(nodes, link, width), nodes)
    return _in_order(_with_imputed(ensemble, missing), order)


def _tree_node(makers: dict[str, NodeProto], name: str) -> tuple[NodeProto, Link]:
    link = Link.IDENTITY
    while True:
        node = makers.get(name)
        if node is None or (node.op_type in ("Sigmoid", "Softmax") and link is not Link.IDENTITY):
            raise UnreadableTreesError("what comes after the trees is not understood")
        if node.op_type in KNOWN:
            if node.op_type == "TreeEnsembleClassifier" and name == node.output[0]:
                raise UnreadableTreesError("the probabilities are not those of the trees")
            return node, link
        if node.op_type == "Sigmoid":
            link = Link.SIGMOID
        elif node.op_type == "Softmax" and _attribute(node, "axis", 1) in (1, -1):
            link = Link.SOFTMAX
        elif not _is_nothing(node):
            raise UnreadableTreesError(f"{node.op_type} after the trees is not understood")
        name = node.input[0]


def _imputed(makers: dict[str, NodeProto], name: str, given: str, width: int) -> Rows | None:
    """Go back from the trees to the input; give what stands in for missing values, if anything does."""
    filled: Rows | None = None
    while name != given:
        node = makers.get(name)
        if node is None or not (node.op_type == "Imputer" or _is_nothing(node)):
            raise UnreadableTreesError(f"{node.op_type if node else 'a constant'} before the trees is not understood")
        if node.op_type == "Imputer":
            values = np.asarray(_attribute(node, "imputed_value_floats", ()), np.float32)
            if filled is not None or len(values) not in (1, width) or not np.isnan(_replaced(node)):
                raise UnreadableTreesError("an Imputer of another kind than for NaN is not understood")
            filled = np.broadcast_to(values, (width,))
        name = node.input[0]
    return filled


def _replaced(node: NodeProto) -> float:
    return float(_attribute(node, "replaced_value_float", 0.0))  # type: ignore[arg-type]


def _is_nothing(node: NodeProto) -> bool:
    return node.op_type == "Identity" or (node.op_type == "Cast" and _attribute(node, "to", 0) == TensorProto.FLOAT)


def _attribute(node: NodeProto, name: str, default: object) -> object:
    return next((helper.get_attribute_value(each) for each in node.attribute if each.name == name), default)


def _ensemble(nodes: Nodes, link: Link, width: int) -> Ensemble:
    inner = nodes.mode != LEAF_MODE
    if inner.any() and (nodes.feature[inner].min() < 0 or nodes.feature[inner].max() >= width):
        raise UnreadableTreesError(f"a split by a column that is not there, of {width}")
    threshold, turned = _as_at_most(nodes)
    left, right = np.where(turned, nodes.no, nodes.yes), np.where(turned, nodes.yes, nodes.no)
    places = _trees(nodes.roots, inner, left, right)
    trees = []
    for place, child in places:
        leaf = ~inner[place]
        trees.append(
            Tree(
                feature=np.where(leaf, LEAF, nodes.feature[place]),
                threshold=np.where(leaf, np.float32(0), threshold[place]).astype(np.float32),
                left=child[:, 0],
                right=child[:, 1],
                missing_left=~leaf & (nodes.missing_yes ^ turned)[place],
                value=np.where(leaf[:, None], nodes.value[place], 0.0),
                cover=np.ones(len(place)),
            )
        )
    return Ensemble(tuple(trees), nodes.base, link, width)


def _as_at_most(nodes: Nodes) -> tuple[Rows, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Write every comparison as one of "at most"; give thresholds, and where the children change places.

    Less than a number is at most the float before it, and what is greater is what is not at most.
    """
    inner = nodes.mode != LEAF_MODE
    strict = np.isin(nodes.mode, (LT, GTE))
    if np.isnan(nodes.threshold[inner]).any() or np.isneginf(nodes.threshold[inner & strict]).any():
        raise UnreadableTreesError("a split by what is no number")
    threshold = np.where(strict, np.nextafter(nodes.threshold, np.float32(-np.inf)), nodes.threshold)
    return threshold, np.isin(nodes.mode, (GT, GTE))


def _trees(
    roots: Ints, inner: np.ndarray[tuple[int], np.dtype[np.bool_]], left: Ints, right: Ints
) -> list[tuple[Ints, Ints]]:
    """Follow every tree from its root; give for each its nodes, parents first, and their children's places in it."""
    splits, lefts, rights = inner.tolist(), left.tolist(), right.tolist()
    seen: set[int] = set()
    found = []
    for root in roots.tolist():
        order, children, waiting = [root], [(0, 0)], [0]
        while waiting:
            place = waiting.pop()
            node = order[place]
            if not splits[node]:
                continue
            if node in seen:
                raise UnreadableTreesError("two ways lead to one node")
            seen.add(node)
            children[place] = (len(order), len(order) + 1)
            waiting += [len(order) + 1, len(order)]
            order += [lefts[node], rights[node]]
            children += [(0, 0), (0, 0)]
        found.append((np.array(order, np.int64), np.array(children, np.int64)))
    if len(seen) != sum(splits):
        raise UnreadableTreesError("no way leads to a node")
    return found


def _for_classes(ensemble: Ensemble, nodes: Nodes) -> Ensemble:
    """Bring the columns of the file into the form of the contract: of two classes one column is kept."""
    columns = len(ensemble.base)
    if columns > 2:
        if ensemble.link is Link.SIGMOID:
            raise UnreadableTreesError("a sigmoid for each of several classes is not understood")
        return ensemble
    if columns == 1 or len(nodes.spoken) <= 1:
        if ensemble.link is Link.SOFTMAX:
            raise UnreadableTreesError("a softmax of one column is not understood")
        column = min(nodes.spoken, default=0)
        return _columns(ensemble, lambda value: value[..., column : column + 1])
    if ensemble.link is Link.SIGMOID:
        raise UnreadableTreesError("a sigmoid for each of two classes is not understood")
    if ensemble.link is Link.IDENTITY:
        return _columns(ensemble, lambda value: value[..., 1:])
    return replace(_columns(ensemble, lambda value: value[..., 1:] - value[..., :1]), link=Link.SIGMOID)


def _with_imputed(ensemble: Ensemble, filled: Rows | None) -> Ensemble:
    if filled is None:
        return ensemble
    stays = np.isnan(filled)
    trees = []
    for tree in ensemble.trees:
        by_value = filled[tree.feature] <= tree.threshold
        missing_left = np.where(stays[tree.feature], tree.missing_left, by_value)
        trees.append(replace(tree, missing_left=~tree.is_leaf & missing_left))
    return replace(ensemble, trees=tuple(trees))


def _in_order(ensemble: Ensemble, order: tuple[int, ...] | None) -> Ensemble:
    if order is None or order == tuple(range(len(order))):
        return ensemble
    if len(order) > 2:
        return _columns(ensemble, lambda value: value[..., list(order)])
    if ensemble.link is Link.SIGMOID:
        return _columns(ensemble, np.negative)
    # Each tree's share of the other class, so that a leaf still says how its rows divide.
    share = 1 / len(ensemble.trees)
    trees = tuple(
        replace(tree, value=np.where(tree.is_leaf[:, None], share - tree.value, 0.0)) for tree in ensemble.trees
    )
    return replace(ensemble, trees=trees, base=-ensemble.base)


def _columns(ensemble: Ensemble, change: Callable[[Floats], Floats]) -> Ensemble:
    trees = tuple(replace(tree, value=change(tree.value)) for tree in ensemble.trees)
    return replace(ensemble, trees=trees, base=change(ensemble.base))
