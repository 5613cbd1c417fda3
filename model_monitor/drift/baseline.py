"""The build's baseline, as drift looks at it: one histogram a column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from model_builder.report import Signature

SCORE = "score"
MODEL_SCORE = "model score"
"""Name of the score's column; the second where a feature has the first."""

Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Column:
    """A histogram of one column.

    Attributes
    ----------
    kind
        number: a feature. category: a feature. score: the model's answer, from 0 to 1.
    edges
        Of a number: the upper bounds of all bins but the last, which belong to the bin below them.
    counts
        Rows of the baseline in each bin; of a category, the last bin is for values that the build did not see.
    missing
        Rows of the baseline without a value.
    least, greatest
        Of a number: the range that the build saw; infinite where it is not known.
    values
        Of a category: the values that the build saw, in the order of their bins.
    """

    name: str
    kind: str
    edges: npt.NDArray[np.float32]
    counts: Counts
    missing: int = 0
    least: float = -np.inf
    greatest: float = np.inf
    values: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """Rows with a value."""
        return int(self.counts.sum())

    def bins(self, values: npt.NDArray[Any]) -> Counts:
        """Give the bin of each value; -1 where there is none.

        Parameters
        ----------
        values
            Array of shape (rows,): float32 for a number, float64 for a score, codes (-1: unknown) for a category.
        """
        if self.kind == "category":
            return np.where(values < 0, len(self.counts) - 1, values).astype(np.int64)
        if self.kind == "score":
            last = len(self.counts) - 1
            found = np.minimum(np.nan_to_num(values).clip(0, 1) * (last + 1), last)
        else:
            found = np.searchsorted(self.edges, values, side="left")
        return np.where(np.isnan(values), -1, found).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Baseline:
    """All columns: numbers, categories, and the score where there is one."""

    columns: tuple[Column, ...]

    @staticmethod
    def of(recorded: dict[str, Any], signature: Signature) -> Baseline:
        """Read what the build recorded (`model_builder.baseline`, format 1).

        Of a model with several classes the score is left out: which of them a score speaks of changes from row to row.
        """
        numbers = [_number(one) for one in recorded["numeric"]]
        categories = [_category(one) for one in recorded["categorical"]]
        columns = [*numbers, *categories]
        scores = recorded["scores"]["counts"]
        if signature.threshold is not None and scores:
            name = MODEL_SCORE if any(one.name == SCORE for one in columns) else SCORE
            edges = np.asarray(recorded["scores"]["edges"], np.float32)
            columns.append(Column(name, "score", edges, np.asarray(scores[-1], np.int64), 0, 0.0, 1.0))
        return Baseline(tuple(columns))

    @property
    def numbers(self) -> tuple[Column, ...]:
        """The columns that are numbers, in the order of the model's input."""
        return tuple(one for one in self.columns if one.kind == "number")

    @property
    def categories(self) -> tuple[Column, ...]:
        """The columns that are categories, in the order of the model's input."""
        return tuple(one for one in self.columns if one.kind == "category")


def _number(recorded: dict[str, Any]) -> Column:
    edges = np.asarray(recorded["edges"], np.float32)
    counts = np.asarray(recorded["counts"], np.int64)
    least, greatest = recorded.get("least"), recorded.get("greatest")
    if least is None or greatest is None:
        # An older build told only its deciles: what lies as far beyond them as they are apart may still be right.
        spread = float(edges[-1] - edges[0]) if len(edges) else 0.0
        least, greatest = (float(edges[0]) - spread, float(edges[-1]) + spread) if spread else (-np.inf, np.inf)
    return Column(recorded["name"], "number", edges, counts, int(recorded["missing"]), float(least), float(greatest))


def _category(recorded: dict[str, Any]) -> Column:
    counts = np.asarray([*recorded["counts"], recorded["unknown"]], np.int64)
    values = tuple(str(value) for value in recorded["values"])
    return Column(recorded["name"], "category", np.empty(0, np.float32), counts, values=values)
