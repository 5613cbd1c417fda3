"""The estimators of scikit-learn, made from their settings and fitted so that their files can answer exactly alike."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from threadpoolctl import threadpool_limits

from model_builder.compression.floats import float32_floor
from model_builder.errors import BuilderError, Reason
from model_builder.spec.params import Params, RandomForest

Matrix = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int64]
Test = tuple[int, np.float32]

STEP = "estimator"


def fit(name: str, params: Params, matrix: Matrix, codes: Codes, seed: int, columns: int | None = None) -> Pipeline:
    """Fit an estimator behind an imputer that puts the median where a value is missing.

    No estimator ever sees NaN, because the exporter loses where a tree sends it. What the file holds as float32
    (medians, scales, thresholds) is rounded here, so that the file and the estimator agree on every row.

    Parameters
    ----------
    matrix
        Array of shape (rows, width) as ``Rows.matrix`` gives it; NaN where a number is missing.
    codes
        Array of shape (rows,) of class indices from 0.
    columns
        Number of features before categories were spread out; the width where there are none.

    Returns
    -------
    Pipeline
        Steps ``imputer``, for some ``scaler``, and ``estimator``. Fits and predicts with sums in one order, so that
        the same rows always give the same model.
    """
    width = matrix.shape[1]
    estimator = _MAKERS[name](params, seed, columns or width, width)
    steps: list[tuple[str, Any]] = [("imputer", SimpleImputer(strategy="median", keep_empty_features=True))]
    if name in ("logisticRegression", "mlp"):
        steps.append(("scaler", StandardScaler()))
    seen = matrix
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the scores say whether it was enough
        for _, step in steps:
            step.fit(seen)
            _round_to_float32(step)
            seen = step.transform(seen)
        estimator.fit(seen, codes)
    if hasattr(estimator, "n_jobs"):
        estimator.n_jobs = 1
    _lower_thresholds(estimator)
    return Pipeline([*steps, (STEP, estimator)])


def tests(pipeline: Pipeline) -> list[Test]:
    """List the column and threshold of every test of every tree; nothing for estimators that are no trees."""
    estimator = pipeline.named_steps[STEP]
    if isinstance(estimator, HistGradientBoostingClassifier):
        found = []
        for nodes in _boosted_nodes(estimator):
            inner = nodes[nodes["is_leaf"] == 0]
            found += list(zip(inner["feature_idx"].tolist(), inner["num_threshold"], strict=True))
    else:
        found = [
            (feature, threshold)
            for tree in trees(estimator)
            for feature, threshold in zip(tree.feature.tolist(), tree.threshold, strict=True)
            if feature >= 0
        ]
    return [(int(feature), np.float32(threshold)) for feature, threshold in found]


def trees(estimator: ClassifierMixin) -> list[Any]:
    """Give the trees of a forest, or the only one; none for other estimators."""
    if isinstance(estimator, DecisionTreeClassifier):
        return [estimator.tree_]
    if isinstance(estimator, RandomForestClassifier | ExtraTreesClassifier):
        return [each.tree_ for each in estimator.estimators_]
    return []


def size(pipeline: Pipeline) -> tuple[int, int]:
    """Count trees and nodes, leaves included; zeros for estimators that are no trees."""
    estimator = pipeline.named_steps[STEP]
    if isinstance(estimator, HistGradientBoostingClassifier):
        counts = [len(nodes) for nodes in _boosted_nodes(estimator)]
    else:
        counts = [tree.node_count for tree in trees(estimator)]
    return len(counts), sum(counts)


def importances(pipeline: Pipeline) -> npt.NDArray[np.float64] | None:
    """Give the share of each column of the matrix, of one in all; None where the estimator knows none.

    For trees it is the decrease of impurity, for logistic regression the weight of the standardized column.
    """
    estimator = pipeline.named_steps[STEP]
    if isinstance(estimator, LogisticRegression):
        weights = np.abs(estimator.coef_).mean(axis=0)
        return np.asarray(weights / max(weights.sum(), 1e-300))
    found = getattr(estimator, "feature_importances_", None)
    if found is None:
        return None
    shares = np.asarray(found, np.float64)
    return np.asarray(shares / max(shares.sum(), 1e-300))


def _forest(kind: type[Any], settings: RandomForest, seed: int, columns: int, width: int) -> ClassifierMixin:
    # Texts spread out to many columns must not crowd out the numbers: as large a share of columns is looked at as
    # without spreading, which for numbers alone is the square root that is usual.
    share = max(1, int(np.sqrt(columns) * width / columns))
    given = settings.model_dump()
    given["max_features"] = min(width, settings.max_features or share)
    return kind(**given, random_state=seed, n_jobs=-1)


def _lightgbm(params: Params, seed: int) -> ClassifierMixin:
    try:
        from lightgbm import LGBMClassifier  # type: ignore[import-not-found,unused-ignore]
    except (ImportError, OSError) as error:  # OSError: its library lacks one of the system's
        raise BuilderError(
            Reason.EXTRA_MISSING,
            f"estimators names lightgbm, and this builder has not the extra lightgbm: {error}",
            found="a builder without LightGBM",
            allowed="lightgbm where the extra is installed; histGradientBoosting is in every builder",
            remedy="install it where the builder runs: pip install 'andon[builder,lightgbm]'; it needs libgomp1",
        ) from None
    # One thread and one order of sums: the same rows give the same trees on any machine.
    exact: dict[str, Any] = {"deterministic": True, "force_row_wise": True, "n_jobs": 1, "random_state": seed}
    settings: dict[str, Any] = {**params.lightgbm.model_dump(), **exact, "importance_type": "gain", "verbose": -1}
    return LGBMClassifier(**settings)


_MAKERS: dict[str, Callable[[Params, int, int, int], Any]] = {
    "randomForest": lambda params, seed, columns, width: _forest(
        RandomForestClassifier, params.random_forest, seed, columns, width
    ),
    "extraTrees": lambda params, seed, columns, width: _forest(
        ExtraTreesClassifier, params.extra_trees, seed, columns, width
    ),
    "decisionTree": lambda params, seed, *_: DecisionTreeClassifier(
        **params.decision_tree.model_dump(), random_state=seed
    ),
    "histGradientBoosting": lambda params, seed, *_: HistGradientBoostingClassifier(
        **params.hist_gradient_boosting.model_dump(), early_stopping=False, random_state=seed
    ),
    "logisticRegression": lambda params, seed, *_: LogisticRegression(
        **params.logistic_regression.model_dump(), max_iter=2000, random_state=seed
    ),
    "mlp": lambda params, seed, *_: MLPClassifier(**params.mlp.model_dump(), random_state=seed),
    "lightgbm": lambda params, seed, *_: _lightgbm(params, seed),
}


def _round_to_float32(step: SimpleImputer | StandardScaler) -> None:
    for name in ("statistics_", "mean_", "scale_"):
        if hasattr(step, name):
            kind = np.float32 if name == "statistics_" else np.float64
            setattr(step, name, getattr(step, name).astype(np.float32).astype(kind))


def _lower_thresholds(estimator: ClassifierMixin) -> None:
    for tree in trees(estimator):
        tree.threshold[:] = float32_floor(tree.threshold)
    if isinstance(estimator, HistGradientBoostingClassifier):
        for nodes in _boosted_nodes(estimator):
            nodes["num_threshold"] = float32_floor(nodes["num_threshold"])


def _boosted_nodes(estimator: HistGradientBoostingClassifier) -> list[npt.NDArray[Any]]:
    return [predictor.nodes for round_ in estimator._predictors for predictor in round_]
