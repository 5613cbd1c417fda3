"""What one row adds to the counts that evidence is made of. Pure: the rest of the monitor keeps the sums.

A label changes the counts by what the row adds with it less what it added before, so that a corrected label, one that
comes twice, and rows and labels in any order give the same sums.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import IntEnum


class Selection(IntEnum):
    """How a labelled case was chosen; of several labels of a row the highest counts.

    ``QUEUE``: somebody inspected it because the versions disagreed. ``RECORD``: it is known from the plant's records,
    such as repairs, whichever version saw it. ``SAMPLE``: it was chosen without looking at what any version said, and
    its label would have come whatever it is.
    """

    QUEUE = 0
    RECORD = 1
    SAMPLE = 2


@dataclass(frozen=True)
class Label:
    """What is known of a row."""

    fault: bool
    selection: Selection


@dataclass(frozen=True)
class Answer:
    """One version's answer to a row: whether it is valid, and whether it is an alarm (an invalid one is none)."""

    valid: bool
    alarm: bool


@dataclass(frozen=True)
class Compared:
    """Two versions' answers to a row.

    Attributes
    ----------
    differ
        Whether they answered differently; an invalid answer differs from every valid one.
    queued
        Whether the lot put it into the queue, should only one of them have raised an alarm.
    """

    old: Answer
    new: Answer
    differ: bool
    queued: bool


def of_pair(row: Compared, label: Label | None) -> Counter[str]:
    """Count a row for the pair of versions that answered it, by names of columns."""
    counts = Counter(
        rows=1,
        invalid=int(not row.new.valid),
        disagreements=int(row.differ),
        old_alarms=int(row.old.alarm),
        new_alarms=int(row.new.alarm),
    )
    side = alarms_of(row.old.alarm, row.new.alarm)
    if side in ("only_old", "only_new"):
        answered = "pending" if label is None else "faults" if label.fault else "sound"
        counts[f"queue_{side}_{answered if row.queued else 'skipped'}"] += 1
    # Cases inspected because of the queue are disagreements only: among all labelled ones they would be too many.
    if label is not None and label.selection > Selection.QUEUE:
        truth = "faults" if label.fault else "sound"
        counts[f"{truth}_total"] += 1
        if side != "neither":
            counts[f"{truth}_{side}"] += 1
    return counts


def of_version(answer: Answer, label: Label | None) -> Counter[str]:
    """Count a row for one version that answered it: labelled cases from samples only, or its history would mislead."""
    counts = Counter(rows=1, invalid=int(not answer.valid), alarms=int(answer.alarm))
    if label is not None and label.selection == Selection.SAMPLE:
        if answer.alarm:
            counts["true_alarms" if label.fault else "false_alarms"] += 1
        else:
            counts["missed" if label.fault else "quiet"] += 1
    return counts


def alarms_of(old: bool, new: bool) -> str:
    """Say which of two versions raised an alarm: ``only_old``, ``only_new``, ``both`` or ``neither``."""
    return {(True, False): "only_old", (False, True): "only_new", (True, True): "both"}.get((old, new), "neither")


def change(after: Counter[str], before: Counter[str]) -> dict[str, int]:
    """Give what has to be added to sums that hold ``before``, so that they hold ``after``."""
    return {
        name: after[name] - before[name] for name in sorted(after.keys() | before.keys()) if after[name] != before[name]
    }
