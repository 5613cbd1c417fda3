"""The bound without labels and the queue of disagreements: never too hopeful, and unbiased."""

from __future__ import annotations

import itertools
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from andon.core.inspection import (
    Disagreements,
    History,
    Inspected,
    LossEvidence,
    audited_evidence,
    faults_per_alarm,
    loss_estimate,
    loss_evidence,
)
from andon.core.statistics import Interval, log_evidence, upper_bound

ALPHA = 0.01
KNOWN = Interval(0.8, 1.2)
COUNT = st.integers(0, 300)
PROBABILITY = st.sampled_from([1.0, 0.5, 0.1])
INSPECTED = st.builds(Inspected, COUNT, COUNT, COUNT, COUNT, PROBABILITY)


def upper(evidence: LossEvidence) -> float:
    return upper_bound([evidence.loss], ALPHA)


def lower(evidence: LossEvidence) -> float:
    return -upper_bound([evidence.gain], ALPHA)


def disagreements(only_old: Inspected, only_new: Inspected, agreed: int) -> Disagreements:
    return Disagreements(only_old.total + agreed, (only_old,), (only_new,))


@settings(deadline=None, max_examples=25)
@given(
    st.floats(0.05, 0.3), st.floats(0.05, 0.3), st.floats(0.2, 0.9), st.floats(0.5, 1.5), PROBABILITY, st.integers(1, 5)
)
def test_who_bets_against_the_true_loss_wins_nothing_on_average(
    old: float, new: float, right: float, per_alarm: float, probability: float, draws: int
) -> None:
    """An alarm is of the old version alone, of the new one alone, or of both; the first two are queued by lot."""
    agreed = 1 - old - new
    kinds = {  # name: (its chance, is it a fault of one version alone and queued)
        "old": old * right * probability,
        "new": new * right * probability,
        "agreed": agreed + old * (1 - right * probability),
        "nothing": new * (1 - right * probability),
    }
    faults = (agreed + old) * per_alarm  # a fault more or less where both are silent changes nothing
    loss = (old * right - new * right) / faults
    mean_loss = mean_gain = 0.0
    for counts in itertools.product(range(draws + 1), repeat=4):
        if sum(counts) != draws:
            continue
        ways = math.factorial(draws) / math.prod(math.factorial(count) for count in counts)
        chance = ways * math.prod(kind**count for kind, count in zip(kinds.values(), counts, strict=True))
        only_old = Inspected(faults=counts[0], probability=probability)
        only_new = Inspected(faults=counts[1], skipped=counts[3], probability=probability)
        evidence = loss_evidence(
            disagreements(only_old, only_new, counts[2]), Interval(per_alarm * 0.9, per_alarm * 1.1)
        )
        mean_loss += chance * math.exp(min(log_evidence(evidence.loss, loss), 100))
        mean_gain += chance * math.exp(min(log_evidence(evidence.gain, -loss), 100))
    assert mean_loss <= 1 + 1e-9
    assert mean_gain <= 1 + 1e-9


def test_the_bound_without_a_single_label() -> None:
    """0.1% such cases and 3.4% faults: about 3 points at most, before a label has come."""
    requests = 200_000
    alarms = round(requests * 0.034)
    waiting = Disagreements(alarms, (Inspected(pending=round(requests * 0.001)),))
    bound = upper(loss_evidence(waiting, Interval(1.0, 1.0)))
    assert 0.001 / 0.034 < bound < 0.04


@settings(deadline=None, max_examples=60)
@given(INSPECTED, INSPECTED, st.integers(0, 2000))
def test_answers_never_prove_the_bound_wrong(only_old: Inspected, only_new: Inspected, agreed: int) -> None:
    def answered(old_faults: int, new_faults: int) -> LossEvidence:
        one = Inspected(
            only_old.faults + old_faults,
            only_old.sound + only_old.pending - old_faults,
            0,
            only_old.skipped,
            only_old.probability,
        )
        other = Inspected(
            only_new.faults + new_faults,
            only_new.sound + only_new.pending - new_faults,
            0,
            only_new.skipped,
            only_new.probability,
        )
        return loss_evidence(disagreements(one, other, agreed), KNOWN)

    waiting = loss_evidence(disagreements(only_old, only_new, agreed), KNOWN)
    for old_faults, new_faults in itertools.product(
        (0, only_old.pending // 2, only_old.pending), (0, only_new.pending)
    ):
        then = answered(min(old_faults, only_old.pending), new_faults)
        assert upper(then) <= upper(waiting) + 1e-9
        assert lower(then) >= lower(waiting) - 1e-9


@settings(deadline=None, max_examples=60)
@given(INSPECTED, INSPECTED, st.integers(0, 2000), st.integers(0, 500))
def test_more_agreement_never_raises_the_bound_of_a_loss(
    only_old: Inspected, only_new: Inspected, agreed: int, more: int
) -> None:
    before = upper(loss_evidence(disagreements(only_old, only_new, agreed), KNOWN))
    after = upper(loss_evidence(disagreements(only_old, only_new, agreed + more), KNOWN))
    assert after <= max(before, 0) + 1e-9


def test_what_is_not_known_bounds_nothing() -> None:
    unknown = faults_per_alarm(History(), ALPHA)
    assert unknown == Interval(0.0, math.inf)
    evidence = loss_evidence(Disagreements(1000, (Inspected(pending=3),)), unknown)
    assert upper(evidence) == 1
    assert lower(evidence) == -1
    known = faults_per_alarm(History(true_alarms=400, false_alarms=100, missed=100), ALPHA)
    assert known.lower < 1 < known.upper < 1.3
    assert upper(loss_evidence(Disagreements(), known)) == 1


def test_a_loss_is_shown_by_inspection() -> None:
    bad = Disagreements(800, (Inspected(faults=100, sound=20),), (Inspected(faults=5, sound=20),))
    evidence = loss_evidence(bad, Interval(0.9, 1.1))
    assert lower(evidence) > 0.05
    assert upper(evidence) > 0.1
    waiting = Disagreements(800, (Inspected(pending=120),), (Inspected(pending=25),))
    assert lower(loss_evidence(waiting, Interval(0.9, 1.1))) < 0


def test_an_audit_of_agreed_alarms_needs_no_history() -> None:
    both = Inspected(faults=60, sound=20, skipped=700, probability=0.1)
    queue = Disagreements(820, (Inspected(faults=10, sound=30),), (Inspected(faults=9, sound=30),))
    evidence = audited_evidence(queue, both)
    assert 0 < upper(evidence) < 0.1
    assert lower(evidence) == -1


@pytest.mark.parametrize("probability", [1.0, 0.25])
def test_weights_make_the_estimate_unbiased(probability: float) -> None:
    seeded, estimates = random.Random(5), []
    for _ in range(300):
        drawn = [[0, 0, 0], [0, 0, 0]]  # of only the old, only the new: faults, sound, skipped
        for side, faults in ((0, 40), (1, 24)):
            for case in range(60):
                place = 2 if seeded.random() >= probability else 0 if case < faults else 1
                drawn[side][place] += 1
        parts = [Inspected(faults, sound, 0, skipped, probability) for faults, sound, skipped in drawn]
        estimate = loss_estimate(Disagreements(500, (parts[0],), (parts[1],)), History(400, 100, 100))
        assert estimate is not None
        estimates.append(estimate)
    mean = sum(estimates) / len(estimates)
    spread = math.sqrt(sum((estimate - mean) ** 2 for estimate in estimates)) / len(estimates)
    assert mean == pytest.approx((40 - 24) / 500, abs=4 * spread + 1e-9)


def test_estimates_are_not_made_of_nothing() -> None:
    history = History(400, 100, 100)
    assert loss_estimate(Disagreements(), history) is None
    assert loss_estimate(Disagreements(100, (Inspected(pending=3),)), history) is None
    assert loss_estimate(Disagreements(100), History()) is None
    assert loss_estimate(Disagreements(100), history) == 0
    half = Disagreements(100, (Inspected(faults=1, sound=1, pending=2),))
    assert loss_estimate(half, history) == pytest.approx(0.02)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="probability"):
        Inspected(probability=0)
    with pytest.raises(ValueError, match="at least 0"):
        Inspected(faults=-1)
    with pytest.raises(ValueError, match="alone too"):
        Disagreements(2, (Inspected(pending=3),))
