"""Distances and tests of histograms, beside scipy's on the raw values."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from model_monitor.drift.baseline import Column
from model_monitor.drift.comparison import chi_squared, kolmogorov_smirnov, p_value, psi, rejected

EDGES = (np.arange(1, 10) / 10).astype(np.float32)
COUNTS = st.lists(st.integers(0, 500), min_size=10, max_size=10).map(lambda found: np.array(found, np.int64))


def histogram(values: np.ndarray) -> np.ndarray:
    return np.bincount(np.searchsorted(EDGES, values), minlength=10)


def test_kolmogorov_smirnov_is_scipys_at_the_edges_and_never_more_sure() -> None:
    draw = np.random.default_rng(1)
    for shift in (0.0, 0.02, 0.1):
        one, other = draw.random(3000), draw.random(500) + shift
        distance, chance = kolmogorov_smirnov(histogram(one), histogram(other))
        exact = stats.ks_2samp(one, other, method="asymp")
        assert distance <= exact.statistic + 1e-12
        assert distance >= exact.statistic - 0.05
        assert chance >= exact.pvalue * 0.99


@given(COUNTS, COUNTS)
def test_values_are_chances_and_distances(one: np.ndarray, other: np.ndarray) -> None:
    assert psi(one, other) >= 0
    assert 0 <= chi_squared(one, other) <= 1
    distance, chance = kolmogorov_smirnov(one, other)
    assert 0 <= distance <= 1
    assert 0 <= chance <= 1


@given(COUNTS.map(lambda counts: counts + 10), COUNTS.map(lambda counts: counts + 10))
def test_chi_squared_is_scipys_where_no_bin_is_thin(one: np.ndarray, other: np.ndarray) -> None:
    both = np.vstack([one, other])
    assume(stats.contingency.expected_freq(both).min() >= 5)
    assert chi_squared(one, other) == pytest.approx(stats.chi2_contingency(both, correction=False).pvalue, rel=1e-9)


@given(COUNTS)
def test_the_same_histogram_has_not_changed(counts: np.ndarray) -> None:
    assert psi(counts, counts) == pytest.approx(0)
    assert chi_squared(counts, counts) == pytest.approx(1)


def test_thin_bins_are_joined_and_a_single_one_says_nothing() -> None:
    thin = np.array([1000, 1, 0, 0, 2, 0], np.int64)
    assert chi_squared(thin, np.array([100, 1, 0, 0, 0, 0], np.int64)) == 1
    assert chi_squared(np.array([500, 500]), np.array([100, 0])) < 1e-9


def test_no_rows_say_nothing() -> None:
    none = np.zeros(10, np.int64)
    assert kolmogorov_smirnov(none, none) == (0.0, 1.0)
    assert chi_squared(none, histogram(np.linspace(0, 1, 100))) == 1


@pytest.mark.parametrize("kind", ["number", "category"])
def test_p_values_of_unchanged_columns_keep_their_level(kind: str) -> None:
    draw = np.random.default_rng(2)
    below = 0
    for _ in range(600):
        both = draw.random(1500)
        column = Column("a", kind, EDGES, histogram(both[:1200]))
        below += p_value(column, histogram(both[1200:])) <= 0.05
    # 600 runs at 5% give 48 or more with a chance below 0.1%.
    assert below < 48


def test_benjamini_hochberg_is_the_textbooks() -> None:
    chances = np.array([0.01, 0.04, 0.03, 0.005, 0.5])
    # Sorted 0.005, 0.01, 0.03, 0.04, 0.5 against 0.01, 0.02, 0.03, 0.04, 0.05: the first four.
    assert rejected(chances, 0.05).tolist() == [True, True, True, True, False]
    # Against 0.002, 0.004, …, 0.01: none.
    assert rejected(chances, 0.01).tolist() == [False] * 5
    assert rejected(np.empty(0), 0.05).tolist() == []


@settings(max_examples=50)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_more_columns_never_make_one_surer(chances: list[float]) -> None:
    alone = rejected(np.array(chances[:1]), 0.05)[0]
    among = rejected(np.array([chances[0], *([1.0] * len(chances))]), 0.05)[0]
    assert alone or not among
