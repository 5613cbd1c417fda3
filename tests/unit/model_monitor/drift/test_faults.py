"""Runs of equal, missing and impossible values, and values in other units."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_monitor.drift.baseline import Column
from model_monitor.drift.faults import MISSING_ROWS, OUTSIDE_ROWS, STUCK_ROWS, Fault, Runs
from model_monitor.drift.units import CONVERSIONS, other_units

DRAW = np.random.default_rng(3)


def column(values: np.ndarray, name: str = "a") -> Column:
    edges = np.unique(np.quantile(values, np.arange(1, 10) / 10).astype(np.float32))
    counts = np.bincount(np.searchsorted(edges, values), minlength=len(edges) + 1)
    return Column(name, "number", edges, counts, 0, float(values.min()), float(values.max()))


CELSIUS = column(DRAW.normal(20, 3, 4000).astype(np.float32))


def rows(values: object) -> np.ndarray:
    return np.asarray(values, np.float32).reshape(-1, 1)


def first(fault: Fault, values: np.ndarray, runs: Runs | None = None) -> int | None:
    """Feed row by row; give the number of the row at which a kind was told."""
    runs = runs or Runs([CELSIUS], {})
    for number in range(len(values)):
        if runs.add(values[number : number + 1])[fault][0]:
            return number + 1
    return None


def test_each_kind_is_told_after_its_run() -> None:
    assert first(Fault.STUCK, rows([20.0] * 80)) == STUCK_ROWS + 1  # a run of k equal values has k - 1 equalities
    assert first(Fault.MISSING, rows([np.nan] * 80)) == MISSING_ROWS
    assert first(Fault.OUT_OF_RANGE, rows(DRAW.normal(500, 1, 80))) == OUTSIDE_ROWS


def test_a_sound_sensor_is_no_fault() -> None:
    runs = Runs([CELSIUS], {})
    found = runs.add(rows(DRAW.normal(20, 3, 50_000)))
    assert not any(flags.any() for flags in found.values())


def test_a_value_between_ends_a_run() -> None:
    values = [20.0] * STUCK_ROWS + [21.0]
    assert first(Fault.STUCK, rows(values * 4)) is None


def test_what_the_build_mostly_saw_is_not_stuck() -> None:
    mostly = column(np.where(np.arange(4000) % 1000 == 0, 1.0, 0.0).astype(np.float32))
    assert first(Fault.STUCK, rows([0.0] * 3000), Runs([mostly], {})) is None
    often = column(np.where(np.arange(4000) % 5 == 0, 1.0, 0.0).astype(np.float32))
    told = first(Fault.STUCK, rows([0.0] * 3000), Runs([often], {}))
    assert told is not None
    assert told > STUCK_ROWS + 20, "four of five rows are 0: a long run of it is nothing rare"


def test_a_declared_range_goes_before_the_builds() -> None:
    values = rows([45.0, 46.0] * 20)  # beyond what the build saw, and still possible
    assert first(Fault.OUT_OF_RANGE, values, Runs([CELSIUS], {"a": (-40.0, 80.0)})) is None
    assert first(Fault.OUT_OF_RANGE, values, Runs([CELSIUS], {"a": (-40.0, 40.0)})) == OUTSIDE_ROWS


@given(st.lists(st.sampled_from([1.0, 2.0, 500.0, np.nan]), max_size=120), st.data())
def test_batches_change_nothing(values: list[float], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(values)))
    whole, parts = Runs([CELSIUS], {}), Runs([CELSIUS], {})
    at_once = whole.add(rows(values))
    one, other = parts.add(rows(values[:cut])), parts.add(rows(values[cut:]))
    for fault, flags in at_once.items():
        assert flags[0] == (one[fault][0] or other[fault][0])


@pytest.mark.parametrize("conversion", CONVERSIONS, ids=lambda one: one.name)
def test_values_in_other_units_are_told(conversion: object) -> None:
    factor, offset = conversion.factor, conversion.offset  # type: ignore[attr-defined]
    before = DRAW.normal(300, 20, 4000)
    sent = (DRAW.normal(300, 20, 300) - offset) / factor
    found = other_units(column(before.astype(np.float32)), sent.astype(np.float32))
    assert found is not None
    assert (found.factor, found.offset) == pytest.approx((factor, offset), rel=0.05, abs=25)


@pytest.mark.parametrize("shift", [0, 1, 3])
def test_an_offset_is_no_other_unit(shift: float) -> None:
    assert other_units(CELSIUS, DRAW.normal(20 + 3 * shift, 3, 300).astype(np.float32)) is None


def test_few_values_are_no_proof() -> None:
    assert other_units(CELSIUS, np.full(5, 293.15, np.float32)) is None
