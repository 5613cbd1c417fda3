"""Bounds that hold however often one looks: exact expectations, coverage by simulation, and what must never be."""

from __future__ import annotations

import itertools
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from andon.core.statistics import (
    STAKES,
    Interval,
    Outcome,
    Sample,
    joint_log_evidence,
    log_evidence,
    mcnemar,
    mirrored,
    more_needed,
    paired_bounds,
    paired_sample,
    quantile_bounds,
    rate_bounds,
    rate_sample,
    score_interval,
    upper_bound,
)

ALPHA = 0.01
COUNTS = st.integers(min_value=0, max_value=2000)


def expected_wealth(kinds: tuple[Outcome, ...], chances: tuple[float, ...], ratio: float, draws: int) -> float:
    """Give the exact mean of the wealth after some draws, over all the counts that can come."""
    total = 0.0
    for counts in itertools.product(range(draws + 1), repeat=len(kinds)):
        if sum(counts) != draws or any(count and not chance for count, chance in zip(counts, chances, strict=True)):
            continue
        sample = tuple(
            Outcome(kind.loss, count, kind.least, kind.most) for kind, count in zip(kinds, counts, strict=True)
        )
        ways = math.factorial(draws) / math.prod(math.factorial(count) for count in counts)
        chance = math.prod(chance**count for count, chance in zip(counts, chances, strict=True))
        total += ways * chance * math.exp(log_evidence(sample, ratio))
    return total


def test_the_first_unit_of_wealth_is_spread_over_stakes_that_can_be_lost() -> None:
    assert sum(share for _, share in STAKES) == pytest.approx(1)
    assert all(0 < stake < 1 and share > 0 for stake, share in STAKES)


@settings(deadline=None, max_examples=40)
@given(st.floats(0, 0.6), st.floats(0, 0.35), st.integers(1, 9))
def test_who_bets_against_what_is_so_wins_nothing_on_average(margin: float, both: float, draws: int) -> None:
    second = both * (1 - margin) / 2
    chances = (margin + second, second, 1 - margin - 2 * second)
    wealth = expected_wealth(paired_sample(0, 0, 0), chances, margin, draws)
    assert wealth == pytest.approx(1, abs=1e-9)


@settings(deadline=None, max_examples=40)
@given(st.floats(0.01, 0.9), st.floats(0, 1), st.integers(1, 9))
def test_nor_against_a_rate_that_is_even_higher(rate: float, way: float, draws: int) -> None:
    truth = rate + way * (1 - rate)
    assert expected_wealth(rate_sample(0, 0), (truth, 1 - truth), rate, draws) <= 1 + 1e-9
    lower = rate * way
    assert expected_wealth(mirrored(rate_sample(0, 0)), (lower, 1 - lower), -rate, draws) <= 1 + 1e-9


@settings(deadline=None, max_examples=20)
@given(st.floats(0.05, 0.4), st.floats(0.5, 0.9))
def test_weights_known_within_bounds_only_make_it_harder(chance: float, weight: float) -> None:
    kinds = (Outcome(1.0, 0, 0.5, 0.9), Outcome(0.0, 0, 0.5, 0.9))
    ratio = chance / weight  # of the true weight, which lies between the two
    assert expected_wealth(kinds, (chance, 1 - chance), ratio, 6) <= 1 + 1e-9
    assert expected_wealth(mirrored(kinds), (chance, 1 - chance), -ratio, 6) <= 1 + 1e-9


@pytest.mark.parametrize(("loss", "discordant"), [(0.05, 0.05), (0.05, 0.1), (0.1, 0.3), (-0.1, 0.2)])
def test_coverage_of_paired_bounds_with_a_look_after_every_fault(loss: float, discordant: float) -> None:
    seeded, missed = random.Random(5), [0, 0]
    runs, faults, alpha = 400, 150, 0.1
    for _ in range(runs):
        first = second = 0
        wrong = [False, False]
        for pairs in range(1, faults + 1):
            draw = seeded.random()
            first += draw < (discordant + loss) / 2
            second += (discordant + loss) / 2 <= draw < discordant
            sample = paired_sample(first, second, pairs)
            wrong[0] = wrong[0] or log_evidence(sample, loss) >= -math.log(alpha)
            wrong[1] = wrong[1] or log_evidence(mirrored(sample), -loss) >= -math.log(alpha)
        missed = [count + one for count, one in zip(missed, wrong, strict=True)]
    most = runs * alpha + 3 * math.sqrt(runs * alpha * (1 - alpha))
    assert max(missed) <= most


def test_an_ordinary_interval_looked_at_often_cheats_and_this_is_why() -> None:
    seeded, rejected, runs = random.Random(5), 0, 300
    for _ in range(runs):
        first = second = 0
        for pairs in range(1, 151):
            draw = seeded.random()
            first += draw < 0.125
            second += 0.125 <= draw < 0.2
            if pairs >= 30 and pairs % 5 == 0 and score_interval(first, second, pairs, 0.05).upper < 0.05:
                rejected += 1
                break
    assert rejected > runs * 0.1  # at a nominal 5%


@settings(deadline=None, max_examples=100)
@given(COUNTS, COUNTS, COUNTS)
def test_paired_bounds_hold_the_estimate_and_turn_round(first: int, second: int, rest: int) -> None:
    pairs = first + second + rest
    bounds = paired_bounds(first, second, pairs, ALPHA)
    turned = paired_bounds(second, first, pairs, ALPHA)
    assert (bounds.lower, bounds.upper) == pytest.approx((-turned.upper, -turned.lower))
    assert -1 <= bounds.lower <= bounds.upper <= 1
    if pairs:
        assert bounds.lower - 1e-9 <= (first - second) / pairs <= bounds.upper + 1e-9


@settings(deadline=None, max_examples=100)
@given(COUNTS, COUNTS, st.integers(0, 200), st.integers(0, 200))
def test_what_speaks_for_the_second_never_raises_the_bound(first: int, second: int, rest: int, more: int) -> None:
    pairs = first + second + rest
    upper = paired_bounds(first, second, pairs, ALPHA).upper
    assert paired_bounds(first, second + more, pairs + more, ALPHA).upper <= upper + 1e-9
    assert paired_bounds(first + more, second, pairs + more, ALPHA).upper >= upper - 1e-2 * (more > 0)


@settings(deadline=None, max_examples=100)
@given(COUNTS, COUNTS, st.integers(0, 500))
def test_rates(hits: int, misses: int, more: int) -> None:
    bounds = rate_bounds(hits, hits + misses, ALPHA)
    assert 0 <= bounds.lower <= bounds.upper <= 1
    if hits + misses:
        assert bounds.lower - 1e-9 <= hits / (hits + misses) <= bounds.upper + 1e-9
    assert rate_bounds(hits, hits + misses + more, ALPHA).upper <= bounds.upper + 1e-9


def test_without_draws_nothing_is_known() -> None:
    assert rate_bounds(0, 0, ALPHA) == Interval(0, 1)
    assert paired_bounds(0, 0, 0, ALPHA) == Interval(-1, 1)
    assert score_interval(0, 0, 0, ALPHA) == Interval(-1, 1)
    assert quantile_bounds([], 0.99, ALPHA) == Interval(-math.inf, math.inf)
    assert mcnemar(0, 0) == 1
    assert upper_bound([], ALPHA) == 1
    assert log_evidence((), 0.1) == 0


def beta_binomial_upper(hits: int, trials: int, alpha: float) -> float:
    """Give the upper end of the two-sided bound of Robbins (1970) with a flat prior of shape 1/2."""

    def log_beta(one: float, other: float) -> float:
        return math.lgamma(one) + math.lgamma(other) - math.lgamma(one + other)

    mixture = log_beta(hits + 0.5, trials - hits + 0.5) - log_beta(0.5, 0.5)
    low, high = hits / trials, 1.0
    for _ in range(60):
        rate = (low + high) / 2
        likelihood = hits * math.log(rate) + (trials - hits) * math.log1p(-rate)
        low, high = (rate, high) if mixture - likelihood < -math.log(alpha) else (low, rate)
    return high


@pytest.mark.parametrize(("hits", "trials"), [(0, 400), (2, 1000), (20, 1000), (100, 1000)])
def test_rates_are_bound_as_closely_as_by_the_beta_binomial_mixture(hits: int, trials: int) -> None:
    assert rate_bounds(hits, trials, ALPHA).upper <= 1.05 * beta_binomial_upper(hits, trials, ALPHA)


def test_score_interval_of_the_literature() -> None:
    """36 agreements, 12 and 2 disagreements: Newcombe (1998) and Tango (1998) use this table."""
    interval = score_interval(12, 2, 50, 0.025)
    assert (interval.lower, interval.upper) == pytest.approx((0.0611, 0.3447), abs=1e-4)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 60), st.integers(0, 60), st.integers(1, 200))
def test_score_interval_holds_the_estimate(first: int, second: int, rest: int) -> None:
    pairs = first + second + rest
    interval = score_interval(first, second, pairs, 0.025)
    assert -1 <= interval.lower <= (first - second) / pairs <= interval.upper <= 1
    turned = score_interval(second, first, pairs, 0.025)
    assert interval.lower == pytest.approx(-turned.upper)


@pytest.mark.parametrize(("first", "second", "p"), [(1, 1, 1.0), (10, 1, 12 / 1024), (0, 5, 2 / 32), (5, 0, 2 / 32)])
def test_mcnemar(first: int, second: int, p: float) -> None:
    assert mcnemar(first, second) == pytest.approx(p)


def test_quantiles() -> None:
    seeded = random.Random(5)
    values = [seeded.expovariate(1) for _ in range(3000)]
    bounds = quantile_bounds(values, 0.9, ALPHA)
    assert bounds.lower < -math.log(0.1) < bounds.upper
    assert bounds.upper < 1.3 * -math.log(0.1)
    assert quantile_bounds(values[:50], 0.99, ALPHA).upper == math.inf
    assert quantile_bounds([1.0] * 2000, 0.99, ALPHA) == Interval(1.0, 1.0)
    assert quantile_bounds([1.0] * 3, 0.5, ALPHA) == Interval(-math.inf, math.inf)
    assert quantile_bounds([1.0] * 2000, 0.5, ALPHA) == Interval(1.0, 1.0)


def test_several_samples_about_one_ratio() -> None:
    sample, nothing = paired_sample(0, 0, 300), paired_sample(0, 0, 0)
    assert joint_log_evidence([sample], 0.05) == log_evidence(sample, 0.05)
    assert upper_bound([sample], ALPHA) < upper_bound([sample, nothing], ALPHA) < 0.05


def test_an_unknown_weight_says_nothing_below_zero() -> None:
    sample: Sample = (Outcome(1.0, 0, 1.0, math.inf), Outcome(-1.0, 500, 1.0, math.inf))
    assert log_evidence(sample, -0.1) == 0
    assert upper_bound([sample], ALPHA) == pytest.approx(0, abs=1e-9)


def test_a_forecast_is_what_settles_it() -> None:
    sample, rates = paired_sample(2, 1, 36), (1 / 24, 1 / 24, 22 / 24)
    more = more_needed(sample, rates, 0.05, ALPHA)
    assert more is not None
    for number, settled in ((more - 1, False), (more, True)):
        later = paired_sample(2 + number / 24, 1 + number / 24, 36 + number)
        assert (log_evidence(later, 0.05) >= -math.log(ALPHA)) is settled
    assert more_needed(paired_sample(0, 0, 300), (0, 0, 1), 0.05, ALPHA) == 0
    assert more_needed(sample, (0.1, 0.05, 0.85), 0.05, ALPHA, most=10_000) is None


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -1.0])
def test_what_is_no_count_is_refused(wrong: float) -> None:
    for call in (
        lambda: rate_bounds(wrong, 10, ALPHA),
        lambda: rate_bounds(0, wrong, ALPHA),
        lambda: paired_bounds(0, wrong, 10, ALPHA),
        lambda: rate_bounds(0, 10, wrong),
        lambda: log_evidence(rate_sample(0, 10), math.nan),
    ):
        with pytest.raises(ValueError, match="must"):
            call()
    with pytest.raises(ValueError, match="finite"):
        quantile_bounds([math.nan], 0.5, ALPHA)
    with pytest.raises(ValueError, match="least"):
        Outcome(1, 1, 0.5, 0.2)
    with pytest.raises(ValueError, match="count"):
        rate_bounds(11, 10, ALPHA)
