"""Fits the estimator."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline

from model_builder.spec import RandomForest


def fit_forest(
    matrix: npt.NDArray[np.float32], codes: npt.NDArray[np.int64], settings: RandomForest, seed: int
) -> Pipeline:
    """Fit a random forest behind an imputer that puts the median where a value is missing.

    The forest never sees NaN, because the exporter loses where a tree sends it. All thresholds are lowered to the
    nearest float32, which changes no answer for float32 input and makes the exported model agree on every row.

    Parameters
    ----------
    matrix
        Array of shape (rows, columns) as ``Rows.matrix`` gives it; NaN where a number is missing.
    codes
        Array of shape (rows,) of class indices from 0.

    Returns
    -------
    Pipeline
        Steps ``imputer`` and ``forest``; predicts with one thread, so that sums are always taken in one order.
    """
    forest = RandomForestClassifier(
        n_estimators=settings.n_estimators,
        max_depth=settings.max_depth,
        min_samples_leaf=settings.min_samples_leaf,
        class_weight=settings.class_weight,
        random_state=seed,
        n_jobs=-1,
    )
    imputer = SimpleImputer(strategy="median", keep_empty_features=True)
    pipeline = Pipeline([("imputer", imputer), ("forest", forest)]).fit(matrix, codes)
    imputer.statistics_ = imputer.statistics_.astype(np.float32)
    forest.n_jobs = 1
    for tree in forest.estimators_:
        tree.tree_.threshold[:] = float32_floor(tree.tree_.threshold)
    return pipeline


def float32_floor(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Give the largest float32 not above each value, as float64.

    For every float32 ``x``, ``x <= value`` and ``x <= float32_floor(value)`` are the same.
    """
    rounded = values.astype(np.float32)
    with np.errstate(over="ignore"):  # the neighbour of the smallest float32 is not asked for, only computed
        lower = np.nextafter(rounded, np.float32(-np.inf))
    return np.where(rounded.astype(np.float64) > values, lower, rounded).astype(np.float64)
