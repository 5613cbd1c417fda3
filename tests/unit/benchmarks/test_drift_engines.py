"""Engines that wear are told of, each by itself; those that do not are left alone."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.drift_engines import CALM, Numbers, by_others, by_own, engines, generated


@pytest.fixture(scope="module")
def fleet() -> list[Numbers]:
    """Ten engines of C-MAPSS where it is at hand, else generated ones."""
    found = engines()
    return found[:10] if found is not None else generated(10)


def test_each_engine_that_wears_is_flagged_before_its_end_and_none_early(fleet: list[Numbers]) -> None:
    told = by_own(fleet)
    assert all(one.left is not None and one.left > 0 for one in told)
    assert not any(one.early for one in told)
    assert not any(one.broken for one in told), "wear is no broken sensor"


def test_engines_that_do_not_wear_are_not_flagged() -> None:
    still = [engine[:CALM] for engine in generated(40, seed=1)]
    long = [np.vstack([engine, still[place][::-1]]) for place, engine in enumerate(still)]
    assert sum(one.early for one in by_own(long)) <= 1


def test_engines_differ_from_each_other_from_the_start() -> None:
    told = by_others(generated(10, seed=2))
    assert sum(one.early for one in told) >= 4
