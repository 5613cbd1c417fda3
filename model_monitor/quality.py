"""Scores of a version on rows whose truth has come in, with intervals. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from model_builder.intervals import wilson


@dataclass(frozen=True)
class Tally:
    """Labelled rows of one version. Counts, at least 0.

    Attributes
    ----------
    caught, missed
        Faults with and without an alarm.
    false_alarms, quiet
        Sound rows with and without an alarm.
    right, classed
        Rows whose class was named rightly, and all whose class is known.
    classes
        How many classes the model has.
    """

    caught: int = 0
    missed: int = 0
    false_alarms: int = 0
    quiet: int = 0
    right: int = 0
    classed: int = 0
    classes: int = 2


def outcome(fault: bool, alarm: bool) -> str:
    """Say as what a labelled row counts, by the name of a `Tally`'s field."""
    if fault:
        return "caught" if alarm else "missed"
    return "false_alarms" if alarm else "quiet"


@dataclass(frozen=True)
class Score:
    """A score with its 95% interval."""

    metric: str
    value: float
    lower: float
    upper: float


def scores(tally: Tally) -> list[Score]:
    """Give the scores that something is known of; what has no rows is left out, never zero.

    Shares have Wilson's interval (Wilson 1927). F1 is 2J/(1+J) of Jaccard's index J, the share of caught faults among
    all rows that were a fault or an alarm; so the interval of that share gives the one of F1. For several classes
    recall and precision speak of alarms, of any class but the normal one, and are named so, because the builder's
    recall and precision of such a model are means over its classes.
    """
    shares = [
        ("accuracy", tally.right, tally.classed),
        (_named("recall", tally), tally.caught, tally.caught + tally.missed),
        (_named("precision", tally), tally.caught, tally.caught + tally.false_alarms),
    ]
    found = [Score(name, hits / total, *wilson(hits, total)) for name, hits, total in shares if total]
    union = tally.caught + tally.missed + tally.false_alarms
    if union:
        value, lower, upper = (2 * j / (1 + j) for j in (tally.caught / union, *wilson(tally.caught, union)))
        found.append(Score(_named("f1", tally), value, lower, upper))
    return found


def _named(metric: str, tally: Tally) -> str:
    return metric if tally.classes == 2 else f"alarm{metric.capitalize()}"


@dataclass(frozen=True)
class Estimate:
    """What a version's own probabilities let expect, without any label: right as long as they are calibrated.

    Attributes
    ----------
    alarms
        How many alarms there were.
    in_alarms, in_quiet
        Sum of the probabilities of a fault, over rows with and without an alarm.
    """

    alarms: int
    in_alarms: float
    in_quiet: float

    def values(self) -> dict[str, float]:
        """Give expected precision and recall, where there is something to tell from."""
        found = {}
        if self.alarms:
            found["precision"] = self.in_alarms / self.alarms
        if self.in_alarms + self.in_quiet > 0:
            found["recall"] = self.in_alarms / (self.in_alarms + self.in_quiet)
        return found
