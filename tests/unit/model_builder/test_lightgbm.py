"""LightGBM: an extra, whose trees are read from its own dump and written by our own encoder."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_builder.build import Built, build
from model_builder.compression.encode import REGRESSOR, TREE_ENSEMBLE, encode
from model_builder.compression.fitted import UnsupportedEstimatorError, from_sklearn
from model_builder.errors import Reason
from model_builder.progress import Silent
from model_builder.report import Signature
from model_builder.runtime import open_session
from model_builder.spec import BuildSpec
from tests.support.builder import fault_csv, local, refused

lightgbm = pytest.importorskip("lightgbm", reason="the extra lightgbm is not installed", exc_type=ImportError)


def built(tmp_path: Path, classes: int = 2, **more: Any) -> Built:
    train = {
        "data": {"uri": "data.csv"},
        "target": "fault",
        "estimators": ["lightgbm"],
        "params": {"lightgbm": {"n_estimators": 12, "num_leaves": 6}},
    }
    spec = BuildSpec.model_validate({"name": "spindle", "source": {"train": train}, **more})
    return build(spec, local(tmp_path, fault_csv(rows=500, classes=classes)), tmp_path / "out", Silent())


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("onnxruntime", ["1.19", "1.21"])
def test_it_is_built_proven_and_told(tmp_path: Path, classes: int, onnxruntime: str) -> None:
    found = built(tmp_path, classes, runtime={"onnxruntime": onnxruntime})
    assert found.model.estimator == "lightgbm"
    assert found.model.parity.max_score_error < 1e-5
    assert found.model.metrics.macro_f1 > 0.6
    assert found.model.plain_bytes is None, "skl2onnx does not know it"
    assert "lightgbm" in found.model.libraries
    assert sum(each.value for each in found.model.importances) == pytest.approx(1, abs=1e-3)


def test_the_same_inputs_give_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    assert built(tmp_path).artifact.digest == built(tmp_path / "again").artifact.digest


def test_passes_work_on_its_trees(tmp_path: Path) -> None:
    report = built(tmp_path, compression={"prune": {"by": "costComplexity"}, "quantize": {"bits": 6}}).report
    assert [each.step for each in report.reductions] == ["encode", "prune", "quantize"]
    assert report.reductions[-1].bytes_after < report.reductions[0].bytes_after


@pytest.mark.parametrize("form", [TREE_ENSEMBLE, REGRESSOR], ids=lambda form: form.name)
@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("seed", [1, 2])
def test_trees_answer_as_lightgbm_does(form: Any, missing: bool, classes: int, seed: int) -> None:
    random = np.random.RandomState(seed)
    rows = random.normal(size=(600, 4)).astype(np.float32).round(1)
    codes = np.digitize(rows[:, 0] + rows[:, 1] * rows[:, 2], np.linspace(-1, 1, classes - 1))
    if missing:
        rows[random.random_sample(rows.shape) < 0.1] = np.nan
    model = lightgbm.LGBMClassifier(n_estimators=8, num_leaves=7, n_jobs=1, verbose=-1).fit(rows, codes)
    asked = np.concatenate([rows, np.nextafter(rows, np.float32(9)), np.full((1, 4), np.inf, np.float32)])
    asked = np.concatenate([asked, -asked[-1:], np.zeros((1, 4), np.float32), np.full((1, 4), np.nan, np.float32)])
    names = tuple(str(code) for code in range(classes))
    signature = Signature.of(("a", "b", "c", "d"), names, 0.5 if classes == 2 else None)
    ensemble = from_sklearn(model)
    served = open_session(encode(ensemble, signature, form)).run(None, {"numeric": asked})[0]
    said = model.predict_proba(asked)
    np.testing.assert_allclose(ensemble.scores(asked), said[:, 1:] if classes == 2 else said, atol=1e-12)
    np.testing.assert_allclose(served, said[:, 1:] if classes == 2 else said, atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"zero_as_missing": True}, "zero_as_missing"), ({"objective": "cross_entropy"}, "objective")],
)
def test_what_the_typed_form_cannot_hold_is_refused(settings: dict[str, Any], words: str) -> None:
    rows = np.random.RandomState(0).normal(size=(200, 3))
    rows[::3] = 0
    model = lightgbm.LGBMClassifier(n_estimators=3, verbose=-1, **settings).fit(rows, rows[:, 0] > 0)
    with pytest.raises(UnsupportedEstimatorError, match=words):
        from_sklearn(model)


def test_without_the_extra_the_refusal_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with refused(Reason.EXTRA_MISSING, "extra lightgbm", "histGradientBoosting"):
        built(tmp_path)
