"""What is said of a split by assets, against counting."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.core.stickiness import CONFIDENCE, Split, what_can_be_split


@pytest.mark.parametrize(
    ("assets", "percent", "said"),
    [
        (
            8,
            5,
            "Assets are split whole: at 5% of 8 assets the candidate has 0.4 on average, and none with a chance of 66%;"
            " from 32% on it has one at least, 19 times in 20.",
        ),
        (200, 5, "Assets are split whole: at 5% of 200 assets the candidate has 10 on average."),
        (
            1,
            50,
            "Assets are split whole: at 50% of 1 asset the candidate has 0.5 on average, and none with a chance of 50%:"
            " the only asset is with one version or the other.",
        ),
        (0, 20, "No request names its asset: each is drawn by itself, 20 of 100 go to the candidate."),
    ],
)
def test_what_is_said(assets: int, percent: int, said: str) -> None:
    assert what_can_be_split(assets, percent) == said


@given(st.integers(1, 500), st.integers(1, 99))
def test_the_least_weight_is_enough_and_one_less_is_not(assets: int, percent: int) -> None:
    enough = Split(assets, percent).enough
    assert Split(assets, enough).none <= 1 - CONFIDENCE + 1e-9
    if enough > 1:
        assert Split(assets, enough - 1).none > 1 - CONFIDENCE


def test_the_chance_of_none_is_what_counting_gives() -> None:
    draw, runs = random.Random(1), 20_000
    none = sum(all(draw.randrange(100) >= 5 for _ in range(8)) for _ in range(runs))
    assert abs(none / runs - Split(8, 5).none) < 4.5 * 0.5 / runs**0.5


@pytest.mark.parametrize(("assets", "percent"), [(-1, 5), (8, 0), (8, 100)])
def test_what_is_no_split_is_refused(assets: int, percent: int) -> None:
    with pytest.raises(ValueError, match="no split"):
        what_can_be_split(assets, percent)
