"""The target's classes: their order, and which of two means a fault."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model_builder.columns import class_name, too_many_classes
from model_builder.errors import BuilderError, Reason, listed, shown

MAX_CLASSES = 64
MIN_CLASS_ROWS = 5
"""With fewer rows a stratified fifth may hold none of them."""

_FAULT_WORDS = frozenset({"1", "true", "yes", "y", "t", "fault", "faulty", "failure", "failed", "fail", "defect", "ng"})


@dataclass(frozen=True, eq=False)
class Labels:
    """Every row's class.

    Attributes
    ----------
    classes
        Names in the order of the model's outputs; of two, the second one is the positive class.
    codes
        Array of shape (rows,) of indices into ``classes``.
    counts
        Rows of each class.
    note
        What was decided without being asked, for people; empty where nothing was.
    """

    classes: tuple[str, ...]
    codes: npt.NDArray[np.int64]
    counts: tuple[int, ...]
    note: str = ""

    @property
    def binary(self) -> bool:
        """Whether there are two classes."""
        return len(self.classes) == 2


def order_classes(
    target: str, found: tuple[str, ...], codes: npt.NDArray[np.int64], positive_class: str | None
) -> Labels:
    """Order the classes and find the positive one.

    Parameters
    ----------
    target
        Name of the target column, for messages.
    found
        Names of the classes in any order.
    codes
        Array of shape (rows,) of indices into ``found``.
    positive_class
        What the spec says; None where it says nothing.

    Raises
    ------
    BuilderError
        ``OneClass``, ``TooManyClasses``, ``UnknownPositiveClass`` or ``TooFewRows``.
    """
    counts = dict(zip(found, np.bincount(codes, minlength=len(found)).tolist(), strict=True))
    _check_counts(target, counts)
    wanted = None if positive_class is None else class_name(positive_class)
    if wanted is not None and (wanted not in counts or len(found) > 2):
        raise _no_such_positive(target, counts, wanted)
    note = ""
    if len(found) > 2:
        ordered = tuple(sorted(found, key=natural))
    else:
        if wanted is None:
            wanted, why = _guess(counts)
            note = f"{shown(wanted)} of column {shown(target)} is taken for a fault: {why}"
        ordered = (next(name for name in found if name != wanted), wanted)
    translation = np.array([ordered.index(name) for name in found], np.int64)
    return Labels(ordered, translation[codes], tuple(counts[name] for name in ordered), note)


def _guess(counts: dict[str, int]) -> tuple[str, str]:
    words = [name for name in counts if name.lower() in _FAULT_WORDS]
    if len(words) == 1:
        return words[0], "it is 1 or a word for a fault"
    rarer = min(sorted(counts, key=natural, reverse=True), key=lambda name: counts[name])
    return rarer, "it is the rarer class" if len(set(counts.values())) > 1 else "both are equally frequent"


def natural(name: str) -> tuple[bool, float, str]:
    """Give a key that sorts numbers by their value, before texts."""
    number = bool(re.fullmatch(r"[+-]?[0-9]+([.][0-9]+)?", name))
    return not number, float(name) if number else 0.0, name


def tallied(counts: dict[str, int]) -> str:
    """Write how many rows each class has, for a message."""
    return ", ".join(f"{count:,} rows of {shown(name)}" for name, count in list(counts.items())[:12])


def _check_counts(target: str, counts: dict[str, int]) -> None:
    tally = tallied(counts)
    if len(counts) == 1:
        raise BuilderError(
            Reason.ONE_CLASS,
            f"the target column {shown(target)} holds one class only: {tally}",
            found=tally,
            allowed="at least two classes",
            remedy="add rows of the other class, or choose another target",
        )
    if len(counts) > MAX_CLASSES:
        raise too_many_classes(target, counts, MAX_CLASSES)
    rarest = min(counts, key=lambda name: counts[name])
    if counts[rarest] < MIN_CLASS_ROWS:
        raise BuilderError(
            Reason.TOO_FEW_ROWS,
            f"the class {shown(rarest)} of column {shown(target)} has {counts[rarest]} rows, too few to hold some out",
            found=tally,
            allowed=f"at least {MIN_CLASS_ROWS} rows of each class",
            remedy="add rows of that class or remove it",
        )


def _no_such_positive(target: str, counts: dict[str, int], wanted: str) -> BuilderError:
    if len(counts) > 2:
        return BuilderError(
            Reason.UNKNOWN_POSITIVE_CLASS,
            f"positiveClass is for two classes, and column {shown(target)} has {len(counts)}",
            found=listed(tuple(counts)),
            allowed="a target of two classes, or no positiveClass",
            remedy="remove positiveClass for a model of all classes, or make a column of two classes",
        )
    return BuilderError(
        Reason.UNKNOWN_POSITIVE_CLASS,
        f"the target column {shown(target)} never holds the positive class {shown(wanted)}",
        found=listed(tuple(counts)),
        allowed=f"one of {listed(tuple(counts))}",
        remedy="correct positiveClass",
    )
