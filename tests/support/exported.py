"""Models of real and generated data for the tests of exports: what is exported, and rows that could go wrong."""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import Any

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.pipeline import Pipeline

from benchmarks.compression_data import DataSet, ai4i, gearbox, sgah, spindle
from benchmarks.real_data import data_file
from model_builder.categories import Category, Rows
from model_builder.compression.encode import encode
from model_builder.compression.ensemble import Combine, Ensemble, Link, Pair, Tree
from model_builder.compression.fitted import from_sklearn
from model_builder.exports.model import Source
from model_builder.frontend import front_end
from model_builder.parity import Model
from model_builder.report import Signature
from tests.support.ensembles import rows_beside_thresholds, rows_with_holes


@dataclasses.dataclass(frozen=True, eq=False)
class Case:
    """A model to export, its ONNX file, and rows: of the data, with holes, and on and beside thresholds.

    ``estimator`` is scikit-learn's, where there is one.
    """

    data: str
    source: Source
    onnx: bytes
    rows: Rows
    estimator: Any = None

    @property
    def model(self) -> Model:
        """The ONNX file in ONNX Runtime."""
        return Model(self.onnx, self.source.signature)


def binary() -> DataSet:
    """AI4I where the real data is, else generated rows of two classes."""
    return ai4i() if data_file("ai4i2020/ai4i2020.csv") is not None else spindle()


def several() -> DataSet:
    """SGAH where the real data is, else generated rows of five classes."""
    return sgah() if data_file("sgah_grid/sgah_events.csv") is not None else gearbox()


ESTIMATORS = {
    "forest": lambda: RandomForestClassifier(15, random_state=3, n_jobs=1),
    "bag": lambda: RandomForestClassifier(8, max_features=None, max_depth=6, random_state=3, n_jobs=1),
    "extra": lambda: ExtraTreesClassifier(5, min_samples_leaf=5, random_state=3, n_jobs=1),
    "boosted": lambda: HistGradientBoostingClassifier(
        max_iter=12, max_leaf_nodes=8, early_stopping=False, random_state=3
    ),
}


@cache
def case(kind: str, data: str) -> Case:
    """Fit a model on rows of which some values are missing."""
    given = binary() if data == "two classes" else several()
    random = np.random.RandomState(5)
    features = np.where(random.random_sample(given.rows.shape) < 0.03, np.float32(np.nan), given.rows)
    fitted = random.permutation(len(features))[: len(features) // 2]
    estimator = ESTIMATORS[kind]().fit(features[fitted], given.codes[fitted])
    ensemble = from_sklearn(Pipeline([("estimator", estimator)]))
    source = source_of(ensemble, given.classes)
    base = given.rows[:2000]
    rows = np.concatenate([features, rows_with_holes(base, 6), rows_beside_thresholds(ensemble, base, 400)])
    return Case(given.name, source, encode(ensemble, source.signature), Rows.of_numbers(rows), estimator)


def source_of(ensemble: Ensemble, classes: int, name: str = "spindle") -> Source:
    """Give the ensemble names."""
    names = tuple(f"sensor {index} [m/s]" for index in range(ensemble.features))
    signature = Signature.of(names, tuple(f"class {index}" for index in range(classes)), 0.4 if classes == 2 else None)
    return Source(name, signature, (), ensemble)


def with_pairs() -> Case:
    """Make a small ensemble by hand: pairs of columns, a category, a constant tree, an infinite threshold."""
    categories = (Category("T*/ype", ("H", "L??/", "M\\ü")), Category("line", ("", "a b")))
    pairs = (Pair(Combine.DIFFERENCE, 0, 1), Pair(Combine.PRODUCT, 0, 2), Pair(Combine.PRODUCT, 1, 1))
    trees = [_stump(feature, threshold, side) for feature, threshold, side in _STUMPS]
    ensemble = Ensemble((*trees, Tree.constant(np.array([0.05]))), np.array([0.1]), Link.IDENTITY, 7, pairs)
    signature = Signature.of(("heat\n", "load"), ("0", "1"), 0.5, tuple(each.name for each in categories))
    source = Source("press-2", signature, categories, ensemble)
    random = np.random.RandomState(8)
    numeric = random.normal(size=(500, 2)).astype(np.float32).round(1)
    numeric[random.random_sample(numeric.shape) < 0.2] = np.nan
    codes = random.randint(-1, 3, (500, 2)).astype(np.int16)
    codes[:, 1] = np.minimum(codes[:, 1], 1)
    onnx = encode(ensemble, signature, front=front_end(signature, categories))
    return Case("made by hand", source, onnx, Rows(numeric, codes, categories))


_STUMPS = [
    (0, 0.3, True),
    (1, np.inf, False),
    (2, 0.5, False),
    (4, 0.5, True),
    (6, 0.5, False),
    (7, -0.2, True),
    (8, 0.0, False),
    (9, 0.25, False),
]


def _stump(feature: int, threshold: float, missing_left: bool) -> Tree:
    return Tree(
        feature=np.array([feature, -1, -1]),
        threshold=np.array([threshold, 0, 0], np.float32),
        left=np.array([1, 0, 0]),
        right=np.array([2, 0, 0]),
        missing_left=np.array([missing_left, False, False]),
        value=np.array([[0.05], [0.02], [0.1]]),
        cover=np.array([2.0, 1, 1]),
    )
