"""A build makes the model as small as it is asked to, proves what it serves, and tells every step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from model_builder.build import Built, build
from model_builder.card import card
from model_builder.categories import Rows
from model_builder.golden import choose
from model_builder.parity import Answers
from model_builder.progress import Silent
from model_builder.report import Signature
from model_builder.spec import BuildSpec
from tests.support.builder import fault_csv, local


def compressed(tmp_path: Path, compression: dict[str, Any], rows: int = 400, **more: Any) -> Built:
    source = {
        "data": {"uri": "data.csv"},
        "target": "fault",
        "params": {"randomForest": {"n_estimators": 10}},
        **more,
    }
    spec = BuildSpec.model_validate({"name": "spindle", "source": {"train": source}, "compression": compression})
    return build(spec, local(tmp_path, fault_csv(rows=rows)), tmp_path / "out", Silent())


def test_without_asking_the_file_is_lossless_and_far_smaller(tmp_path: Path) -> None:
    report = compressed(tmp_path, {}).report
    assert [each.step for each in report.reductions] == ["encode"]
    assert report.reductions[0].bytes_before == report.plain_bytes
    assert report.bytes is not None
    assert report.plain_bytes is not None
    assert report.bytes * 3 < report.plain_bytes


@pytest.mark.parametrize("by", ["gini", "informationGain", "mutualInformation", "costComplexity"])
def test_every_way_to_prune_leaves_the_share(tmp_path: Path, by: str) -> None:
    built = compressed(tmp_path, {"prune": {"by": by, "keep": "0.4"}, "quantize": {"bits": 8}})
    encode, prune, quantize = built.report.reductions
    assert (encode.step, prune.step, quantize.step) == ("encode", "prune", "quantize")
    assert prune.splits_after <= 0.55 * prune.splits_before
    assert prune.bytes_after < prune.bytes_before
    assert by in prune.detail
    assert "largest error" in quantize.detail
    assert built.model.parity.max_score_error < 1e-5


def test_thresholds_are_quantized_too_where_asked(tmp_path: Path) -> None:
    built = compressed(tmp_path, {"quantize": {"bits": 6, "what": "leavesAndThresholds"}})
    assert [each.step for each in built.report.reductions] == ["encode", "quantize", "quantize"]
    assert "range" in built.report.reductions[-1].detail


def test_with_a_budget_and_few_faults_the_lossless_form_is_kept_and_that_is_said(tmp_path: Path) -> None:
    built = compressed(tmp_path, {"budget": {"maxLoss": "0.1"}, "interactions": "Auto"}, rows=120)
    found = built.model.compression
    assert found is not None
    assert found.chosen == "lossless"
    assert any("too few to tell a loss from noise" in note for note in built.report.notes)


def test_what_is_no_tree_is_left_alone_and_that_is_said(tmp_path: Path) -> None:
    more: dict[str, Any] = {"estimators": ["logisticRegression"], "params": {}}
    built = compressed(tmp_path, {"quantize": {"bits": 8}}, **more)
    assert built.report.reductions == ()
    assert any("nothing was compressed" in note for note in built.report.notes)


@pytest.mark.parametrize(
    ("compression", "words"),
    [
        ({"budget": {}, "quantize": {"bits": 8}}, "not both"),
        ({"interactions": "Auto"}, "needs a budget"),
        ({"quantize": {"bits": 3}}, "greater than or equal to 4"),
        ({"prune": {"by": "gini", "keep": "0"}}, "pattern"),
    ],
)
def test_what_makes_no_sense_is_refused(compression: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        BuildSpec.model_validate(
            {
                "name": "spindle",
                "source": {"train": {"data": {"uri": "data.csv"}, "target": "fault"}},
                "compression": compression,
            }
        )


def test_a_threshold_of_the_forest_is_not_put_on_another_model() -> None:
    with pytest.raises(ValidationError, match="decisionThreshold"):
        BuildSpec.model_validate(
            {
                "name": "spindle",
                "source": {"train": {"data": {"uri": "data.csv"}, "target": "fault"}},
                "compression": {"budget": {}},
                "validation": {"decisionThreshold": {"optimize": "f1"}},
            }
        )


def test_the_estimator_agrees_with_the_lossless_file(tmp_path: Path) -> None:
    built = compressed(tmp_path, {}, estimators=["histGradientBoosting"], params={})
    assert built.model.parity.max_score_error < 1e-5
    assert np.isfinite(built.model.parity.max_score_error)


def test_a_threshold_that_only_parts_missing_values_makes_no_golden_sample() -> None:
    rows = Rows(np.ones((40, 1), np.float32), np.empty((40, 0), np.int16), ())
    codes = np.arange(40) % 2
    answers = Answers(np.full((40, 1), 0.5, np.float32), codes)
    signature = Signature.of(("heat",), ("0", "1"), 0.5)
    tests = [(0, np.float32(np.inf)), (0, np.finfo(np.float32).max), (0, np.float32(3.5))]
    chosen = choose(rows, codes, answers, tests, signature, 0)
    asked = [value for value, kind in zip(chosen.rows.numeric[:, 0], chosen.kinds, strict=True) if "threshold" in kind]
    assert asked == [3.5, np.nextafter(np.float32(3.5), np.float32(np.inf))]


def test_what_is_given_up_is_told_by_scores_before_and_after(tmp_path: Path) -> None:
    pruned = compressed(tmp_path, {"prune": {"by": "gini", "keep": "0.1"}}).model
    whole = compressed(tmp_path, {}).model
    assert whole.uncompressed is None
    assert pruned.uncompressed == whole.metrics
    assert pruned.metrics != whole.metrics
    text = card(pruned)
    assert "## Compression" in text
    assert f"{whole.metrics.macro_f1:.4f} | {pruned.metrics.macro_f1:.4f}" in text
