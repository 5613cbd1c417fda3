"""What the compression benchmark compares: the folds, the forest, each pass, and the search."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from benchmarks.compression_data import DataSet
from benchmarks.peers import load_emlearn
from model_builder.compression.candidates import Variant
from model_builder.compression.ensemble import Ensemble, Rows
from model_builder.compression.fitted import from_sklearn
from model_builder.compression.prune import Criterion, by_gain
from model_builder.compression.prune_levels import by_levels
from model_builder.compression.prune_trees import by_mutual_information, by_weights, first_trees, greedy
from model_builder.compression.quantize import Range, decenter, quantize_leaves, quantize_thresholds
from model_builder.compression.search import Budget, Search
from model_builder.report import Signature

TREES = 100

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Fold:
    """One outer fold: rows to learn from, rows to judge by, and the forest."""

    data: DataSet
    signature: Signature
    forest: RandomForestClassifier
    fit: Codes
    held_out: Codes
    seed: int

    @property
    def rows(self) -> Rows:
        return self.data.rows[self.fit]

    @property
    def codes(self) -> Codes:
        return self.data.codes[self.fit]

    @property
    def groups(self) -> npt.NDArray[Any] | None:
        return None if self.data.groups is None else self.data.groups[self.fit]


@dataclass(frozen=True, eq=False)
class Made:
    """What a method makes of a forest, and what it chose."""

    ensemble: Ensemble
    chosen: str = ""


Method = Callable[[Fold], Made | None]


def _forest(fold: Fold) -> Ensemble:
    return from_sklearn(fold.forest)


def _simply(make: Callable[[Fold], Ensemble | None]) -> Method:
    def method(fold: Fold) -> Made | None:
        ensemble = make(fold)
        return None if ensemble is None else Made(ensemble)

    return method


def _searched(fold: Fold, *, interactions: bool = False) -> Made:
    search = Search(
        fold.forest,
        fold.rows,
        fold.codes,
        fold.signature,
        budget=Budget(),
        interactions=interactions,
        groups=fold.groups,
        seed=fold.seed,
    )
    found = search.run()
    return Made(search.ensemble(found.chosen), found.chosen.name)


def _bag(fold: Fold, trees: int, alpha: float) -> Ensemble:
    bag = RandomForestClassifier(30, max_features=None, min_samples_leaf=2, random_state=fold.seed)
    fitted = from_sklearn(bag.fit(fold.rows, fold.codes))
    return Variant(trees, alpha, 4, greedy=True).of(fitted, fold.rows, fold.codes)


def _levels(fold: Fold) -> Ensemble | None:
    if fold.data.classes > 2:
        return None
    shallow = RandomForestClassifier(200, max_leaf_nodes=8, random_state=fold.seed).fit(fold.rows, fold.codes)
    return by_levels(from_sklearn(shallow), fold.rows, fold.codes, strength=0.02, seed=fold.seed)


_PASSES: dict[str, Callable[[Fold], Ensemble | None]] = {
    "our encoding, lossless (opset 5)": _forest,
    "our encoding, lossless (opset 3)": _forest,
    "quantize leaves, 8 bits": lambda fold: quantize_leaves(_forest(fold), 8)[0],
    "quantize leaves, 4 bits": lambda fold: quantize_leaves(_forest(fold), 4)[0],
    "decenter, then leaves in 8 bits": lambda fold: quantize_leaves(decenter(_forest(fold)), 8, Range.SYMMETRIC)[0],
    "quantize thresholds, 8 bits": lambda fold: quantize_thresholds(_forest(fold), 8)[0],
    "prune: cost-complexity": lambda fold: Variant(TREES, 0.0015, 0).of(_forest(fold), fold.rows, fold.codes),
    "prune: half the splits, by Gini": lambda fold: by_gain(_forest(fold), Criterion.GINI, 0.5),
    "prune: half the splits, by information": lambda fold: by_gain(_forest(fold), Criterion.INFORMATION_GAIN, 0.5),
    "prune: 25 trees, the first": lambda fold: first_trees(_forest(fold), 25),
    "prune: 25 trees, greedily": lambda fold: greedy(_forest(fold), fold.rows, fold.codes, 25),
    "prune: 25 trees, mutual information": lambda fold: by_mutual_information(_forest(fold), fold.rows, fold.codes, 25),
    "prune: weights under a penalty": lambda fold: by_weights(_forest(fold), fold.rows, fold.codes, 0.1),
    "prune: levels of 200 small trees": _levels,
    "best 10 of 30 bagged trees, cut, 4-bit leaves": lambda fold: _bag(fold, 10, 0.0075),
    "best 15 of 30 bagged trees, cut, 4-bit leaves": lambda fold: _bag(fold, 15, 0.0045),
}

SEARCH = "search (default)"
SEARCH_WITH_PAIRS = "search with interactions"

PASSES: dict[str, Method] = {name: _simply(make) for name, make in _PASSES.items()}
METHODS: dict[str, Method] = {
    **PASSES,
    SEARCH: _searched,
    SEARCH_WITH_PAIRS: partial(_searched, interactions=True),
}


def grown(rows: Rows, codes: Codes, seed: int) -> RandomForestClassifier:
    """Grow the forest that everything is compared with: scikit-learn's defaults."""
    return RandomForestClassifier(TREES, random_state=seed, n_jobs=1).fit(rows, codes)


def folds(data: DataSet, seed: int, count: int) -> Iterator[Fold]:
    """Cut the rows, and fit a forest on each part's complement."""
    names = tuple(f"x{index}" for index in range(data.rows.shape[1]))
    classes = tuple(str(code) for code in range(data.classes))
    signature = Signature.of(names, classes, 0.5 if data.classes == 2 else None)
    if data.groups is None:
        cuts = StratifiedKFold(count, shuffle=True, random_state=seed).split(data.rows, data.codes)
    else:
        cuts = StratifiedGroupKFold(count, shuffle=True, random_state=seed).split(data.rows, data.codes, data.groups)
    for fit, held_out in cuts:
        forest = grown(data.rows[fit], data.codes[fit], seed)
        yield Fold(data, signature, forest, fit, held_out, seed)


def emlearn_bytes(forest: RandomForestClassifier) -> int | None:
    """Size of emlearn's C code for a forest, compiled for size; None where emlearn or a compiler is missing.

    As code: emlearn's tables are smaller, but hold 16-bit integers only and so give other answers.
    """
    compiler = shutil.which("cc")
    try:
        emlearn = load_emlearn()
    except ImportError:
        return None
    if compiler is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "forest.c"
        converted = emlearn.convert(forest, method="inline", dtype="float")
        converted.save(file=str(Path(folder) / "forest.h"), name="forest")
        source.write_text('#include "forest.h"\nint ask(const float *x, int n) { return forest_predict(x, n); }\n')
        command = [compiler, "-Os", "-c", str(source), "-I", emlearn.includedir, "-o", str(source.with_suffix(".o"))]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            return None
        return source.with_suffix(".o").stat().st_size
