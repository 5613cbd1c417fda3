"""Histograms of the rows that came in, in blocks of one window and of several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model_monitor.drift.baseline import Column, Counts

SCALES = (1, 4, 16)
"""Windows in a block. A small change shows only in many rows, a large one should not wait for them."""


@dataclass(frozen=True, eq=False)
class Block:
    """Counts of a block that is complete.

    Attributes
    ----------
    counts
        For each column, rows in each bin.
    missing
        Array of shape (columns,): rows without a value.
    """

    scale: int
    rows: int
    counts: tuple[Counts, ...]
    missing: Counts


class Blocks:
    """Counts rows into blocks of every scale at once."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._sizes = [len(column.counts) for column in columns]
        self._starts = np.concatenate([[0], np.cumsum(self._sizes)]).astype(np.int64)
        self._flat = {scale: np.zeros(int(self._starts[-1]), np.int64) for scale in SCALES}
        self._missing = {scale: np.zeros(len(columns), np.int64) for scale in SCALES}
        self._rows = dict.fromkeys(SCALES, 0)
        self._windows = dict.fromkeys(SCALES, 0)

    @property
    def rows(self) -> int:
        """Rows in the window that is open."""
        return self._rows[1]

    def add(self, bins: Counts) -> None:
        """Count rows.

        Parameters
        ----------
        bins
            Array of shape (rows, columns): -1 where there is no value.
        """
        there = bins >= 0
        flat = (bins + self._starts[:-1])[there]
        counts = np.bincount(flat, minlength=int(self._starts[-1]))
        missing = (~there).sum(axis=0)
        for scale in SCALES:
            self._flat[scale] += counts
            self._missing[scale] += missing
            self._rows[scale] += len(bins)

    def close(self) -> list[Block]:
        """End the window; give the blocks that are complete with it, the longest first."""
        done = []
        for scale in reversed(SCALES):
            self._windows[scale] += 1
            if self._windows[scale] < scale:
                continue
            counts = tuple(np.split(self._flat[scale].copy(), self._starts[1:-1]))
            done.append(Block(scale, self._rows[scale], counts, self._missing[scale].copy()))
            self._flat[scale][:] = 0
            self._missing[scale][:] = 0
            self._rows[scale] = self._windows[scale] = 0
        return done
