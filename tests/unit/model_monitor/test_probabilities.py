"""What is a probability: rounding is forgiven, nonsense is not."""

import numpy as np
import pytest

from model_monitor.models import probabilities


def mean_of_trees(trees: int) -> float:
    """Sum 1/trees in float32, as a forest whose trees all agree does."""
    share, total = np.float32(1) / np.float32(trees), np.float32(0)
    for _ in range(trees):
        total += share
    return float(total)


def test_a_forest_whose_trees_all_agree_is_valid_whatever_their_number() -> None:
    means = np.array([[mean_of_trees(trees)] for trees in range(1, 501)])
    assert means.max() > 1, "else there is nothing to forgive"
    scores, valid = probabilities(means)
    assert valid.all()
    assert scores.max() <= 1


@pytest.mark.parametrize("score", [float("nan"), float("inf"), -float("inf"), 1.01, -0.01, 2.0])
def test_nonsense_is_not_valid(score: float) -> None:
    _, valid = probabilities(np.array([[0.5], [score]]))
    assert valid.tolist() == [True, False]


def test_one_score_of_several_that_is_none_spoils_the_row() -> None:
    _, valid = probabilities(np.array([[0.5, 0.5], [1.5, 0.5]]))
    assert valid.tolist() == [True, False]
