"""Random estimators and rows that lie where trees could go wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

from model_builder.compression.ensemble import Ensemble
from model_builder.report import Signature

Rows = npt.NDArray[np.float32]

ESTIMATORS = {
    "randomForest": lambda seed: RandomForestClassifier(6, random_state=seed),
    "balancedForest": lambda seed: RandomForestClassifier(5, class_weight="balanced", max_depth=4, random_state=seed),
    "extraTrees": lambda seed: ExtraTreesClassifier(5, min_samples_leaf=3, random_state=seed),
    "decisionTree": lambda seed: DecisionTreeClassifier(random_state=seed),
    "leafOnly": lambda seed: RandomForestClassifier(3, max_depth=1, min_samples_leaf=40, random_state=seed),
    "gradientBoosting": lambda seed: GradientBoostingClassifier(n_estimators=5, max_leaf_nodes=5, random_state=seed),
    "histGradientBoosting": lambda seed: HistGradientBoostingClassifier(
        max_iter=5, max_leaf_nodes=6, min_samples_leaf=3, early_stopping=False, random_state=seed
    ),
    "imputedForest": lambda seed: make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True), RandomForestClassifier(5, random_state=seed)
    ),
}

KNOWS_NO_MISSING = {"gradientBoosting"}


@dataclass(frozen=True, eq=False)
class Sample:
    """A fitted estimator, the rows that it learned from, and rows to ask it about."""

    estimator: Any
    features: Rows
    codes: npt.NDArray[np.int64]
    signature: Signature


def sample(kind: str, classes: int, seed: int, missing: bool) -> Sample:
    """Draw data and fit one of the estimators."""
    random = np.random.RandomState(seed)
    width = random.randint(1, 6)
    features = (random.normal(size=(80, width)) * 10.0 ** random.randint(-3, 4)).astype(np.float32)
    if random.random_sample() < 0.5:
        features = features.round(1)
    codes = random.randint(0, classes, 80)
    codes[:classes] = np.arange(classes)
    features[:, 0] += codes * features[:, 0].std()
    if missing and kind not in KNOWS_NO_MISSING:
        features[random.random_sample(features.shape) < 0.15] = np.nan
    estimator = ESTIMATORS[kind](seed).fit(features, codes)
    names = tuple(f"sensor {index}" for index in range(width))
    signature = Signature.of(names, tuple(str(code) for code in range(classes)), 0.5 if classes == 2 else None)
    return Sample(estimator, features, codes, signature)


def rows_beside_thresholds(ensemble: Ensemble, base: Rows, most: int = 200) -> Rows:
    """Give rows on thresholds, and one float below and above them."""
    tests = sorted(
        {
            (int(feature), float(threshold))
            for tree in ensemble.trees
            for feature, threshold in zip(tree.feature, tree.threshold, strict=True)
            if 0 <= feature < ensemble.features and np.isfinite(threshold)
        }
    )[:most]
    rows = []
    for index, (feature, threshold) in enumerate(tests):
        at = np.float32(threshold)
        for value in (np.nextafter(at, np.float32(-np.inf)), at, np.nextafter(at, np.float32(np.inf))):
            row = base[index % len(base)].copy()
            row[feature] = value
            rows.append(row)
    return np.array(rows, np.float32).reshape(-1, base.shape[1])


def rows_with_holes(base: Rows, seed: int) -> Rows:
    """Give rows in which values are missing, and one in which all are."""
    random = np.random.RandomState(seed)
    holes = np.where(random.random_sample(base.shape) < 0.4, np.float32(np.nan), base)
    return np.concatenate([holes, np.full((1, base.shape[1]), np.nan, np.float32)])


def rows_without_end(base: Rows, seed: int) -> Rows:
    """Give rows with infinite values of either sign."""
    random = np.random.RandomState(seed)
    chance = random.random_sample(base.shape)
    return np.where(chance < 0.2, np.float32(np.inf), np.where(chance > 0.8, np.float32(-np.inf), base))


def answers(estimator: Any, rows: Rows) -> npt.NDArray[np.float64]:
    """What the estimator says: the positive class's probability, or that of every class."""
    probabilities = np.asarray(estimator.predict_proba(rows), np.float64)
    return probabilities[:, 1:] if probabilities.shape[1] == 2 else probabilities
