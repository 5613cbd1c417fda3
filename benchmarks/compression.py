"""How small, and at what price: skl2onnx's forest against our encoding, every pass, and the search.

Run ``python -m benchmarks.compression`` from the repository's root. Nested cross-validation: whatever a method chooses,
it chooses on the outer fold's training rows. The seeds were not used while defaults were chosen. All rows of the table
share the same folds and the same forests; differences are in points, mean over folds.
"""

from __future__ import annotations

import gzip
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import typer
from rich.console import Console
from rich.table import Table
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from benchmarks.compression_data import SETS, DataSet
from model_builder.compression.candidates import Variant
from model_builder.compression.encode import REGRESSOR, TREE_ENSEMBLE, Form, encode
from model_builder.compression.ensemble import Ensemble, Rows
from model_builder.compression.fitted import from_sklearn
from model_builder.compression.judge import Scores, score
from model_builder.compression.prune import Criterion, by_gain
from model_builder.compression.prune_levels import by_levels
from model_builder.compression.prune_trees import by_mutual_information, by_weights, first_trees, greedy
from model_builder.compression.quantize import Range, decenter, quantize_leaves, quantize_thresholds
from model_builder.compression.search import Budget, Search
from model_builder.report import Signature
from model_builder.runtime import open_session

SEEDS = (9001, 9002, 9003)
FOLDS = 5
TREES = 100
WIDTH = 150

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


@dataclass
class Line:
    """One row of the table."""

    bytes: list[int] = field(default_factory=list)
    gzip: list[int] = field(default_factory=list)
    scores: list[Scores] = field(default_factory=list)
    seconds: float = 0.0


Method = Callable[[Fold], Ensemble | None]


def _forest(fold: Fold) -> Ensemble:
    return from_sklearn(fold.forest)


def _searched(fold: Fold, *, interactions: bool = False) -> Ensemble:
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
    return search.ensemble(search.run().chosen)


def _bag(fold: Fold, trees: int, alpha: float) -> Ensemble:
    bag = RandomForestClassifier(30, max_features=None, min_samples_leaf=2, random_state=fold.seed)
    fitted = from_sklearn(bag.fit(fold.rows, fold.codes))
    return Variant(trees, alpha, 4, greedy=True).of(fitted, fold.rows, fold.codes)


def _levels(fold: Fold) -> Ensemble | None:
    if fold.data.classes > 2:
        return None
    shallow = RandomForestClassifier(200, max_leaf_nodes=8, random_state=fold.seed).fit(fold.rows, fold.codes)
    return by_levels(from_sklearn(shallow), fold.rows, fold.codes, strength=0.02, seed=fold.seed)


METHODS: dict[str, Method] = {
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
    "search (default)": _searched,
    "search with interactions": partial(_searched, interactions=True),
}

SLOW = ("search (default)", "search with interactions")


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
        forest = RandomForestClassifier(TREES, random_state=seed, n_jobs=1).fit(data.rows[fit], data.codes[fit])
        yield Fold(data, signature, forest, fit, held_out, seed)


def measure(data: DataSet, seeds: tuple[int, ...], count: int, chosen: list[str]) -> dict[str, Line]:
    """Run all methods over all folds."""
    lines: dict[str, Line] = {}
    with Console(stderr=True).status(data.name) as status:
        for seed in seeds:
            for number, fold in enumerate(folds(data, seed, count), 1):
                status.update(f"{data.name}: seed {seed}, fold {number} of {count}")
                actual, asked = data.codes[fold.held_out], data.rows[fold.held_out]
                baseline = lines.setdefault("skl2onnx forest", Line())
                probabilities = fold.forest.predict_proba(asked)
                baseline.scores.append(score(actual, probabilities[:, 1:] if data.classes == 2 else probabilities))
                plain = _plain(fold)
                baseline.bytes.append(len(plain))
                baseline.gzip.append(len(gzip.compress(plain, 9)))
                for name in chosen:
                    start = time.perf_counter()
                    ensemble = METHODS[name](fold)
                    if ensemble is None:
                        continue
                    form = REGRESSOR if "opset 3" in name else TREE_ENSEMBLE
                    line = lines.setdefault(name, Line())
                    _add(line, ensemble, fold, form)
                    line.seconds += time.perf_counter() - start
                known = lines.get("emlearn, compiled object")
                if known is None and (size := emlearn_bytes(fold.forest)) is not None:
                    lines["emlearn, compiled object"] = Line(bytes=[size])
    return lines


def _add(line: Line, ensemble: Ensemble, fold: Fold, form: Form) -> None:
    model = encode(ensemble, fold.signature, form)
    answered = open_session(model).run(None, {"numeric": fold.data.rows[fold.held_out]})[0].astype(np.float64)
    line.scores.append(score(fold.data.codes[fold.held_out], answered))
    line.bytes.append(len(model))
    line.gzip.append(len(gzip.compress(model, 9)))


def _plain(fold: Fold) -> bytes:
    from skl2onnx import to_onnx

    written: bytes = to_onnx(fold.forest, fold.rows[:1], options={"zipmap": False}).SerializeToString()
    return written


def emlearn_bytes(forest: RandomForestClassifier) -> int | None:
    """Size of emlearn's C code for a forest, compiled for size; None where emlearn or a compiler is missing."""
    compiler = shutil.which("cc")
    try:
        import emlearn  # type: ignore[import-not-found,import-untyped,unused-ignore]
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


def show(data: DataSet, lines: dict[str, Line], seeds: int, count: int) -> Table:
    """Make one table of a data set."""
    title = f"{data.name}: {len(data.rows):,} × {data.rows.shape[1]}, {seeds} seeds × {count} folds"  # noqa: RUF001
    table = Table(title=title, title_justify="left")
    table.add_column("method")
    for name in ("bytes", "gzip", "smaller", "macro-F1", "F1*", "AP", "Brier", "Δmacro-F1", "ΔF1*", "ΔAP", "ΔBrier"):
        table.add_column(name, justify="right", no_wrap=True)
    base = lines["skl2onnx forest"]
    for name, line in lines.items():
        size = float(np.mean(line.bytes))
        cells = [
            f"{size:,.0f}",
            f"{np.mean(line.gzip):,.0f}" if line.gzip else "",
            f"{np.mean(base.bytes) / size:,.1f}",
        ]
        for measure_name, factor in _MEASURES:
            cells.append(f"{factor * _mean(line, measure_name):.{1 if factor > 1 else 4}f}" if line.scores else "")
        for measure_name, factor in _MEASURES:
            if line.scores and line is not base:
                change = factor * (_mean(line, measure_name) - _mean(base, measure_name))
                cells.append(f"{change:+.{1 if factor > 1 else 4}f}")
            else:
                cells.append("")
        table.add_row(name, *cells)
    return table


_MEASURES = (("macro_f1", 100), ("best_f1", 100), ("average_precision", 100), ("brier", 1))


def _mean(line: Line, name: str) -> float:
    return float(np.mean([getattr(scores, name) for scores in line.scores]))


def main(
    quick: Annotated[bool, typer.Option(help="One seed, three folds, no search.")] = False,
    data: Annotated[list[str] | None, typer.Option(help=f"One of {', '.join(SETS)}; again for more.")] = None,
    seeds: Annotated[int, typer.Option(min=1, max=len(SEEDS), help="Number of seeds.")] = len(SEEDS),
    outer: Annotated[int, typer.Option(min=2, max=10, help="Number of outer folds.")] = FOLDS,
) -> None:
    """Print one table for each data set."""
    console = Console(width=WIDTH)
    chosen = [name for name in METHODS if not (quick and name in SLOW)]
    count, used = (3, SEEDS[:1]) if quick else (outer, SEEDS[:seeds])
    for name in data or SETS:
        one = SETS[name]()
        console.print(show(one, measure(one, used, count, chosen), len(used), count))


if __name__ == "__main__":
    typer.run(main)
