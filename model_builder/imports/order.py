"""Brings the classes of a fitted estimator into another order, in its own arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.tree import DecisionTreeClassifier


def reorder(estimator: Any, order: tuple[int, ...]) -> None:  # noqa: ANN401 (scikit-learn publishes no types)
    """Change a fitted classifier so that column ``i`` of its probabilities is what column ``order[i]`` was."""
    if order == tuple(range(len(order))):
        return
    columns, binary = list(order), len(order) == 2
    if isinstance(estimator, DecisionTreeClassifier):
        _swap(estimator.tree_.value, columns)
    elif isinstance(estimator, RandomForestClassifier | ExtraTreesClassifier):
        for member in estimator.estimators_:
            _swap(member.tree_.value, columns)
    elif isinstance(estimator, LogisticRegression):
        estimator.coef_ = -estimator.coef_ if binary else estimator.coef_[columns]
        estimator.intercept_ = -estimator.intercept_ if binary else estimator.intercept_[columns]
    elif isinstance(estimator, MLPClassifier):
        for arrays in (estimator.coefs_, estimator.intercepts_):
            arrays[-1] = -arrays[-1] if binary else arrays[-1][..., columns]
    elif isinstance(estimator, HistGradientBoostingClassifier):
        _boosted(estimator, columns, binary)
    elif isinstance(estimator, GradientBoostingClassifier):
        _gradient_boosted(estimator, columns, binary)
    else:
        raise TypeError(f"{type(estimator).__name__} has no classes to reorder")


def _swap(values: np.ndarray[Any, np.dtype[np.float64]], columns: list[int]) -> None:
    values[:] = values[:, :, columns]


def _boosted(estimator: HistGradientBoostingClassifier, columns: list[int], binary: bool) -> None:
    if binary:
        estimator._baseline_prediction = -estimator._baseline_prediction
        for stage in estimator._predictors:
            stage[0].nodes["value"] *= -1
        return
    estimator._baseline_prediction = np.asarray(estimator._baseline_prediction)[..., columns]
    estimator._predictors = [[stage[column] for column in columns] for stage in estimator._predictors]


def _gradient_boosted(estimator: GradientBoostingClassifier, columns: list[int], binary: bool) -> None:
    if not isinstance(estimator.init_, str):
        estimator.init_.class_prior_ = estimator.init_.class_prior_[columns]
    if binary:
        for member in estimator.estimators_.reshape(-1):
            member.tree_.value[:] *= -1
        return
    estimator.estimators_ = estimator.estimators_[:, columns]
