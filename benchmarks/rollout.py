"""Prints how rollouts end, and after how many requests and labels, over thousands of simulated ones.

    python -m benchmarks.rollout            a few minutes
    python -m benchmarks.rollout --quick    some seconds, fewer runs

The verdicts are those of `andon.core.analysis`, computed for all runs at once; a test holds the two together. Beside
them stand the two ways that are common: a fixed threshold on the rate of errors, as in the examples of Argo Rollouts
(success at least 0.95, rolled back at the fourth failure) and Flagger (at least 0.99, at the fifth), and the
Mann-Whitney test on series of metrics with the settings of Kayenta's judge (confidence 0.98, tolerance 0.25), which
looks at the rates of alarms and of errors against a baseline that gets other requests. Needs numpy.
"""

from __future__ import annotations

import argparse
import functools
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from andon.core.findings import HISTORY_SHARE
from andon.core.inspection import History, faults_per_alarm
from andon.core.statistics import STAKES, Interval

Array = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

ALPHA, POWER, MARGIN = 0.01, 0.9, 0.05
FAULTS, RECALL, PRECISION = 0.034, 0.8, 0.85
"""Share of requests that are faults; recall and precision of stable."""
ERRORS, ERROR_LIMIT = 0.001, 0.01
"""Rate of errors of both versions, and the limit on it."""
HISTORY = 600
"""Labelled faults from which stable's precision and recall are known before a rollout begins."""
LOOK, HORIZON = 250, 60_000
"""Requests from one look to the next, and after how many a person is asked."""
MIN_REQUESTS, MIN_POSITIVES = 200, 30
LIMITS = 2

CONFIDENCE, TOLERANCE = 0.98, 0.25
SERIES = 120


@dataclass(frozen=True)
class Scenario:
    """A candidate: how much lower its recall is, and on which share of faults it differs besides."""

    name: str
    loss: float
    disagreement: float
    note: str = ""

    @property
    def chances(self) -> list[float]:
        """Chances of an alarm by the old version, the new, both, neither: at a fault, then at a sound case."""
        only_old, only_new = self.loss + self.disagreement / 2, self.disagreement / 2
        faults = [only_old, only_new, RECALL - only_old, 1 - RECALL - only_new]
        false_alarms = FAULTS * RECALL * (1 - PRECISION) / PRECISION
        # False alarms lie nearer to the threshold than faults: twice as many of them differ.
        sound = [false_alarms * self.disagreement] * 2 + [false_alarms * (1 - self.disagreement)]
        return [*(FAULTS * share for share in faults), *sound, 1 - FAULTS - sum(sound)]


SCENARIOS = (
    Scenario("equal", 0.0, 0.01),
    Scenario("equal", 0.0, 0.05),
    Scenario("equal", 0.0, 0.10),
    Scenario("10 points worse", 0.10, 0.05),
    Scenario("10 points worse", 0.10, 0.10),
)


@dataclass(frozen=True)
class Ending:
    """How the runs of one way ended.

    Attributes
    ----------
    passed, failed
        The look at which each run was promoted or rolled back; beyond the last look: it was not.
    labels
        What people had looked at by each look, array of shape (runs, looks), or None for no labels.
    """

    way: str
    passed: Counts
    failed: Counts
    looks: int
    labels: Counts | None = None


def log_wealth(outcomes: list[tuple[float, Array | float, Counts]], ratio: float) -> Array:
    """Give `statistics.log_evidence` for arrays of counts of one shape; weights may differ between runs."""
    losses = [np.asarray(loss - ratio * np.asarray(weight, dtype=np.float64)) for loss, weight, _ in outcomes]
    highest = functools.reduce(np.maximum, losses)
    total: Array | None = None
    for stake, share in STAKES:
        log = np.full(outcomes[0][2].shape, math.log(share))
        for loss, (_, _, count) in zip(losses, outcomes, strict=True):
            log += count * np.log1p(-stake * loss / highest)
        total = log if total is None else np.logaddexp(total, log)
    if total is None:
        raise ValueError("there are no stakes")
    return total


def _first(reached: npt.NDArray[np.bool_]) -> Counts:
    looks = reached.shape[1]
    first: Counts = np.where(reached.any(axis=1), reached.argmax(axis=1), looks).astype(np.int64)
    return first


class World:
    """What happens in all runs of one scenario, look by look, counted from the beginning: arrays (runs, looks)."""

    def __init__(self, scenario: Scenario, runs: int, looks: int, random: np.random.Generator) -> None:
        counts = random.multinomial(LOOK, scenario.chances, size=(runs, looks)).cumsum(axis=1)
        self.runs, self.looks, self.random = runs, looks, random
        self.fault_old, self.fault_new, fault_both, fault_none, self.sound_old, self.sound_new, both, _ = (
            counts[:, :, kind] for kind in range(8)
        )
        self.faults = self.fault_old + self.fault_new + fault_both + fault_none
        self.alarms = self.fault_old + fault_both + self.sound_old + both
        self.alarms_of_new = self.fault_new + fault_both + self.sound_new + both
        self.requests = np.broadcast_to(LOOK * np.arange(1, looks + 1), (runs, looks))
        self.errors = random.binomial(LOOK, ERRORS, size=(runs, looks)).cumsum(axis=1)

    def histories(self) -> tuple[Array, Array, Array, Array]:
        """Give bounds of faults for each alarm: for passing lower and upper, for failing lower and upper."""
        kinds = max(1, self.runs // 20)
        true_alarms = self.random.binomial(HISTORY, RECALL, size=kinds)
        false_alarms = self.random.poisson(HISTORY * RECALL * (1 - PRECISION) / PRECISION, size=kinds)
        passing, failing = [], []
        for true, false in zip(true_alarms.tolist(), false_alarms.tolist(), strict=True):
            history = History(true, false, HISTORY - true)
            passing.append(faults_per_alarm(history, HISTORY_SHARE * ALPHA))
            failing.append(faults_per_alarm(history, HISTORY_SHARE * ALPHA / LIMITS))

        def spread(bounds: list[Interval], side: str) -> Array:
            values = np.array([getattr(bound, side) for bound in bounds])
            return values[np.arange(self.runs) % kinds][:, None]

        return spread(passing, "lower"), spread(passing, "upper"), spread(failing, "lower"), spread(failing, "upper")


def _verdicts(world: World, way: str, loss: Array, gain: Array, part: float, positives: Array | Counts) -> Ending:
    """Join the evidence about recall, of which `part` of alpha is left, with that about errors, as `assess` does."""
    requests = world.requests
    sound = requests - world.errors
    errors_pass = log_wealth([(1, 1, world.errors), (0, 1, sound)], ERROR_LIMIT) >= -math.log(ALPHA)
    errors_fail = log_wealth([(-1, 1, world.errors), (0, 1, sound)], -ERROR_LIMIT) >= -math.log(ALPHA / LIMITS)
    enough = (requests >= MIN_REQUESTS) & (positives >= MIN_POSITIVES)
    failed = _first(errors_fail | (gain >= -math.log(part * ALPHA / LIMITS)))
    passed = _first(enough & errors_pass & (loss >= -math.log(part * ALPHA)))
    return Ending(way, passed, failed, world.looks)


def random_labels(world: World) -> Ending:
    """Label all requests, whatever the versions said; what counts are the faults among them."""
    same = world.faults - world.fault_old - world.fault_new
    loss = log_wealth([(1, 1, world.fault_old), (-1, 1, world.fault_new), (0, 1, same)], MARGIN)
    gain = log_wealth([(-1, 1, world.fault_old), (1, 1, world.fault_new), (0, 1, same)], -MARGIN)
    ending = _verdicts(world, "random labels", loss, gain, 1.0, world.faults)
    return Ending(ending.way, ending.passed, ending.failed, ending.looks, np.asarray(world.requests))


def queue(world: World, *, inspected: bool) -> Ending:
    """Inspect all disagreements and nothing else, or not even these: the bound alone."""
    lower, upper, fail_lower, fail_upper = world.histories()
    del upper, fail_lower  # a limit is a loss: only the sides that make it look larger, or smaller, are needed
    dropped, added = world.fault_old + world.sound_old, world.fault_new + world.sound_new
    old = world.fault_old if inspected else dropped
    new = world.fault_new if inspected else np.zeros_like(added)
    loss = log_wealth([(1, lower, old), (-1, 0, new), (0, lower, world.alarms - old)], MARGIN)
    old = world.fault_old if inspected else np.zeros_like(dropped)
    new = world.fault_new if inspected else added
    gain = log_wealth([(-1, fail_upper, old), (1, 0, new), (0, fail_upper, world.alarms - old)], -MARGIN)
    way = "queue of disagreements" if inspected else "bound without labels"
    ending = _verdicts(world, way, loss, gain, 1 - HISTORY_SHARE, world.alarms * lower)
    return Ending(ending.way, ending.passed, ending.failed, ending.looks, dropped + added if inspected else None)


def threshold(world: World, way: str, limit: float, allowed: int, checks: int) -> Ending:
    """Compare the rate of errors of each look with a limit; some failures are allowed, then it is rolled back."""
    errors = np.diff(world.errors, axis=1, prepend=0)
    failures = (errors / LOOK > limit).cumsum(axis=1)
    passed = np.full(world.runs, checks - 1)
    return Ending(way, passed.astype(np.int64), _first(failures > allowed), world.looks)


def mann_whitney(world: World) -> Ending:
    """Compare series of the rates of alarms and of errors with those of a baseline that gets other requests."""
    failed = np.full(world.runs, world.looks)
    alarms = np.diff(world.alarms_of_new, axis=1, prepend=0)[:, :SERIES]
    errors = np.diff(world.errors, axis=1, prepend=0)[:, :SERIES]
    rate = FAULTS * RECALL / PRECISION
    baselines = (world.random.binomial(LOOK, chance, size=alarms.shape) for chance in (rate, ERRORS))
    for series, baseline in zip((alarms, errors), baselines, strict=True):
        for points in range(SERIES // 6, SERIES + 1, SERIES // 6):
            for run in range(world.runs):
                if differs(series[run, :points], baseline[run, :points]):
                    failed[run] = min(failed[run], points - 1)
    return Ending("Mann-Whitney", np.full(world.runs, SERIES - 1), failed, world.looks)


def differs(one: Counts, other: Counts) -> bool:
    """Say whether the interval of the shift between two series leaves out zero and the tolerance around it."""
    size = len(one)
    shifts = np.sort((one[:, None] - other[None, :]).ravel())
    middle, spread = size * size / 2, math.sqrt(size * size * (2 * size + 1) / 12)
    outside = max(int(middle - NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * spread), 0)
    tolerated = TOLERANCE * abs(float(np.median(shifts)))
    return bool(shifts[outside] > tolerated or shifts[-1 - outside] < -tolerated)


def fixed_horizon(disagreement: float) -> float:
    """Give the faults that one look at the end needs if the versions are equal (normal approximation)."""
    quantiles = NormalDist().inv_cdf(1 - ALPHA) + NormalDist().inv_cdf(POWER)
    return quantiles**2 * disagreement / MARGIN**2


def row(scenario: Scenario, ending: Ending) -> str:
    """Give a line of the table."""
    promoted = ending.passed < ending.failed
    back = (ending.failed <= ending.passed) & (ending.failed < ending.looks)
    ends = np.minimum(ending.passed, ending.failed)
    settled = ends < ending.looks
    asked = np.minimum(ends, ending.looks - 1)
    requests = _quantiles((asked + 1)[settled] * LOOK)
    labels = "none" if ending.labels is None else _quantiles(ending.labels[np.arange(len(asked)), asked][settled])
    cells = (
        scenario.name,
        f"{scenario.disagreement:.0%}",
        ending.way,
        *(f"{share:.1%}" for share in (promoted.mean(), back.mean(), np.mean(~promoted & ~back))),
        requests,
        labels,
    )
    return f"| {' | '.join(cells)} |"


def _quantiles(values: Counts) -> str:
    if not len(values):
        return "none ended"
    middle, high = np.quantile(values, [0.5, 0.9])
    return f"{middle:,.0f}, {high:,.0f}"


def rows(runs: int, rank_runs: int, seed: int) -> Iterator[str]:
    """Simulate, and give the lines of the table as they are ready."""
    looks = HORIZON // LOOK
    yield "| candidate | differs on | way | promoted | rolled back | a person asked | requests | labels |"
    yield "|---|---|---|---|---|---|---|---|"
    for number, scenario in enumerate(SCENARIOS):
        world = World(scenario, runs, looks, np.random.default_rng([seed, number]))
        yield row(scenario, random_labels(world))
        yield row(scenario, queue(world, inspected=True))
        yield row(scenario, queue(world, inspected=False))
        yield row(scenario, threshold(world, "errors ≤ 5%, 3 allowed (Argo Rollouts)", 0.05, 3, 10))
        yield row(scenario, threshold(world, "errors ≤ 1%, 4 allowed (Flagger)", 0.01, 4, 10))
        few = World(scenario, rank_runs, SERIES, np.random.default_rng([seed, number]))
        yield row(scenario, mann_whitney(few))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer runs")
    parser.add_argument("--runs", type=int, help="how many for each candidate and way")
    parser.add_argument("--seed", type=int, default=5)
    arguments = parser.parse_args()
    runs = arguments.runs or (400 if arguments.quick else 5000)
    rank_runs = min(runs, 1000)
    began = time.monotonic()
    print(
        f"{runs:,} runs each ({rank_runs:,} for Mann-Whitney); margin {MARGIN}, alpha {ALPHA}, {FAULTS:.1%} faults,"
        f" stable with recall {RECALL} and precision {PRECISION} known from {HISTORY} labelled faults; a look"
        f" every {LOOK} requests, a person asked after {HORIZON:,}. Requests and labels: median and 90% of the runs"
        f" that ended; of the labels by random {FAULTS:.1%} are faults."
    )
    for disagreement in sorted({scenario.disagreement for scenario in SCENARIOS if not scenario.loss}):
        faults = fixed_horizon(disagreement)
        print(
            f"A single look, power {POWER}, differing on {disagreement:.0%}: {faults:,.0f} labelled faults, that is"
            f" {faults / FAULTS:,.0f} requests."
        )
    print()
    for line in rows(runs, rank_runs, arguments.seed):
        print(line, flush=True)
    print(f"\n{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
