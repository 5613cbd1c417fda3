"""Scores over time as small pictures. Coordinates only: words stand beside them, so that they keep their size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from model_monitor.quality import Score
from model_monitor.storage.history import Period

WIDTH, HEIGHT = 1000, 100
"""Of the picture's own coordinates; it is drawn at whatever size there is room for."""


@dataclass(frozen=True)
class Mark:
    """One period: where it stands, its value and the interval, all in the picture's coordinates."""

    x: float
    y: float
    upper: float
    lower: float


@dataclass(frozen=True)
class Chart:
    """A score over time.

    Attributes
    ----------
    alt
        All of it in words.
    """

    title: str
    alt: str
    marks: tuple[Mark, ...]
    begin: datetime
    end: datetime

    @property
    def line(self) -> str:
        """Give the way from value to value, as a path of SVG."""
        return "M" + " L".join(f"{mark.x:.1f} {mark.y:.1f}" for mark in self.marks)


def chart(title: str, metric: str, periods: Sequence[Period]) -> Chart | None:
    """Draw a score; None where nothing is known of it."""
    known = [(period, period.scores[metric]) for period in periods if metric in period.scores]
    if not known:
        return None
    begin, end = periods[0].begin, periods[-1].end
    span = (end - begin).total_seconds()

    def mark(period: Period, score: Score) -> Mark:
        middle = period.begin + (period.end - period.begin) / 2
        x = WIDTH * (middle - begin).total_seconds() / span
        return Mark(x, _height(score.value), _height(score.upper), _height(score.lower))

    first, last = known[0][1], known[-1][1]
    lowest = min(known, key=lambda one: one[1].value)
    alt = (
        f"{title}: {first.value:.0%} at first, {last.value:.0%} at last; lowest {lowest[1].value:.0%}"
        f" from {lowest[0].begin:%Y-%m-%d %H:%M} UTC. The table below has all values."
    )
    return Chart(title, alt, tuple(mark(*one) for one in known), begin, end)


def _height(share: float) -> float:
    return HEIGHT * (1 - share)
