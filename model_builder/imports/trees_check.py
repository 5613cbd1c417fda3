"""Checks the arrays of scikit-learn's trees, which scikit-learn itself follows without looking."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.tree import DecisionTreeClassifier

from model_builder.imports.content import unreadable

Integers = npt.NDArray[np.int64]


def check_trees(estimator: Any) -> None:  # noqa: ANN401 (scikit-learn publishes no types)
    """Check that every tree is one: children behind their parents and each with one parent, columns that there are.

    Raises
    ------
    BuilderError
        ``ModelUnreadable``.
    """
    width = int(estimator.n_features_in_)
    if isinstance(estimator, HistGradientBoostingClassifier):
        for stage in estimator._predictors:
            for predictor in stage:
                _check_boosted(predictor, width)
        return
    for tree in _trees(estimator):
        outputs = tree.value.shape[2]
        if tree.value.shape[:2] != (tree.node_count, 1) or not np.isfinite(tree.value).all():
            raise _broken(f"values of shape {tree.value.shape}")
        wanted = 1 if isinstance(estimator, GradientBoostingClassifier) else len(estimator.classes_)
        if outputs != wanted:
            raise _broken(f"{outputs} values in a leaf, {wanted} classes")
        _check_shape(
            tree.children_left.astype(np.int64), tree.children_right.astype(np.int64), tree.children_left == -1
        )
        _check_columns(tree.feature[tree.children_left != -1].astype(np.int64), width)


def _trees(estimator: Any) -> list[Any]:  # noqa: ANN401
    if isinstance(estimator, DecisionTreeClassifier):
        return [estimator.tree_]
    if isinstance(estimator, RandomForestClassifier | ExtraTreesClassifier):
        return [each.tree_ for each in estimator.estimators_]
    if isinstance(estimator, GradientBoostingClassifier):
        return [each.tree_ for each in np.asarray(estimator.estimators_).reshape(-1)]
    return []


def _check_boosted(predictor: Any, width: int) -> None:  # noqa: ANN401
    nodes = predictor.nodes
    leaf = nodes["is_leaf"].astype(bool)
    if nodes["is_categorical"].any():
        raise _broken("splits by sets of categories")
    if not np.isfinite(nodes["value"]).all():
        raise _broken("leaves that are no numbers")
    _check_shape(nodes["left"].astype(np.int64), nodes["right"].astype(np.int64), leaf)
    _check_columns(nodes["feature_idx"][~leaf].astype(np.int64), width)


def _check_shape(left: Integers, right: Integers, leaf: npt.NDArray[np.bool_]) -> None:
    inner = np.flatnonzero(~leaf)
    children = np.concatenate([left[inner], right[inner]])
    if not len(leaf) or len(left) != len(right):
        raise _broken("no nodes")
    if len(children) and (children.min() < 1 or children.max() >= len(leaf)):
        raise _broken(f"a child that is not there: {int(children.min())} to {int(children.max())} of {len(leaf)}")
    if (left[inner] <= inner).any() or (right[inner] <= inner).any():
        raise _broken("a child that stands before its parent")
    if len(np.unique(children)) != len(children) or len(children) != len(leaf) - 1:
        raise _broken("nodes with two parents, or with none")


def _check_columns(columns: Integers, width: int) -> None:
    if len(columns) and (columns.min() < 0 or columns.max() >= width):
        raise _broken(f"a split by column {int(columns.max())} of {width}")


def _broken(what: str) -> Exception:
    return unreadable("a tree that is none", what)
