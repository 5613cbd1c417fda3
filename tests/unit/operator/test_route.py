"""A route in words, and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.core.observed import Route


@given(st.integers(1, 9), st.integers(10, 99), st.integers(0, 100), st.booleans())
def test_a_route_survives_being_written_down(old: int, new: int, weight: int, shadowed: bool) -> None:
    route = Route.of({old: 100 - weight, new: weight}, new if shadowed and weight == 0 else None)
    assert Route.parse(str(route)) == route


@pytest.mark.parametrize("text", ["", "1=99", "1=100,shadow=2", "1=50,2=50,shadow=2", "1=100,2=0,shadow=x", "shadow=1"])
def test_what_is_no_route_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Route.parse(text)


@pytest.mark.parametrize(
    ("route", "stable", "trial"),
    [
        (Route.of({1: 100}), 1, None),
        (Route.of({1: 100, 2: 0}), 1, None),
        (Route.of({1: 100, 2: 0}, shadow=2), 1, 2),
        (Route.of({1: 40, 2: 60}), 1, 2),
        (Route.of({1: 0, 2: 100}), 2, None),
    ],
)
def test_who_is_on_trial(route: Route, stable: int, trial: int | None) -> None:
    assert route.trial_beside(stable) == trial
