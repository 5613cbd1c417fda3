"""Splits the rows: what is held out until the very end, and the folds inside the rest."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, train_test_split

from model_builder.categories import Rows
from model_builder.classes import Labels, tallied
from model_builder.errors import BuilderError, Reason, shown

HELD_OUT = 0.2
MIN_GROUPS = 5
MAX_BALANCED_GROUPS = 5000
"""Up to as many groups are dealt out one by one so that classes keep their shares; that takes a moment for each."""

STRETCHES = 50
"""Of time, where models are compared by folds."""

Indices = npt.NDArray[np.int64]
Method = Literal["stratified", "group", "time"]


@dataclass(frozen=True, eq=False)
class Split:
    """Indices of the rows to fit on and of those held out, each in the order of the file."""

    fit: Indices
    held_out: Indices
    method: Method = "stratified"


@dataclass(frozen=True, eq=False)
class Order:
    """What a split must respect. At most one of the two is there.

    Attributes
    ----------
    groups
        Array of shape (rows,): rows of one group stay together.
    times
        Array of shape (rows,), ascending: what is held out is later than all the rest.
    """

    groups: Indices | None = None
    times: npt.NDArray[np.float64] | None = None
    name: str = ""

    @property
    def method(self) -> Method:
        """Name the way of splitting."""
        if self.groups is not None:
            return "group"
        return "stratified" if self.times is None else "time"

    @property
    def together(self) -> Indices | None:
        """Give what keeps rows that hang together on one side of a fold: their group, or their stretch of time.

        Stretches hold as many moments each. A row is then judged by a model that has not seen its neighbours, though
        it may have seen later ones: for comparing two models that is enough, and every row is judged.
        """
        if self.groups is not None or self.times is None:
            return self.groups
        moments, place = np.unique(self.times, return_inverse=True)
        return np.asarray(place * min(STRETCHES, len(moments)) // len(moments), np.int64)

    def take(self, which: Indices) -> Order:
        """Give the order of some of the rows."""
        return Order(
            None if self.groups is None else self.groups[which],
            None if self.times is None else self.times[which],
            self.name,
        )


def split_rows(labels: Labels, seed: int, order: Order | None = None) -> Split:
    """Hold out a fifth of the rows.

    Classes keep their proportions; with groups as nearly as the groups allow; with times the latest rows are held out.

    Raises
    ------
    BuilderError
        ``TooFewGroups``, or ``TooFewRows`` where a class is not on both sides.
    """
    order = order or Order()
    if order.groups is not None:
        _check_groups(order.groups, order.name)
        fit, held_out = next(_group_folds(labels.codes, order.groups, round(1 / HELD_OUT), seed))
    elif order.times is not None:
        start = np.searchsorted(order.times, order.times[int(len(order.times) * (1 - HELD_OUT))], side="left")
        rows = np.arange(len(order.times))
        fit, held_out = rows[:start], rows[start:]
    else:
        fit, held_out = train_test_split(
            np.arange(len(labels.codes)),
            test_size=max(HELD_OUT, len(labels.classes) / len(labels.codes)),
            stratify=labels.codes,
            random_state=seed,
        )
    for side, what in ((fit, "rows to learn from"), (held_out, "held-out rows")):
        present = np.bincount(labels.codes[side], minlength=len(labels.classes)) > 0
        if not present.all():
            raise _rare(labels, order, labels.classes[int(np.flatnonzero(~present)[0])], what)
    return Split(np.sort(fit), np.sort(held_out), order.method)


def folds(codes: Indices, order: Order, count: int, seed: int) -> Iterator[tuple[Indices, Indices]]:
    """Cut rows into folds, by the same rule as the hold-out: by class, by group, or each fold later than its fit.

    Yields
    ------
    tuple
        Indices to fit on and indices to judge on.
    """
    if order.groups is not None:
        yield from _group_folds(codes, order.groups, count, seed)
    elif order.times is not None:
        yield from _time_folds(order.times, count)
    else:
        yield from StratifiedKFold(count, shuffle=True, random_state=seed).split(codes, codes)


def repeated_rows(data: Rows, split: Split) -> int:
    """Count held-out rows whose features all stand in the fitted rows too."""
    keys = _row_hashes(data)
    return int(np.isin(keys[split.held_out], keys[split.fit]).sum())


def _group_folds(codes: Indices, groups: Indices, count: int, seed: int) -> Iterator[tuple[Indices, Indices]]:
    distinct = np.unique(groups)
    if len(distinct) <= MAX_BALANCED_GROUPS:
        dealt = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
        yield from dealt.split(codes, codes, groups)
        return
    parts = np.random.RandomState(seed).permutation(len(distinct)) % count
    place = parts[np.searchsorted(distinct, groups)]
    for part in range(count):
        yield np.flatnonzero(place != part), np.flatnonzero(place == part)


def _time_folds(times: npt.NDArray[np.float64], count: int) -> Iterator[tuple[Indices, Indices]]:
    # Rows of one moment are never torn apart; the first block is only ever fitted on.
    ends = [round(len(times) * part / (count + 1)) for part in range(1, count + 1)]
    starts = [int(np.searchsorted(times, times[end], side="left")) for end in ends] + [len(times)]
    rows = np.arange(len(times))
    for start, end in itertools.pairwise(starts):
        if 0 < start < end:
            yield rows[:start], rows[start:end]


def _check_groups(groups: Indices, name: str) -> None:
    count = len(np.unique(groups))
    if count < MIN_GROUPS:
        raise BuilderError(
            Reason.TOO_FEW_GROUPS,
            f"the column {shown(name)} holds {count} groups, too few to hold some out",
            found=f"{count} groups",
            allowed=f"at least {MIN_GROUPS} groups",
            remedy="add rows of other groups, or leave out groupBy and expect the scores to be too good",
        )


def _rare(labels: Labels, order: Order, name: str, side: str) -> BuilderError:
    ways = {
        "stratified": "add rows of that class or remove it",
        "group": "add groups in which the class occurs, or remove the class",
        "time": "add rows until the class occurs early and late, or leave out timeColumn",
    }
    return BuilderError(
        Reason.TOO_FEW_ROWS,
        f"a class is too rare to stand on both sides of the split: no {side} of {shown(name)}",
        found=tallied(dict(zip(labels.classes, labels.counts, strict=True))),
        allowed="enough rows of each class to hold out a fifth",
        remedy=ways[order.method],
    )


def _row_hashes(data: Rows) -> npt.NDArray[np.uint64]:
    numbers = np.where(np.isnan(data.numeric), np.float32(np.nan), data.numeric + np.float32(0))
    columns = [*np.ascontiguousarray(numbers).view(np.uint32).T, *data.codes.astype(np.uint16).T]
    keys = np.zeros(len(data), np.uint64)
    with np.errstate(over="ignore"):
        for column in columns:
            keys = (keys ^ column.astype(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
            keys ^= keys >> np.uint64(29)
    return keys
