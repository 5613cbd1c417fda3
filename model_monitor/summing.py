"""Sums of labelled rows of one version, for all of its rows or those of a slice. Pure."""

from __future__ import annotations

from collections import Counter

import numpy as np

from model_monitor.quality import Score, Tally, outcome, scores
from model_monitor.resampling import confusion_scores


class Sums:
    """Adds up labelled rows.

    Parameters
    ----------
    classes
        How many classes the model has.
    """

    def __init__(self, classes: int) -> None:
        self._classes = classes
        self._counts: Counter[str] = Counter()
        # The last column is for rows without a valid answer.
        self._matrix = np.zeros((classes, classes + 1), np.int64)
        self.rows = 0
        self.faults = 0

    def add(self, fault: bool, alarm: bool, label_class: int | None, code: int, times: int) -> None:
        """Add rows that are alike.

        Parameters
        ----------
        label_class
            The true class; None where it is only known whether it is a fault.
        code
            The class that was named; -1: no valid answer.
        """
        self.rows += times
        self.faults += times * bool(fault)
        self._counts[outcome(fault, alarm)] += times
        if label_class is None:
            return
        self._counts["classed"] += times
        # Classes are numbered as the stable version of the row does; two versions of one signature agree on that.
        self._counts["right"] += times * (code == label_class)
        if label_class < self._classes and code < self._classes:
            self._matrix[label_class, code] += times

    def scores(self) -> list[Score]:
        """Give the scores that something is known of."""
        return [*scores(Tally(**self._counts, classes=self._classes)), *confusion_scores(self._matrix)]
