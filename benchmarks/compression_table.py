"""Tables of what the compression benchmark measured, made of its lines of JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from rich import box
from rich.table import Table

from model_builder.compression.judge import Scores

PLAIN = "skl2onnx forest"
RESEEDED = "the same forest, other seeds"


@dataclass(frozen=True)
class Measured:
    """What one method gave on one outer fold.

    Attributes
    ----------
    spread
        Of the forest: standard deviation of each score over its reseedings, on the same fold.
    """

    data: str
    seed: int
    fold: int
    method: str
    bytes: int | None
    gzip: int | None
    scores: Scores | None
    seconds: float = 0.0
    chosen: str = ""
    spread: Scores | None = None


_SHOWN = (("macro_f1", 100), ("best_f1", 100), ("average_precision", 100), ("brier", 1))


def show(title: str, measured: Sequence[Measured], *, markdown: bool = False) -> Table:
    """Make the table of one data set; differences are to the forest on the same folds."""
    table = _table(title, markdown)
    table.add_column("method")
    names = (
        "folds",
        "bytes",
        "gzip",
        "smaller",
        "macro-F1",
        "F1*",
        "AP",
        "Brier",
        "Δmacro-F1",
        "ΔF1*",
        "ΔAP",
        "ΔBrier",
    )
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    base = {(one.seed, one.fold): one for one in measured if one.method == PLAIN}
    for method in dict.fromkeys(one.method for one in measured):
        lines = [one for one in measured if one.method == method and (one.seed, one.fold) in base]
        against = [base[one.seed, one.fold] for one in lines]
        table.add_row(method, str(len(lines)), *_sizes(lines, against), *_scores(lines, against, method == PLAIN))
    return table


def _table(title: str, markdown: bool) -> Table:
    return Table(title=title, title_justify="left", box=box.MARKDOWN if markdown else box.HEAVY_HEAD)


def _sizes(lines: Sequence[Measured], against: Sequence[Measured]) -> list[str]:
    sizes = [one.bytes for one in lines if one.bytes]
    zipped = [one.gzip for one in lines if one.gzip]
    if not sizes:
        return ["", "", ""]
    ratio = geometric(
        other.bytes / one.bytes for one, other in zip(lines, against, strict=True) if one.bytes and other.bytes
    )
    return [f"{np.mean(sizes):,.0f}", f"{np.mean(zipped):,.0f}" if zipped else "", f"{ratio:,.1f}"]


def _scores(lines: Sequence[Measured], against: Sequence[Measured], is_base: bool) -> list[str]:
    pairs = [(one.scores, other.scores) for one, other in zip(lines, against, strict=True)]
    known = [(own, other) for own, other in pairs if own is not None and other is not None]
    if not known:
        return [""] * 8
    cells = [f"{factor * mean(name, [own for own, _ in known]):.{_digits(factor)}f}" for name, factor in _SHOWN]
    if is_base:
        return cells + [""] * 4
    for name, factor in _SHOWN:
        change = factor * (mean(name, [own for own, _ in known]) - mean(name, [other for _, other in known]))
        cells.append(f"{change:+.{_digits(factor)}f}")
    return cells


def _digits(factor: int) -> int:
    return 1 if factor > 1 else 4


def mean(name: str, scores: Iterable[Scores]) -> float:
    """Average one measure."""
    return float(np.mean([getattr(one, name) for one in scores]))


def geometric(ratios: Iterable[float]) -> float:
    """Average ratios so that twice and half cancel."""
    return float(np.exp(np.mean(np.log(list(ratios)))))


def summary(measured: Sequence[Measured], data: Sequence[str], method: str, *, markdown: bool = False) -> Table:
    """Sum up one method over data sets: how small, and whether anything was lost beyond noise.

    The forest's scores are the mean over its reseedings here, so that one lucky forest decides nothing. A set is worse
    where a mean difference is below minus the larger of one point and twice the spread of reseeding.
    """
    table = _table(f"{method}, data sets that no default was chosen on", markdown)
    table.add_column("data")
    names = (
        "folds",
        "bytes",
        "smaller",
        "gzip",
        "Δmacro-F1",
        "ΔF1*",
        "ΔAP",
        "reseeding",
        "may lose",
        "worse",
        "chosen",
    )
    for name in names:
        table.add_column(name, justify="left" if name == "chosen" else "right")
    rows = [(name, found) for name in data if (found := _summed(measured, name, method)) is not None]
    for name, one in rows:
        cells = [str(one.folds), f"{one.bytes:,.0f}", f"{one.ratio:,.0f}", f"{one.zipped:,.1f}"]
        cells += [f"{100 * value:+.1f}" for value in one.changes] + [
            f"{100 * one.spread:.1f}",
            f"{100 * one.slack:.1f}",
        ]
        table.add_row(name, *cells, "yes" if one.worse else "no", one.chosen)
    if rows:
        every = [one for _, one in rows]
        cells = [
            "",
            "",
            f"{geometric(one.ratio for one in every):,.0f}",
            f"{geometric(one.zipped for one in every):,.1f}",
        ]
        cells += [f"{100 * float(np.mean([one.changes[i] for one in every])):+.1f}" for i in range(3)]
        table.add_row("mean", *cells, "", "", str(sum(one.worse for one in every)), "")
        table.add_row("least", "", "", f"{min(one.ratio for one in every):,.1f}", *[""] * 8)
    return table


@dataclass(frozen=True)
class _Sum:
    folds: int
    bytes: float
    ratio: float
    zipped: float
    changes: tuple[float, float, float]
    spread: float
    slack: float
    chosen: str

    @property
    def worse(self) -> bool:
        return min(self.changes) < -self.slack


def _summed(measured: Sequence[Measured], data: str, method: str) -> _Sum | None:
    at = {(one.method, one.seed, one.fold): one for one in measured if one.data == data}
    keys = [(seed, fold) for name, seed, fold in at if name == method and (RESEEDED, seed, fold) in at]
    if not keys:
        return None
    own = [at[method, *key] for key in keys]
    plain = [at[PLAIN, *key] for key in keys]
    others = [at[RESEEDED, *key] for key in keys]
    judged = [name for name, factor in _SHOWN if factor > 1]
    changes = [
        mean(name, [one.scores for one in own if one.scores]) - mean(name, [one.scores for one in others if one.scores])
        for name in judged
    ]
    spread = max(mean(name, [one.spread for one in others if one.spread]) for name in judged)
    return _Sum(
        folds=len(keys),
        bytes=float(np.mean([one.bytes or 0 for one in own])),
        ratio=geometric((other.bytes or 1) / (one.bytes or 1) for one, other in zip(own, plain, strict=True)),
        zipped=geometric((other.gzip or 1) / (one.gzip or 1) for one, other in zip(own, plain, strict=True)),
        changes=(changes[0], changes[1], changes[2]),
        spread=spread,
        slack=max(0.01, 2 * spread),
        chosen=", ".join(dict.fromkeys(one.chosen.split(":")[0] for one in own)),
    )
