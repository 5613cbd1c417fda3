"""Reads fitted scikit-learn estimators into the typed form, exactly: same thresholds, same way for missing values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeClassifier

from model_builder.compression.ensemble import LEAF, Ensemble, Floats, Link, Tree
from model_builder.compression.floats import float32_floor
from model_builder.compression.given import GivenTrees, UnreadableTreesError
from model_builder.compression.lightgbm_trees import from_lightgbm, is_lightgbm


class UnsupportedEstimatorError(ValueError):
    """The estimator is none that the typed form can hold; the message says why."""


def from_sklearn(estimator: Any) -> Ensemble:  # noqa: ANN401 (scikit-learn publishes no types)
    """Read a fitted classifier.

    Parameters
    ----------
    estimator
        A random forest, extra trees, a decision tree, gradient boosting of either kind, LightGBM's, trees that were
        read from a file, or a pipeline of a ``SimpleImputer`` and one of these. The imputer becomes a way for missing
        values in every split.

    Raises
    ------
    UnsupportedEstimatorError
        For any other estimator, several targets, categorical splits, or an initial estimator of one's own.
    """
    if isinstance(estimator, Pipeline):
        return _from_pipeline(estimator)
    if isinstance(estimator, GivenTrees):
        return estimator.ensemble
    if isinstance(estimator, RandomForestClassifier | ExtraTreesClassifier):
        return _from_forest(estimator.estimators_, estimator)
    if isinstance(estimator, DecisionTreeClassifier):
        return _from_forest([estimator], estimator)
    if isinstance(estimator, GradientBoostingClassifier):
        # The exponential loss takes the sigmoid of twice the sum.
        factor = 2.0 if estimator.loss == "exponential" else 1.0
        return _from_gradient_boosting(estimator, len(estimator.classes_) == 2, factor)
    if isinstance(estimator, HistGradientBoostingClassifier):
        return _from_hist_gradient_boosting(estimator, len(estimator.classes_) == 2)
    if is_lightgbm(estimator):
        try:
            return from_lightgbm(estimator)
        except UnreadableTreesError as error:
            raise UnsupportedEstimatorError(str(error)) from None
    raise UnsupportedEstimatorError(f"{type(estimator).__name__} is not an ensemble of trees")


def log_odds_of(regressor: GradientBoostingRegressor | HistGradientBoostingRegressor) -> Ensemble:
    """Read fitted boosted trees that tell the log odds of the second of two classes."""
    if isinstance(regressor, GradientBoostingRegressor):
        return _from_gradient_boosting(regressor, binary=True)
    return _from_hist_gradient_boosting(regressor, binary=True)


def _from_pipeline(pipeline: Pipeline) -> Ensemble:
    *before, (_, last) = pipeline.steps
    ensemble = from_sklearn(last)
    if not before:
        return ensemble
    if len(before) > 1 or not isinstance(before[0][1], SimpleImputer):
        raise UnsupportedEstimatorError("of a pipeline only a SimpleImputer before the trees is understood")
    imputer = before[0][1]
    filled = imputer.statistics_
    if len(filled) != ensemble.features or imputer.add_indicator or not _is_nan(imputer.missing_values):
        raise UnsupportedEstimatorError("the imputer drops or adds columns, or fills something else than NaN")
    # The trees compare float32, so what is filled in is rounded as they would round it.
    filled = filled.astype(np.float32)
    trees = tuple(
        replace(tree, missing_left=~tree.is_leaf & (filled[tree.feature] <= tree.threshold)) for tree in ensemble.trees
    )
    return replace(ensemble, trees=trees)


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and np.isnan(value)


def _from_forest(members: list[Any], estimator: Any) -> Ensemble:  # noqa: ANN401
    if estimator.n_outputs_ != 1:
        raise UnsupportedEstimatorError("several targets at once are not understood")
    classes = len(estimator.classes_)
    binary = classes == 2
    trees = []
    for member in members:
        value = member.tree_.value[:, 0, :]
        value = value / value.sum(axis=1, keepdims=True)
        trees.append(_from_tree(member.tree_, (value[:, 1:] if binary else value) / len(members)))
    return Ensemble(tuple(trees), np.zeros(1 if binary else classes), Link.IDENTITY, int(estimator.n_features_in_))


def _from_tree(tree: Any, value: Floats) -> Tree:  # noqa: ANN401
    leaf = tree.children_left < 0
    missing_left = getattr(tree, "missing_go_to_left", np.zeros(tree.node_count)).astype(bool)
    return Tree(
        feature=np.where(leaf, LEAF, tree.feature).astype(np.int64),
        threshold=np.where(leaf, np.float32(0), float32_floor(tree.threshold)),
        left=np.where(leaf, 0, tree.children_left).astype(np.int64),
        right=np.where(leaf, 0, tree.children_right).astype(np.int64),
        missing_left=~leaf & missing_left,
        value=value.astype(np.float64),
        cover=tree.weighted_n_node_samples.astype(np.float64),
    )


def _from_gradient_boosting(
    estimator: GradientBoostingClassifier | GradientBoostingRegressor, binary: bool, factor: float = 1.0
) -> Ensemble:
    if not isinstance(estimator.init, str | None):
        raise UnsupportedEstimatorError("an initial estimator of one's own is not understood")
    outputs = estimator.estimators_.shape[1]
    nothing = np.zeros((1, estimator.n_features_in_), np.float32)
    base = np.asarray(estimator._raw_predict_init(nothing), np.float64).reshape(-1)
    trees = []
    for stage in estimator.estimators_:
        for output, member in enumerate(stage):
            tree = member.tree_
            value = np.zeros((tree.node_count, outputs))
            value[:, output] = factor * estimator.learning_rate * tree.value[:, 0, 0]
            read = _from_tree(tree, value)
            trees.append(read.with_leaves(read.value))
    link = Link.SIGMOID if binary else Link.SOFTMAX
    return Ensemble(tuple(trees), factor * base, link, int(estimator.n_features_in_))


def _from_hist_gradient_boosting(
    estimator: HistGradientBoostingClassifier | HistGradientBoostingRegressor, binary: bool
) -> Ensemble:
    if estimator.is_categorical_ is not None and np.any(estimator.is_categorical_):
        raise UnsupportedEstimatorError("categorical splits are not understood")
    base = np.asarray(estimator._baseline_prediction, np.float64).reshape(-1)
    trees = []
    for stage in estimator._predictors:
        for output, predictor in enumerate(stage):
            nodes = predictor.nodes
            leaf = nodes["is_leaf"].astype(bool)
            value = np.zeros((len(nodes), len(base)))
            value[:, output] = nodes["value"]
            tree = Tree(
                feature=np.where(leaf, LEAF, nodes["feature_idx"]).astype(np.int64),
                threshold=np.where(leaf, np.float32(0), float32_floor(nodes["num_threshold"])),
                left=np.where(leaf, 0, nodes["left"]).astype(np.int64),
                right=np.where(leaf, 0, nodes["right"]).astype(np.int64),
                missing_left=~leaf & nodes["missing_go_to_left"].astype(bool),
                value=value,
                cover=nodes["count"].astype(np.float64),
            )
            trees.append(tree.with_leaves(value))
    link = Link.SIGMOID if binary else Link.SOFTMAX
    return Ensemble(tuple(trees), base, link, int(estimator.n_features_in_))
