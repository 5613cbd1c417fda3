"""The compression benchmark runs every pass over a fold and makes a table of it."""

from __future__ import annotations

import numpy as np
from rich.console import Console

from benchmarks.compression import METHODS, SLOW, measure, show
from benchmarks.compression_data import DataSet, gearbox, spindle


def test_every_pass_has_a_line() -> None:
    whole = spindle()
    data = DataSet("small", whole.rows[:600, :6], whole.codes[:600])
    chosen = [name for name in METHODS if name not in SLOW]
    lines = measure(data, (1,), 2, chosen)
    assert set(chosen) <= set(lines)
    lossless = lines["our encoding, lossless (opset 5)"]
    assert np.mean(lossless.bytes) * 3 < np.mean(lines["skl2onnx forest"].bytes)
    for one, other in zip(lossless.scores, lines["skl2onnx forest"].scores, strict=True):
        assert abs(one.average_precision - other.average_precision) < 1e-3
    console = Console(width=160, record=True, quiet=True)
    console.print(show(data, lines, 1, 2))


def test_generated_sets_are_the_same_every_time() -> None:
    assert (gearbox().rows == gearbox().rows).all()
    assert gearbox().classes == 5
    assert 0.02 < spindle().codes.mean() < 0.12
