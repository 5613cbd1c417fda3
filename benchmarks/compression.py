"""How small, and at what price: skl2onnx's forest against our encoding, every pass, and the search.

Run ``python -m benchmarks.compression --out results.jsonl`` from the repository's root. Nested cross-validation:
whatever a method chooses, it chooses on the outer fold's training rows. The seeds were not used while defaults were
chosen, and none of the eight sets of ``compression_real`` was. All lines of a table share the same folds and the same
forests; differences are in points, mean over folds.

Each result is a line in the file as soon as it is there; called again, the benchmark goes on where it stopped. It goes
through all data sets with the first outer fold of each seed, then with the second, so that a run that is cut short has
something of everything.
"""

from __future__ import annotations

import dataclasses
import gzip
import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console

from benchmarks.compression_data import SETS, DataSet
from benchmarks.compression_methods import METHODS, PASSES, SEARCH, SEARCH_WITH_PAIRS, Fold, emlearn_bytes, folds, grown
from benchmarks.compression_real import REAL
from benchmarks.compression_table import PLAIN, RESEEDED, Measured, show, summary
from model_builder.compression.encode import REGRESSOR, TREE_ENSEMBLE, encode
from model_builder.compression.judge import Scores, score
from model_builder.runtime import open_session

SEEDS = (24111, 24112, 24113)
FOLDS = 3
RESEEDINGS = 3
WIDTH = 170
EMLEARN = "emlearn, compiled object"
WITH_PAIRS = ("ai4i",)
"""Sets where interactions are tried as well."""

Loaders = dict[str, Callable[[], DataSet]]


def measure(fold: Fold, name: str, number: int, wanted: Sequence[str]) -> Iterator[Measured]:
    """Run methods on one outer fold."""
    for method in wanted:
        start = time.perf_counter()
        if method == PLAIN:
            plain = _plain(fold)
            yield Measured(name, fold.seed, number, PLAIN, len(plain), _zipped(plain), _asked(fold, fold.forest))
        elif method == RESEEDED:
            yield _reseeded(fold, name, number)
        elif method == EMLEARN:
            yield Measured(name, fold.seed, number, EMLEARN, emlearn_bytes(fold.forest), None, None)
        else:
            made = METHODS[method](fold)
            if made is None:
                continue
            form = REGRESSOR if "opset 3" in method else TREE_ENSEMBLE
            model = encode(made.ensemble, fold.signature, form)
            answered = open_session(model).run(None, {"numeric": fold.data.rows[fold.held_out]})[0].astype(np.float64)
            scores = score(fold.data.codes[fold.held_out], answered)
            seconds = round(time.perf_counter() - start, 1)
            size, zipped = len(model), _zipped(model)
            yield Measured(name, fold.seed, number, method, size, zipped, scores, seconds, made.chosen)


def _reseeded(fold: Fold, name: str, number: int) -> Measured:
    several = [_asked(fold, fold.forest)]
    for again in range(1, RESEEDINGS):
        several.append(_asked(fold, grown(fold.rows, fold.codes, fold.seed + 10_000 * again)))
    spread = Scores(*(float(np.std(each, ddof=1)) for each in zip(*map(dataclasses.astuple, several), strict=True)))
    return Measured(name, fold.seed, number, RESEEDED, None, None, _mean_of(several), spread=spread)


def _mean_of(several: Sequence[Scores]) -> Scores:
    """Average scores of the same rows, measure by measure."""
    return Scores(
        *(float(np.mean([getattr(one, field.name) for one in several])) for field in dataclasses.fields(Scores))
    )


def _asked(fold: Fold, forest: object) -> Scores:
    answered = forest.predict_proba(fold.data.rows[fold.held_out])  # type: ignore[attr-defined]  # no types published
    return score(fold.data.codes[fold.held_out], answered[:, 1:] if fold.data.classes == 2 else answered)


def _plain(fold: Fold) -> bytes:
    from skl2onnx import to_onnx

    written: bytes = to_onnx(fold.forest, fold.rows[:1], options={"zipmap": False}).SerializeToString()
    return written


def _zipped(model: bytes) -> int:
    return len(gzip.compress(model, 9, mtime=0))


def plan(name: str, number: int, first: bool) -> list[str]:
    """List the methods for a set and an outer fold: passes and rivals on the first fold, but for AI4I on all."""
    lines = [PLAIN, RESEEDED, "our encoding, lossless (opset 5)"]
    if name in SETS and (number == 0 or name == "ai4i"):
        lines = [PLAIN, RESEEDED, *PASSES]
        if first:
            lines.append(EMLEARN)
    lines.append(SEARCH)
    return [*lines, SEARCH_WITH_PAIRS] if name in WITH_PAIRS else lines


def run(path: Path, loaders: Loaders, seeds: Sequence[int], count: int, rounds: int, quick: bool) -> None:
    """Measure what the file does not have yet, and add it to the file."""
    done = {(one.data, one.seed, one.fold, one.method) for one in read(path)}
    with Console(stderr=True).status("") as status:
        for number in range(rounds):
            for seed in seeds:
                for name, load in loaders.items():
                    wanted = plan(name, number, first=(seed, number) == (seeds[0], 0))
                    if quick:
                        wanted = [each for each in wanted if each not in (SEARCH, SEARCH_WITH_PAIRS)]
                    wanted = [each for each in wanted if (name, seed, number, each) not in done]
                    status.update(f"{name}: seed {seed}, fold {number + 1} of {count}, {len(wanted)} methods")
                    if wanted:
                        _add(path, next_fold(load(), seed, count, number), name, number, wanted)


def next_fold(data: DataSet, seed: int, count: int, number: int) -> Fold:
    """Give one fold."""
    return next(fold for place, fold in enumerate(folds(data, seed, count)) if place == number)


def _add(path: Path, fold: Fold, name: str, number: int, wanted: Sequence[str]) -> None:
    for measured in measure(fold, name, number, wanted):
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(dataclasses.asdict(measured)) + "\n")


def read(path: Path) -> list[Measured]:
    """Read a file of results."""
    if not path.exists():
        return []
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        known = json.loads(line)
        for key in ("scores", "spread"):
            known[key] = Scores(**known[key]) if known[key] else None
        found.append(Measured(**known))
    return found


def print_tables(path: Path, *, markdown: bool = False) -> None:
    """Print one table for each data set, and one over those that no default was chosen on."""
    console, measured = Console(width=WIDTH), read(path)
    for name in dict.fromkeys(one.data for one in measured):
        own = [one for one in measured if one.data == name]
        seeds = len({one.seed for one in own})
        console.print(show(f"{name}: {seeds} seeds", own, markdown=markdown))
        spent = mean_seconds(own)
        if spent:
            console.print(f"{SEARCH}: {spent:,.0f} s a fold, on a machine that did other work as well\n")
    console.print(summary(measured, list(REAL), SEARCH, markdown=markdown))


def mean_seconds(measured: Sequence[Measured]) -> float:
    """Average time of the search."""
    spent = [one.seconds for one in measured if one.method == SEARCH]
    return float(np.mean(spent)) if spent else 0.0


def main(
    out: Annotated[Path, typer.Option(help="File of results, one line of JSON each; it is added to.")],
    quick: Annotated[bool, typer.Option(help="One seed, one fold, no search.")] = False,
    data: Annotated[list[str] | None, typer.Option(help=f"One of {', '.join((*SETS, *REAL))}; again for more.")] = None,
    seeds: Annotated[int, typer.Option(min=1, max=len(SEEDS), help="Number of seeds.")] = len(SEEDS),
    outer: Annotated[int, typer.Option(min=2, max=10, help="Number of outer folds to cut.")] = FOLDS,
    rounds: Annotated[int | None, typer.Option(min=1, help="Number of outer folds to use; all without it.")] = None,
    table: Annotated[bool, typer.Option(help="Only print the tables of the file.")] = False,
    markdown: Annotated[bool, typer.Option(help="Print tables as Markdown.")] = False,
) -> None:
    """Measure, and print one table for each data set."""
    known: Loaders = {**SETS, **REAL}
    if not table:
        chosen = {name: known[name] for name in data or known}
        used = SEEDS[: 1 if quick else seeds]
        run(out, chosen, used, outer, 1 if quick else min(rounds or outer, outer), quick)
    print_tables(out, markdown=markdown)


if __name__ == "__main__":
    typer.run(main)
