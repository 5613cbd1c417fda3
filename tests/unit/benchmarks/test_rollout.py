"""The simulation of rollouts: it judges as the operator does, and what it is to show holds in a small run too."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
import pytest

from andon.core.analysis import Verdict, assess
from andon.core.evidence import Evidence, Limits, Paired, Queue, Share
from andon.core.findings import HISTORY_SHARE
from andon.core.inspection import Disagreements, History, Inspected, faults_per_alarm, loss_evidence
from andon.core.statistics import log_evidence, paired_sample
from benchmarks import rollout
from benchmarks.rollout import SCENARIOS, World

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
LIMITS = Limits(
    error_rate=rollout.ERROR_LIMIT,
    recall_loss=rollout.MARGIN,
    min_requests=rollout.MIN_REQUESTS,
    min_positives=rollout.MIN_POSITIVES,
    alpha=rollout.ALPHA,
)


def world(number: int, runs: int, looks: int) -> World:
    return World(SCENARIOS[number], runs, looks, np.random.default_rng([5, number]))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_scenarios_are_what_they_are_called(scenario: rollout.Scenario) -> None:
    only_old, only_new, both, neither, *_ = scenario.chances
    assert sum(scenario.chances) == pytest.approx(1)
    assert min(scenario.chances) >= 0
    assert only_old + both == pytest.approx(rollout.FAULTS * rollout.RECALL)
    assert only_old - only_new == pytest.approx(rollout.FAULTS * scenario.loss)
    assert only_old + only_new + both + neither == pytest.approx(rollout.FAULTS)


def test_wealth_is_that_of_the_operator() -> None:
    random = np.random.default_rng(5)
    only_old, only_new, same = random.integers(0, 300, size=(3, 4, 5))
    wealth = rollout.log_wealth([(1, 1, only_old), (-1, 1, only_new), (0, 1, same)], 0.05)
    for place in np.ndindex(4, 5):
        counts = int(only_old[place]), int(only_new[place]), int(only_old[place] + only_new[place] + same[place])
        assert wealth[place] == pytest.approx(log_evidence(paired_sample(*counts), 0.05))
    queue = Disagreements(900, (Inspected(faults=12),), (Inspected(faults=9),))
    evidence = loss_evidence(queue, faults_per_alarm(History(480, 80, 120), 0.002))
    weight = faults_per_alarm(History(480, 80, 120), 0.002).lower
    once = (np.array([[count]]) for count in (12, 9, 888))
    wealth = rollout.log_wealth(
        [(loss, share, count) for loss, share, count in zip((1, -1, 0), (weight, 0, weight), once, strict=True)], 0.05
    )
    assert wealth[0, 0] == pytest.approx(log_evidence(evidence.loss, 0.05))


@pytest.mark.parametrize("number", range(len(SCENARIOS)))
def test_verdicts_are_those_of_the_operator(number: int) -> None:
    runs = world(number, 4, 240)
    ending = rollout.random_labels(runs)
    for run in range(4):
        for look, verdict in ((ending.passed[run], Verdict.PASS), (ending.failed[run], Verdict.FAIL)):
            for at in (look - 1, look):
                if not 0 <= at < runs.looks or at > min(ending.passed[run], ending.failed[run]):
                    continue
                place = (run, at)
                evidence = Evidence(
                    errors=Share(int(runs.errors[place]), int(runs.requests[place]), NOW),
                    faults=Paired(int(runs.fault_old[place]), int(runs.fault_new[place]), int(runs.faults[place]), NOW),
                )
                assert (assess(LIMITS, evidence, NOW).verdict == verdict) is bool(at == look)


def test_verdicts_by_the_queue_are_those_of_the_operator() -> None:
    runs = world(1, 2, 240)
    runs.histories = lambda: _known(runs)  # type: ignore[method-assign]
    ending = rollout.queue(runs, inspected=True)
    for run in range(2):
        for at in (ending.passed[run] - 1, ending.passed[run]):
            place = (run, at)
            counts = [
                int(kind[place])
                for kind in (runs.alarms, runs.fault_old, runs.sound_old, runs.fault_new, runs.sound_new)
            ]
            seen = Disagreements(counts[0], (Inspected(*counts[1:3]),), (Inspected(*counts[3:]),))
            evidence = Evidence(
                errors=Share(int(runs.errors[place]), int(runs.requests[place]), NOW),
                queue=Queue(seen, History(480, 80, 120), NOW),
            )
            assert (assess(LIMITS, evidence, NOW).verdict == Verdict.PASS) is bool(at == ending.passed[run])


def _known(runs: World) -> tuple[rollout.Array, rollout.Array, rollout.Array, rollout.Array]:
    bounds = [faults_per_alarm(History(480, 80, 120), HISTORY_SHARE * alpha) for alpha in (rollout.ALPHA, 0.005)]
    sides = [np.full((runs.runs, 1), side) for bound in bounds for side in (bound.lower, bound.upper)]
    return sides[0], sides[1], sides[2], sides[3]


@pytest.mark.parametrize("number", range(len(SCENARIOS)))
def test_what_is_promised(number: int) -> None:
    scenario, runs = SCENARIOS[number], world(number, 150, 240)
    allowed = 150 * 0.01 + 3 * math.sqrt(150 * 0.01)
    for ending in (
        rollout.random_labels(runs),
        rollout.queue(runs, inspected=True),
        rollout.queue(runs, inspected=False),
    ):
        promoted = int((ending.passed < ending.failed).sum())
        back = int((ending.failed < ending.passed).sum())
        if scenario.loss:
            assert promoted <= allowed
            continue
        assert back <= allowed
        if ending.labels is not None:
            assert promoted >= 0.9 * 150
        if ending.way == "random labels" and scenario.disagreement >= 0.05:
            most = 2 * rollout.fixed_horizon(scenario.disagreement) / rollout.FAULTS
            assert np.median(ending.passed + 1) * rollout.LOOK <= most


def test_ranks_find_what_is_far_off_and_nothing_else() -> None:
    random = np.random.default_rng(5)
    series = random.binomial(250, 0.03, size=120)
    assert not rollout.differs(series, random.binomial(250, 0.03, size=120))
    assert rollout.differs(series, random.binomial(250, 0.08, size=120))
    assert rollout.differs(random.binomial(250, 0.08, size=120), series)


def test_the_table() -> None:
    lines = list(rollout.rows(20, 5, 5))
    assert len(lines) == 2 + 6 * len(SCENARIOS)
    assert {line.count("|") for line in lines} == {9}
