"""A new baseline, of what comes in after people have said that something was changed on purpose."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from model_monitor.drift.baseline import Baseline, Column, Counts

_DECILES = np.arange(1, 10) / 10


@dataclass(frozen=True)
class Renewal:
    """Why, and since when, rows are compared with others than those of the build.

    Attributes
    ----------
    at
        Seconds since 1970, when it was declared.
    sender
        Who declared it.
    """

    reason: str
    at: float
    sender: str = ""


class Learner:
    """Gathers the rows of a new baseline.

    Attributes
    ----------
    wanted
        Rows to gather.
    """

    def __init__(self, baseline: Baseline, wanted: int) -> None:
        self.wanted = wanted
        self._baseline = baseline
        self._values: list[npt.NDArray[np.float32]] = []
        self._bins: list[Counts] = []
        self.rows = 0

    def add(self, numbers: npt.NDArray[np.float32], bins: Counts) -> bool:
        """Take rows; True once there are enough.

        Parameters
        ----------
        numbers
            Array of shape (rows, numbers).
        bins
            Array of shape (rows, columns), by the old baseline.
        """
        left = self.wanted - self.rows
        self._values.append(numbers[:left].copy())
        self._bins.append(bins[:left].copy())
        self.rows += min(left, len(numbers))
        return self.rows >= self.wanted

    def learnt(self) -> Baseline:
        """Give the new baseline."""
        values, bins = np.vstack(self._values), np.vstack(self._bins)
        columns = []
        for position, column in enumerate(self._baseline.columns):
            if column.kind == "number":
                columns.append(_number(column, values[:, position]))
            else:
                mine = bins[:, position]
                columns.append(replace(column, counts=np.bincount(mine[mine >= 0], minlength=len(column.counts))))
        return Baseline(tuple(columns))


def _number(column: Column, values: npt.NDArray[np.float32]) -> Column:
    there = values[~np.isnan(values)]
    missing = len(values) - len(there)
    if len(there) == 0:
        return replace(column, missing=missing, counts=np.zeros_like(column.counts))
    edges = np.unique(np.quantile(there, _DECILES, method="inverted_cdf").astype(np.float32))
    counts = np.bincount(np.searchsorted(edges, there, side="left"), minlength=len(edges) + 1)
    least, greatest = float(there.min()), float(there.max())
    return replace(column, edges=edges, counts=counts, missing=missing, least=least, greatest=greatest)
