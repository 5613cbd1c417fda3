"""What disagreements of two versions on the same inputs say about the loss of recall, inspected or not.

Where both versions agree they cannot differ in recall. So only cases where one raised an alarm and the other did not
can decide, and people need to look at nothing else. `docs/statistics.md` derives this, with its assumptions.
"""

import functools
import math
from dataclasses import dataclass

from andon.core.statistics import Interval, Outcome, Sample, rate_bounds


@dataclass(frozen=True)
class Inspected:
    """Disagreements of one kind, and what is known of them. Counts, at least 0.

    Attributes
    ----------
    faults, sound
        Inspected, with what was found.
    pending
        Put into the queue, but without an answer yet. Taken as what speaks most against the verdict in question, so
        that it does not matter in which order people inspect, or whether they stop.
    skipped
        By lot not put into the queue.
    probability
        The chance with which each was put into the queue, over 0 up to 1; fixed before, never made to depend on what
        was found.
    """

    faults: int = 0
    sound: int = 0
    pending: int = 0
    skipped: int = 0
    probability: float = 1.0

    def __post_init__(self) -> None:
        if min(self.faults, self.sound, self.pending, self.skipped) < 0 or not 0 < self.probability <= 1:
            raise ValueError(f"counts must be at least 0 and the probability over 0 up to 1: {self}")

    @property
    def total(self) -> int:
        """How many there were, inspected or not."""
        return self.faults + self.sound + self.pending + self.skipped


@dataclass(frozen=True)
class Disagreements:
    """How two versions disagreed on the same inputs.

    Attributes
    ----------
    old_alarms
        Alarms of the old version, also those that the new version raised too.
    only_old, only_new
        Alarms of one version alone, by the probability of inspection. All probabilities that are in use are to be
        given from the beginning, even where nothing has been seen yet.
    """

    old_alarms: int = 0
    only_old: tuple[Inspected, ...] = (Inspected(),)
    only_new: tuple[Inspected, ...] = (Inspected(),)

    def __post_init__(self) -> None:
        if not self.only_old or not self.only_new or self.old_alarms < sum(part.total for part in self.only_old):
            raise ValueError("old_alarms must count the alarms of the old version alone too, and no kind may be empty")

    @property
    def pending(self) -> int:
        """How many wait for a person."""
        return sum(part.pending for part in (*self.only_old, *self.only_new))

    @property
    def inspected(self) -> int:
        """How many a person has answered."""
        return sum(part.faults + part.sound for part in (*self.only_old, *self.only_new))


@dataclass(frozen=True)
class History:
    """What is known of the old version from labelled cases: counts, at least 0, from a sample of what it serves."""

    true_alarms: int = 0
    false_alarms: int = 0
    missed: int = 0


@functools.lru_cache(maxsize=1024)  # the history stands still through a rollout that is judged every few seconds
def faults_per_alarm(history: History, alpha: float) -> Interval:
    """Bound how many faults there are for each alarm of the old version: its precision over its recall.

    Parameters
    ----------
    history
        Labelled cases of the old version.
    alpha
        Error probability of each side, between 0 and 1.

    Returns
    -------
    Interval
        From 0, where nothing is known, to infinity, where nothing is known.
    """
    alarms, faults = history.true_alarms + history.false_alarms, history.true_alarms + history.missed
    precision = rate_bounds(history.true_alarms, alarms, alpha / 2)
    recall = rate_bounds(history.true_alarms, faults, alpha / 2)
    return Interval(precision.lower / recall.upper, precision.upper / recall.lower if recall.lower else math.inf)


@dataclass(frozen=True)
class LossEvidence:
    """Samples about the loss of recall: one to bound it from above, one to bound its opposite from above."""

    loss: Sample = ()
    gain: Sample = ()


def loss_evidence(disagreements: Disagreements, per_alarm: Interval) -> LossEvidence:
    """Weigh disagreements by how they were chosen, against the faults that there must be.

    Parameters
    ----------
    disagreements
        Inspected or not: with all of them pending this is the bound without any label.
    per_alarm
        Faults for each alarm of the old version, as from `faults_per_alarm`.

    Notes
    -----
    An inspected fault counts for 1/probability, one that was skipped for nothing (Horvitz and Thompson 1952), so the
    sum is unbiased for the faults caught by one version alone. Each alarm of the old version stands for `per_alarm`
    faults.
    """
    loss = _one_side(disagreements, per_alarm, sign=1)
    return LossEvidence(loss, _one_side(disagreements, per_alarm, sign=-1))


def _one_side(disagreements: Disagreements, per_alarm: Interval, sign: int) -> Sample:
    outcomes, faults_of_old = [], 0
    for part in disagreements.only_old:
        count = part.faults + (part.pending if sign > 0 else 0)
        outcomes.append(Outcome(sign / part.probability, count, per_alarm.lower, per_alarm.upper))
        faults_of_old += count
    for part in disagreements.only_new:
        count = part.faults + (part.pending if sign < 0 else 0)
        outcomes.append(Outcome(-sign / part.probability, count, 0.0))
    rest = disagreements.old_alarms - faults_of_old
    return (*outcomes, Outcome(0.0, rest, per_alarm.lower, per_alarm.upper))


def audited_evidence(disagreements: Disagreements, both: Inspected) -> LossEvidence:
    """Weigh disagreements against the faults found by lot where both versions raised an alarm: needs no history.

    Parameters
    ----------
    disagreements
        As for `loss_evidence`.
    both
        Alarms of both versions, of which some were put into the queue by lot.

    Returns
    -------
    LossEvidence
        Against a loss only: faults that neither version found are not counted, which makes a loss look larger than it
        is, never smaller.
    """
    outcomes = [Outcome(0.0, both.faults, 1 / both.probability, math.inf)]
    for part in disagreements.only_old:
        outcomes.append(Outcome(1 / part.probability, part.faults + part.pending, 1 / part.probability, math.inf))
    for part in disagreements.only_new:
        outcomes.append(Outcome(-1 / part.probability, part.faults, 1 / part.probability, math.inf))
    return LossEvidence(loss=tuple(outcomes))


def loss_estimate(disagreements: Disagreements, history: History) -> float | None:
    """Estimate the loss of recall, if those not answered yet are like those that are; None where nothing is known."""
    alarms = history.true_alarms + history.false_alarms
    if not (disagreements.old_alarms and alarms and history.true_alarms):
        return None
    faults = disagreements.old_alarms * (history.true_alarms + history.missed) / alarms
    sides = [_faults(disagreements.only_old), _faults(disagreements.only_new)]
    if sides[0] is None or sides[1] is None:
        return None
    return (sides[0] - sides[1]) / faults


def _faults(parts: tuple[Inspected, ...]) -> float | None:
    total = 0.0
    for part in parts:
        answered = part.faults + part.sound
        if not answered:
            if part.total:
                return None
            continue
        total += part.faults / part.probability * (answered + part.pending) / answered
    return total
