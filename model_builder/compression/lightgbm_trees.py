"""Reads LightGBM's classifiers into the typed form, from the text that LightGBM itself gives of its trees.

LightGBM is not imported here: whoever has a fitted classifier has the library.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from model_builder.compression.ensemble import LEAF, Ensemble, Link, Tree
from model_builder.compression.floats import float32_floor
from model_builder.compression.given import UnreadableTreesError

Node = dict[str, Any]


def is_lightgbm(estimator: object) -> bool:
    """Whether an estimator is one of LightGBM's classifiers."""
    kind = type(estimator)
    return kind.__module__.split(".")[0] == "lightgbm" and kind.__name__ == "LGBMClassifier"


def from_lightgbm(estimator: Any) -> Ensemble:  # noqa: ANN401 (LightGBM publishes no types)
    """Read a fitted classifier.

    Raises
    ------
    UnreadableTreesError
        For another objective than binary or multiclass, for categorical splits, and where zeros count as missing.
    """
    dump: Node = estimator.booster_.dump_model()
    objective, per_round = dump["objective"].split(" "), int(dump["num_tree_per_iteration"])
    if dump["average_output"] or objective[0] not in ("binary", "multiclass"):
        raise UnreadableTreesError(f"of LightGBM the objective {dump['objective']} is not understood")
    if objective[0] == "binary" and objective[1:] != ["sigmoid:1"]:
        raise UnreadableTreesError(f"of LightGBM only the sigmoid as it is is understood, not {dump['objective']}")
    trees = tuple(
        _tree(each["tree_structure"], index % per_round, per_round) for index, each in enumerate(dump["tree_info"])
    )
    link = Link.SIGMOID if per_round == 1 else Link.SOFTMAX
    return Ensemble(trees, np.zeros(per_round), link, int(dump["max_feature_idx"]) + 1)


def _tree(root: Node, output: int, outputs: int) -> Tree:
    nodes: list[Node] = []
    children: list[tuple[int, int]] = []
    waiting = [root]
    while waiting:  # parents stand before their children
        node = waiting.pop(0)
        nodes.append(node)
        if "leaf_value" in node:
            children.append((0, 0))
            continue
        first = len(nodes) + len(waiting)
        children.append((first, first + 1))
        waiting += [node["left_child"], node["right_child"]]
    inner = [node for node in nodes if "leaf_value" not in node]
    for node in inner:
        if node["decision_type"] != "<=":
            raise UnreadableTreesError("categorical splits of LightGBM are not understood")
        if node["missing_type"] == "Zero":
            raise UnreadableTreesError("LightGBM's zero_as_missing is not understood")
    leaf = np.array(["leaf_value" in node for node in nodes])
    value = np.zeros((len(nodes), outputs))
    value[:, output] = [node.get("leaf_value", 0.0) for node in nodes]
    tree = Tree(
        feature=np.array([node.get("split_feature", LEAF) for node in nodes], np.int64),
        threshold=float32_floor(np.array([node.get("threshold", 0.0) for node in nodes], np.float64)),
        left=np.array([left for left, _ in children], np.int64),
        right=np.array([right for _, right in children], np.int64),
        missing_left=~leaf & np.array([_missing_left(node) for node in nodes]),
        value=value,
        cover=np.array([_cover(node) for node in nodes], np.float64),
    )
    return tree.with_leaves(value)


def _missing_left(node: Node) -> bool:
    if node.get("missing_type") == "NaN":
        return bool(node["default_left"])
    return bool(node.get("threshold", -1.0) >= 0.0)  # without missing values in training it takes them for zero


def _cover(node: Node) -> float:
    # A tree of a single leaf may not say how many rows it holds.
    return float(node.get("leaf_count") or node.get("internal_count") or 1)
