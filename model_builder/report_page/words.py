"""Numbers and names as people read them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

from model_builder.model_report import ScoreFacts

Value = TypeVar("Value")

NONE = "\N{EN DASH}"
TIMES = "\N{MULTIPLICATION SIGN}"

METRICS = {
    "accuracy": "accuracy",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "macroF1": "macro-F1",
    "bestF1": "F1 at its best threshold",
    "averagePrecision": "average precision",
    "brier": "Brier score",
    "calibrationError": "calibration error",
}
MEANINGS = {
    "accuracy": "share of rows that are called rightly",
    "precision": "share of alarms that are real faults",
    "recall": "share of real faults that are called",
    "f1": "harmonic mean of precision and recall",
    "macroF1": "mean of F1 over all classes, each counting the same",
    "bestF1": "F1 if the threshold were chosen on these very rows",
    "averagePrecision": "area under the curve of precision over recall",
    "brier": "mean squared error of the score; smaller is better",
    "calibrationError": "mean distance of score and share of faults; smaller is better",
}
MANY_CLASS_MEANINGS = {
    "precision": "mean over the classes of the share of calls that are right",
    "recall": "mean over the classes of the share of rows that are found",
    "f1": "mean of F1 over all classes, each counting the same",
}
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def metric(name: str) -> str:
    """Give a metric's name in words."""
    return METRICS.get(name, name)


def ordered(scores: Mapping[str, Value]) -> list[tuple[str, Value]]:
    """Give scores in the order in which they are shown, however they were read."""
    places = list(METRICS)
    return sorted(scores.items(), key=lambda item: (places.index(item[0]) if item[0] in METRICS else 99, item[0]))


def clean(text: str) -> str:
    """Drop what may stand in no page: control characters, and halves of characters."""
    return _UNPRINTABLE.sub(" ", text)


def short(text: str, longest: int = 26) -> str:
    """Cut a name to what a figure has room for."""
    text = clean(text)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def number(value: float | None, digits: int = 3) -> str:
    """Write a share or another small number; a dash where there is none."""
    return NONE if value is None else f"{value:.{digits}f}"


def interval(score: ScoreFacts, digits: int = 3) -> str:
    """Write the bounds of a score; empty where there are none."""
    if score.low is None or score.high is None:
        return ""
    return f"{score.low:.{digits}f} to {score.high:.{digits}f}"


def count(number_of: int, one: str, many: str | None = None) -> str:
    """Write a number and its noun."""
    return f"{number_of:,} {one if number_of == 1 else many or one + 's'}"


def times(before: int, after: int) -> str:
    """Write how many times smaller something became."""
    ratio = before / max(after, 1)
    return f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.1f}"


def points(difference: float) -> str:
    """Write a difference of shares in points of a hundred."""
    return f"{100 * difference:+.1f}"


def sentence(text: str) -> str:
    """End a text with a full stop unless it ends itself."""
    text = clean(text).rstrip()
    return text if text.endswith((".", "?", "!")) else f"{text}."
