"""Neural networks: weights in 8 bits where asked for or where they cost nothing; dynamic int8 is only measured."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from model_builder import shrinking_network
from model_builder.build import Built, build
from model_builder.compression.judge import Verdict, judge
from model_builder.compression.weights import Weights
from model_builder.progress import Silent
from model_builder.spec import BuildSpec
from tests.support.builder import fault_csv, local


def built(tmp_path: Path, compression: dict[str, Any], neurons: int = 64, rows: int = 400, classes: int = 2) -> Built:
    train = {
        "data": {"uri": "data.csv"},
        "target": "fault",
        "estimators": ["mlp"],
        "params": {"mlp": {"hidden_layer_sizes": [neurons, neurons], "max_iter": 15}},
    }
    spec = BuildSpec.model_validate({"name": "spindle", "source": {"train": train}, "compression": compression})
    return build(spec, local(tmp_path, fault_csv(rows=rows, classes=classes)), tmp_path / "out", Silent())


def model_file(tmp_path: Path) -> onnx.ModelProto:
    return onnx.load(tmp_path / "out/repository/spindle/1/model.onnx")


@pytest.mark.parametrize("classes", [2, 3])
def test_asked_for_the_file_holds_integers_and_answers_as_the_rounded_network(tmp_path: Path, classes: int) -> None:
    (tmp_path / "plain").mkdir()
    plain = built(tmp_path / "plain", {}, classes=classes)
    small = built(tmp_path, {"quantize": {"bits": 8}}, classes=classes)
    export, quantize = small.report.reductions
    assert (export.step, quantize.step) == ("export", "quantize")
    assert export.bytes_after == plain.report.bytes
    assert quantize.bytes_after == small.report.bytes
    assert small.model.bytes < 0.5 * plain.model.bytes
    assert "largest error" in quantize.detail
    assert small.model.parity.max_score_error < 1e-5
    assert small.model.uncompressed == plain.model.metrics
    stored = {each.name: numpy_helper.to_array(each) for each in model_file(tmp_path).graph.initializer}
    matrices = {name: values for name, values in stored.items() if values.ndim == 2 and min(values.shape) > 1}
    assert {values.dtype for values in matrices.values()} == {np.dtype(np.int8)}
    assert not any("skl2onnx" in each.step for each in small.report.reductions)


def test_dynamic_quantisation_is_measured_and_not_served(tmp_path: Path) -> None:
    notes = built(tmp_path, {"quantize": {"bits": 8}}).report.notes
    (said,) = [note for note in notes if "dynamic int8" in note]
    assert "is not served" in said
    assert "MatMulInteger" not in [node.op_type for node in model_file(tmp_path).graph.node]
    change = re.search(r"that of one row by up to ([0-9.e-]+) with the rows", said)
    assert change is not None
    assert float(change[1]) > 0, "the same row gets another score in other company"


@pytest.mark.parametrize(("equal", "steps"), [(True, ["export", "quantize"]), (False, [])])
def test_with_a_budget_the_folds_decide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, equal: bool, steps: list[str]
) -> None:
    real = judge

    def decided(*given: Any) -> Verdict:
        found = real(*given)
        return Verdict(found.macro_f1, found.best_f1, found.average_precision, found.brier, equal)

    monkeypatch.setattr(shrinking_network, "judge", decided)
    report = built(tmp_path, {"budget": {"maxLoss": "0.02"}}).report
    assert [each.step for each in report.reductions] == steps
    assert any(("are surely as good" if equal else "are not surely as good") in note for note in report.notes)


def test_with_few_faults_or_nothing_to_gain_the_weights_stay_floats(tmp_path: Path) -> None:
    few = built(tmp_path, {"budget": {}}, rows=100).report
    assert any("too few to tell a loss" in note for note in few.notes)
    assert few.reductions == ()
    tiny = built(tmp_path, {"budget": {}}, neurons=2).report
    assert any("no smaller" in note for note in tiny.notes)


def test_what_a_network_cannot_do_is_said(tmp_path: Path) -> None:
    notes = built(tmp_path, {"prune": {"by": "gini"}, "quantize": {"bits": 4}}).report.notes
    assert any("nothing was pruned" in note for note in notes)
    assert any("take 8 bits or stay floats" in note for note in notes)


def test_weights_are_rounded_by_column_and_a_dead_neuron_stays_dead() -> None:
    weights = np.array([[1.0, 100.0, 0.0], [-0.5, 3.0, 0.0]])
    found = Weights.of(weights)
    assert found.integers.tolist() == [[127, 127, 0], [-64, 4, 0]]
    assert np.abs(found.floats - weights).max() <= (np.abs(weights).max(axis=0) / 127 / 2 + 1e-6).max()
    assert found.floats[:, 2].tolist() == [0, 0]
