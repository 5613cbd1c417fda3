"""Finds columns that nearly give the target away all by themselves, because they were written after the fault."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.metrics import f1_score
from sklearn.tree import DecisionTreeClassifier

from model_builder.classes import Labels
from model_builder.errors import BuilderError, Reason, listed, shown
from model_builder.intervals import wilson
from model_builder.reading import Table
from model_builder.splitting import Order, folds

MAX_MACRO_F1 = 0.97
"""What one column may reach alone, cross-validated. Few measured quantities do; those are allowed by name."""

MAX_PRECISION = 0.9
MAX_ODDS = 100.0
MIN_SHARE = 0.05
FEW_VALUES = 10
MAX_ROWS = 50_000
MIN_PER_CLASS = 10
LEAVES = 16
FOLDS = 3


@dataclass(frozen=True)
class Leak:
    """A column that says too much, and what it reaches alone."""

    column: str
    evidence: str


def check_leakage(table: Table, labels: Labels, order: Order, allowed: tuple[str, ...], seed: int) -> tuple[str, ...]:
    """Stop the build where a column nearly gives the target away and the spec does not allow it.

    Returns
    -------
    tuple
        Notes on columns that do but are allowed.

    Raises
    ------
    BuilderError
        ``TargetLeakage``, with the columns and the score that each reaches alone.
    """
    leaks = find_leaks(table, labels, order, seed)
    refused = [leak for leak in leaks if leak.column not in allowed]
    if refused:
        names = [leak.column for leak in refused]
        alike = _alike(table, {leak.column for leak in leaks})
        also = f"; look at {listed(alike)} too, written in the same way" if alike else ""
        raise BuilderError(
            Reason.TARGET_LEAKAGE,
            f"the column {shown(names[0])} alone nearly gives the target away: {refused[0].evidence}"
            + (f" (and so do {listed(names[1:])})" if len(names) > 1 else ""),
            found="; ".join(f"{shown(leak.column)}: {leak.evidence}" for leak in refused[:12]),
            allowed="columns whose value is known before the fault is",
            remedy=f"name them in features.exclude{also}, or in features.allowLeakage where the value is known in time",
        )
    return tuple(f"column {shown(leak.column)} is allowed although {leak.evidence}" for leak in leaks)


def find_leaks(table: Table, labels: Labels, order: Order, seed: int) -> list[Leak]:
    """Find columns that reach a macro-F1 of 0.97 alone, or have a value that hardly ever stands without a fault."""
    rows = np.arange(len(labels.codes))
    if len(rows) > MAX_ROWS:
        rows = np.sort(np.random.RandomState(seed).permutation(len(rows))[:MAX_ROWS])
    codes = labels.codes[rows]
    if min(np.bincount(codes, minlength=len(labels.classes))) < MIN_PER_CLASS:
        return []
    cuts = list(folds(codes, order.take(rows), FOLDS, seed))
    leaks = []
    for name, values in _columns(table, rows):
        evidence = _telling_value(values, codes, labels) or _telling_column(values[1], codes, cuts)
        if evidence:
            leaks.append(Leak(name, evidence))
    return leaks


_Column = tuple[tuple[str, ...] | None, npt.NDArray[np.float32]]


def _columns(table: Table, rows: npt.NDArray[np.int64]) -> list[tuple[str, _Column]]:
    numeric = [(name, (None, column[rows])) for name, column in zip(table.names, table.features.T, strict=True)]
    texts = [
        (category.name, (category.values, codes[rows].astype(np.float32)))
        for category, codes in zip(table.data.categories, table.data.codes.T, strict=True)
    ]
    return [*numeric, *texts]


def _telling_value(column: _Column, codes: npt.NDArray[np.int64], labels: Labels) -> str:
    # A flag that is set for some faults only, such as one cause of many: sure where it is set, silent elsewhere.
    names, values = column
    present = np.unique(values[~np.isnan(values)])
    if len(present) > FEW_VALUES:
        return ""
    for value in present:
        here = values == value
        counts = np.bincount(codes[here], minlength=len(labels.classes))
        code = int(counts.argmax())
        base = float((codes == code).mean())
        low, _ = wilson(int(counts[code]), int(here.sum()))
        share = counts[code] / max(1, int((codes == code).sum()))
        odds = low / max(1 - low, 1e-9) * (1 - base) / base
        if base <= 0.5 and low >= MAX_PRECISION and odds >= MAX_ODDS and share >= MIN_SHARE:
            text = f"{value:g}" if names is None else shown(names[int(value)])
            return (
                f"{counts[code]:,} of the {int(here.sum()):,} rows where it is {text} are of class "
                f"{shown(labels.classes[code])} (of all rows {100 * base:.1f}%), {100 * share:.0f}% of that class"
            )
    return ""


def _telling_column(
    values: npt.NDArray[np.float32],
    codes: npt.NDArray[np.int64],
    cuts: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]],
) -> str:
    column = np.where(np.isnan(values), np.float32(-3.4e38), values).reshape(-1, 1)
    judged, said = [], []
    for fit, judge in cuts:
        tree = DecisionTreeClassifier(max_leaf_nodes=LEAVES, random_state=0).fit(column[fit], codes[fit])
        said.append(tree.predict(column[judge]))
        judged.append(codes[judge])
    if not judged:
        return ""
    score = float(f1_score(np.concatenate(judged), np.concatenate(said), average="macro", zero_division=0.0))
    return f"a macro-F1 of {score:.3f} with this column alone, cross-validated" if score >= MAX_MACRO_F1 else ""


def _alike(table: Table, leaks: set[str]) -> list[str]:
    flags = {
        name
        for name, column in zip(table.names, table.features.T, strict=True)
        if set(np.unique(column[~np.isnan(column)]).tolist()) <= {0.0, 1.0}
    }
    return [name for name in table.names if name in flags - leaks] if flags & leaks else []
