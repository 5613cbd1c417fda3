"""Splits the rows and fits the estimator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline

from model_builder.classes import Labels, tallied
from model_builder.errors import BuilderError, Reason
from model_builder.spec import RandomForest

HELD_OUT = 0.2


@dataclass(frozen=True, eq=False)
class Split:
    """Indices of the rows to fit on and of those held out, each in the order of the file."""

    fit: npt.NDArray[np.int64]
    held_out: npt.NDArray[np.int64]


def split_rows(labels: Labels, seed: int) -> Split:
    """Hold out a fifth of the rows, with the classes in the same proportions.

    Raises
    ------
    BuilderError
        ``TooFewRows`` where a class is not on both sides.
    """
    fit, held_out = train_test_split(
        np.arange(len(labels.codes)),
        test_size=max(HELD_OUT, len(labels.classes) / len(labels.codes)),
        stratify=labels.codes,
        random_state=seed,
    )
    for side in (fit, held_out):
        if len(np.unique(labels.codes[side])) < len(labels.classes):
            raise BuilderError(
                Reason.TOO_FEW_ROWS,
                "a class is too rare to stand on both sides of the split",
                found=tallied(dict(zip(labels.classes, labels.counts, strict=True))),
                allowed="enough rows of each class to hold out a fifth",
                remedy="add rows of that class or remove it",
            )
    return Split(np.sort(fit), np.sort(held_out))


def fit_forest(
    features: npt.NDArray[np.float32], codes: npt.NDArray[np.int64], settings: RandomForest, seed: int
) -> Pipeline:
    """Fit a random forest behind an imputer that puts the median where a value is missing.

    The forest never sees NaN, because the exporter loses where a tree sends it. All thresholds are lowered to the
    nearest float32, which changes no answer for float32 input and makes the exported model agree on every row.

    Parameters
    ----------
    features
        Array of shape (rows, features); NaN where a value is missing.
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
    pipeline = Pipeline([("imputer", imputer), ("forest", forest)]).fit(features, codes)
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
