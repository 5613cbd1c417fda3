"""The benchmark of exports says of each way what it takes and how far it is off."""

from __future__ import annotations

import dataclasses

from benchmarks.compression_data import spindle
from benchmarks.exports import lines


def test_every_way_is_measured_and_asked() -> None:
    data = spindle()
    small = dataclasses.replace(data, rows=data.rows[:1500], codes=data.codes[:1500])
    found, whole, onnx = lines(small, "bag of 12, pruned")
    by_name = {line.name: line for line in found}
    assert list(by_name)[:3] == ["ONNX", "TensorFlow Lite", "C99, ours"]
    assert {"emlearn", "emlearn, 16-bit columns"} < set(by_name)
    assert all(line.flash > 0 for line in found)
    assert by_name["C99, ours"].flash < by_name["emlearn"].flash
    for name in ("TensorFlow Lite", "C99, ours"):
        said = by_name[name].said
        assert said is not None
        assert len(said.labels) == 2 * whole == len(onnx.labels)
        assert (said.labels == onnx.labels).all()
