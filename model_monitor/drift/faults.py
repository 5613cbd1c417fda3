"""Sensors whose values cannot be right, told apart from a process that has changed.

Each rule asks how long a sound sensor would take to look like that. Were rows independent, a run of k equal values
would begin at a given row with a probability of at most p^(k-1), p being the share of the fullest bin of the baseline;
so k is taken such that this is below `RARE`. Real values hang on for a while, hence a floor besides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from model_monitor.drift.baseline import Column

RARE = 1e-9
"""How seldom, for each row, a sound sensor may look broken."""

STUCK_ROWS, MISSING_ROWS, OUTSIDE_ROWS = 50, 10, 20
"""Rows in a row below which nothing is called stuck, missing or out of range."""

_NEVER = np.iinfo(np.int64).max

Floats32 = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]


class Fault(StrEnum):
    """How a sensor is broken."""

    STUCK = "stuck"
    MISSING = "missing"
    OUT_OF_RANGE = "outOfRange"
    UNIT = "unit"


class Runs:
    """Counts, for each number, how many of the latest rows in a row were equal, missing, or out of range."""

    def __init__(self, columns: Sequence[Column], ranges: Mapping[str, tuple[float, float]]) -> None:
        count = len(columns)
        bounds = [_range(column, ranges) for column in columns]
        self._low = np.array([low for low, _ in bounds], np.float64)
        self._high = np.array([high for _, high in bounds], np.float64)
        self._limits = {
            Fault.STUCK: np.array([_limit(_fullest(column), STUCK_ROWS) for column in columns], np.int64),
            Fault.MISSING: np.array([_limit(_missing(column), MISSING_ROWS) for column in columns], np.int64),
            Fault.OUT_OF_RANGE: np.full(count, OUTSIDE_ROWS, np.int64),
        }
        self._runs = {fault: np.zeros(count, np.int64) for fault in self._limits}
        self._last = np.full(count, np.nan, np.float32)

    def add(self, values: Floats32) -> dict[Fault, Flags]:
        """Take rows.

        Parameters
        ----------
        values
            Array of shape (rows, numbers).

        Returns
        -------
        dict
            For each kind, whether a run was long enough at any of these rows; shape (numbers,).
        """
        if len(values) == 0:
            return {fault: np.zeros(len(self._last), np.bool_) for fault in self._limits}
        before = np.vstack([self._last, values[:-1]])
        gone = np.isnan(values)
        told = {
            # Not known is neither equal nor out of range.
            Fault.STUCK: values == before,
            Fault.MISSING: gone,
            Fault.OUT_OF_RANGE: ~gone & ((values < self._low) | (values > self._high)),
        }
        self._last = values[-1].copy()
        return {fault: self._longest(fault, each) >= self._limits[fault] for fault, each in told.items()}

    def outside(self, values: Floats32) -> Flags:
        """Say which values are out of range; shape (rows, numbers)."""
        return np.asarray((values < self._low) | (values > self._high), np.bool_)

    def _longest(self, fault: Fault, holds: Flags) -> Numbers:
        """Go on with the runs; give the longest that each had."""
        # A run of equal values is one longer than the equalities in it, which the floor covers.
        rows = np.arange(1, len(holds) + 1)[:, None]
        broken = np.maximum.accumulate(np.where(holds, 0, rows), axis=0)
        lengths = rows - broken + np.where(broken == 0, self._runs[fault], 0)
        self._runs[fault] = lengths[-1]
        return np.asarray(lengths.max(axis=0), np.int64)


def _range(column: Column, ranges: Mapping[str, tuple[float, float]]) -> tuple[float, float]:
    if column.name in ranges:
        return ranges[column.name]
    # Half as far, and an offset of three standard deviations would be taken for what no sensor can say.
    span = column.greatest - column.least
    return (column.least - span, column.greatest + span) if np.isfinite(span) else (-np.inf, np.inf)


def _fullest(column: Column) -> float:
    return float(column.counts.max() / max(column.rows, 1))


def _missing(column: Column) -> float:
    return (column.missing + 1) / (column.rows + column.missing + 2)


def _limit(share: float, floor: int) -> int:
    """Length of a run that is rare enough; out of reach where one value, or none, is what the build mostly saw."""
    if share >= 0.99:
        return _NEVER
    return max(floor, 1 + int(np.ceil(np.log(RARE) / np.log(max(share, 1e-9)))))
