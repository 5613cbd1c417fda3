"""Groups are never torn apart, time never runs backwards, repeated rows are counted."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from model_builder.categories import Category, Rows
from model_builder.classes import Labels, order_classes
from model_builder.errors import Reason
from model_builder.splitting import Order, Split, folds, repeated_rows, split_rows
from tests.support.builder import refused


def labelled(codes: npt.NDArray[np.int64]) -> Labels:
    return order_classes("fault", ("0", "1"), codes, None)


def drawn(rows: int = 1000, groups: int = 40) -> tuple[Labels, Order]:
    random = np.random.RandomState(3)
    members = random.randint(groups, size=rows)
    return labelled((random.random_sample(rows) < 0.1).astype(np.int64)), Order(groups=members, name="asset")


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("balanced", [True, False])
def test_no_group_is_on_both_sides(seed: int, balanced: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not balanced:
        monkeypatch.setattr("model_builder.splitting.MAX_BALANCED_GROUPS", 10)
    labels, order = drawn()
    assert order.groups is not None
    split = split_rows(labels, seed, order)
    assert split.method == "group"
    assert sorted([*split.fit, *split.held_out]) == list(range(1000))
    assert not set(order.groups[split.fit]) & set(order.groups[split.held_out])
    assert 0.1 < len(split.held_out) / 1000 < 0.3
    for fit, judge in folds(labels.codes, order, 5, seed):
        assert not set(order.groups[fit]) & set(order.groups[judge])
        assert len(fit) + len(judge) == 1000


def test_the_latest_rows_are_held_out_and_one_moment_is_not_torn_apart() -> None:
    times = np.repeat(np.arange(25.0), 40)
    codes = np.tile([0, 0, 0, 1], 250).astype(np.int64)
    order = Order(times=times)
    split = split_rows(labelled(codes), 0, order)
    assert split.method == "time"
    assert times[split.fit].max() < times[split.held_out].min()
    assert len(split.held_out) == 200
    cuts = list(folds(codes, order, 5, 0))
    assert len(cuts) == 5
    for fit, judge in cuts:
        assert times[fit].max() < times[judge].min()


def test_folds_of_a_part_respect_its_order() -> None:
    labels, order = drawn()
    part = np.arange(0, 1000, 2)
    cut = order.take(part)
    assert cut.groups is not None
    assert len(cut.groups) == 500
    for fit, judge in folds(labels.codes[part], cut, 3, 1):
        assert not set(cut.groups[fit]) & set(cut.groups[judge])
    assert Order(times=np.arange(4.0)).take(np.array([1, 3])).times is not None


def test_what_cannot_be_split_is_refused() -> None:
    codes = np.array([0, 1] * 50, np.int64)
    with refused(Reason.TOO_FEW_GROUPS, '"asset"', "4 groups"):
        split_rows(labelled(codes), 0, Order(groups=np.arange(100) % 4, name="asset"))
    late = np.array([0] * 90 + [1] * 10, np.int64)
    with refused(Reason.TOO_FEW_ROWS, 'no rows to learn from of "1"'):
        split_rows(labelled(late), 0, Order(times=np.arange(100.0), name="when"))
    with refused(Reason.TOO_FEW_ROWS, "held-out rows"):
        split_rows(labelled(late[::-1].copy()), 0, Order(times=np.arange(100.0), name="when"))


def test_repeated_rows_are_counted() -> None:
    numbers = np.array([[1, np.nan], [2, 0], [1, np.nan], [2, -0.0], [1, np.nan], [9, 9]], np.float32)
    codes = np.array([[0], [1], [0], [1], [1], [0]], np.int16)
    data = Rows(numbers, codes, (Category("kind", ("L", "M")),))
    assert repeated_rows(data, Split(np.array([0, 1]), np.array([2, 3, 4, 5]))) == 2


def test_rows_of_one_stretch_of_time_stay_together() -> None:
    times = np.repeat(np.arange(400.0), 3)
    stretches = Order(times=times).together
    assert stretches is not None
    assert len(np.unique(stretches)) == 50
    assert (np.diff(stretches) >= 0).all(), "a stretch has no gaps"
    assert (stretches.reshape(400, 3) == stretches[::3, None]).all(), "one moment is not torn apart"
    some = np.array([5, 1100, 600])
    few = Order(times=times).take(some).together
    assert few is not None
    assert few.tolist() == [0, 2, 1]
    groups = np.array([3, 1, 3])
    assert Order(groups=groups).together is groups
    assert Order().together is None
