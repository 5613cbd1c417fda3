"""The target's classes: which of two is a fault, and what cannot be learnt."""

from __future__ import annotations

import numpy as np
import pytest

from model_builder.classes import Labels, order_classes
from model_builder.columns import class_name
from model_builder.errors import Reason
from tests.support.builder import refused


def order(counts: dict[str, int], positive_class: str | None = None) -> Labels:
    codes = np.repeat(np.arange(len(counts)), list(counts.values())).astype(np.int64)
    return order_classes("fault", tuple(counts), codes, positive_class)


@pytest.mark.parametrize(
    ("counts", "positive_class", "classes"),
    [
        ({"0": 90, "1": 10}, None, ("0", "1")),
        ({"1": 10, "0": 90}, None, ("0", "1")),
        ({"0": 10, "1": 90}, None, ("0", "1")),
        ({"false": 10, "true": 90}, None, ("false", "true")),
        ({"ok": 90, "FAULT": 10}, None, ("ok", "FAULT")),
        ({"running": 90, "stuck": 10}, None, ("running", "stuck")),
        ({"running": 10, "stuck": 90}, None, ("stuck", "running")),
        ({"a": 10, "b": 10}, None, ("a", "b")),
        ({"b": 10, "a": 10}, None, ("a", "b")),
        ({"0": 90, "1": 10}, "0", ("1", "0")),
        ({"0": 90, "1": 10}, "1.0", ("0", "1")),
        ({"running": 90, "stuck": 10}, "running", ("stuck", "running")),
        ({"10": 10, "9": 20, "x": 30}, None, ("9", "10", "x")),
    ],
)
def test_order(counts: dict[str, int], positive_class: str | None, classes: tuple[str, ...]) -> None:
    labels = order(counts, positive_class)
    assert labels.classes == classes
    assert dict(zip(labels.classes, labels.counts, strict=True)) == counts
    assert np.bincount(labels.codes).tolist() == [counts[name] for name in classes]
    assert bool(labels.note) is (positive_class is None and len(classes) == 2)


def test_the_choice_is_told() -> None:
    note = order({"running": 90, "stuck": 10}).note
    assert '"stuck"' in note
    assert "rarer" in note


@pytest.mark.parametrize(
    ("counts", "positive_class", "reason", "parts"),
    [
        ({"0": 120}, None, Reason.ONE_CLASS, ['120 rows of "0"']),
        ({"0": 100, "1": 4}, None, Reason.TOO_FEW_ROWS, ['"1"', "4 rows", "at least 5"]),
        ({"0": 100, "1": 9}, "2", Reason.UNKNOWN_POSITIVE_CLASS, ['"2"', '"0", "1"']),
        ({"a": 9, "b": 9, "c": 9}, "a", Reason.UNKNOWN_POSITIVE_CLASS, ["3", "two classes"]),
        ({str(index): 9 for index in range(65)}, None, Reason.TOO_MANY_CLASSES, ["64"]),
    ],
)
def test_refused(counts: dict[str, int], positive_class: str | None, reason: Reason, parts: list[str]) -> None:
    with refused(reason, *parts):
        order(counts, positive_class)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (None, ""), (float("nan"), ""), (" ", ""), ("NaN", ""), ("NULL", ""),
        (True, "true"), (0, "0"), (1.0, "1"), (1.5, "1.5"), ("1.0", "1"), ("1,0", "1"), ("+1", "1"), (" x ", "x"),
        ("01", "01"), ("1.50", "1.50"), ("none", "none"),
    ],
)  # fmt: skip
def test_class_names(value: object, name: str) -> None:
    assert class_name(value) == name
