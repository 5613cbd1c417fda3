"""Gates against the serving version: what counts as a loss, and what cannot be told."""

import pytest

from andon.core.reported_loss import losses
from model_builder.report import LowerBounds, Metrics
from model_builder.spec import Gate


def metrics(f1: float, low: float | None = None, best: float | None = None) -> Metrics:
    lower = None if low is None else LowerBounds(f1=low)
    return Metrics(accuracy=0.9, precision=0.9, recall=0.9, f1=f1, macro_f1=0.9, best_f1=best, lower95=lower)


def gate(allowed: str, metric: str = "f1", bound: str = "point") -> Gate:
    return Gate.model_validate({"metric": metric, "maxLossToStable": allowed, "bound": bound})


@pytest.mark.parametrize(
    ("new", "old", "allowed", "met"),
    [
        (0.80, 0.80, "0", True),
        (0.79, 0.80, "0", False),
        (0.78, 0.80, "0.02", True),  # in binary 0.80 - 0.78 is more than 0.02
        (0.779999, 0.80, "0.02", False),
        (0.90, 0.10, "0", True),
        (0.0, 1.0, "1", True),
    ],
)
def test_the_value_may_be_so_much_less_and_no_more(new: float, old: float, allowed: str, met: bool) -> None:
    assert (losses([gate(allowed)], metrics(new), metrics(old)) == ()) is met


def test_by_lower_bounds_both_are_measured_alike() -> None:
    by_bound = [gate("0.02", bound="lower95")]
    assert losses(by_bound, metrics(0.70, low=0.65), metrics(0.80, low=0.66)) == ()
    (said,) = losses(by_bound, metrics(0.80, low=0.60), metrics(0.80, low=0.66))
    assert said == "the lower 95% bound of f1 is 0.6000 instead of 0.6600, and 0.02 less is allowed"


@pytest.mark.parametrize(
    ("new", "old", "whom"),
    [
        (metrics(0.8), metrics(0.8, low=0.7), "the new version"),
        (metrics(0.8, low=0.7), metrics(0.8), "the serving version"),
    ],
)
def test_what_is_not_known_is_no_pass(new: Metrics, old: Metrics, whom: str) -> None:
    (said,) = losses([gate("1", bound="lower95")], new, old)
    assert said == f"the lower 95% bound of f1 is not known of {whom}"


def test_every_gate_that_is_not_met_is_named_and_gates_with_min_are_the_builds() -> None:
    gates = [gate("0.01"), gate("0.01", "bestF1"), Gate(metric="recall", min="1"), gate("0", "macroF1")]
    said = losses(gates, metrics(0.5, best=0.6), metrics(0.8, best=0.9))
    assert [each.split(" ")[0] for each in said] == ["f1", "bestF1"]
