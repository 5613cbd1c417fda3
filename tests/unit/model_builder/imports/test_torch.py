"""Networks that PyTorch itself trained and exported answer as PyTorch did: see tests/data/torch/make.py."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from model_builder.build import build
from model_builder.categories import Rows
from model_builder.errors import Reason
from model_builder.imports.files import ModelFile
from model_builder.progress import Silent
from model_builder.spec import BuildSpec
from model_builder.validating import open_artifact, replay
from tests.support.builder import REPOSITORY, local, refused

FOLDER = REPOSITORY / "tests" / "data" / "torch"
COLUMNS = ("a", "b", "c", "d")


def recorded(name: str) -> tuple[Any, Any, Any]:
    """Rows, their classes, and what PyTorch said of them."""
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as told:
        return told["rows"], told["codes"], told["answers"]


@pytest.mark.parametrize("exporter", ["torchscript", "dynamo"])
@pytest.mark.parametrize("name", ["sigmoid", "softmax-2", "softmax-3"])
def test_it_answers_as_pytorch_did(name: str, exporter: str, tmp_path: Path) -> None:
    rows, codes, answers = recorded(name)
    file = FOLDER / f"{name}-{exporter}.onnx"
    model = ModelFile(file, hashlib.sha256(file.read_bytes()).hexdigest(), file.stat().st_size)
    # The first half was trained on. A value is missing here and there.
    lines = [",".join((*COLUMNS, "fault"))]
    for number, (values, code) in enumerate(zip(rows[250:], codes[250:], strict=True)):
        texts = ["" if (number + column) % 37 == 0 else str(value) for column, value in enumerate(values)]
        lines.append(",".join([*texts, str(code)]))
    given = {"uri": "model", "format": "onnx", "data": {"uri": "d"}, "target": "fault", "features": COLUMNS}
    spec = BuildSpec.model_validate({"name": "press", "source": {"import": given}})
    done = build(spec, local(tmp_path, "\n".join(lines)), tmp_path / "out", Silent(), imported=model)
    assert done.model.metrics.macro_f1 > 0.6
    opened = open_artifact(tmp_path / "out")
    said = opened.model.answer(Rows.of_numbers(rows))
    expected = answers[:, 1:] if answers.shape[1] == 2 else answers
    np.testing.assert_allclose(said.scores, expected, rtol=0, atol=1e-5)
    best = (expected[:, 0] >= 0.5).astype(int) if expected.shape[1] == 1 else expected.argmax(axis=1)
    np.testing.assert_array_equal(said.labels, best)
    assert replay(opened) > 40
    holes = np.full((1, 4), np.nan, np.float32)
    assert np.isfinite(opened.model.answer(Rows.of_numbers(holes)).scores).all()
    assert any("median of the data stands in" in note for note in done.model.notes)


def test_it_is_pytorch_that_made_them() -> None:
    versions = json.loads((FOLDER / "versions.json").read_text())
    assert versions["torch"].startswith("2.")
    for file in FOLDER.glob("*.onnx"):
        assert b"pytorch" in file.read_bytes()


def test_a_file_that_leaves_its_numbers_elsewhere_is_refused(tmp_path: Path) -> None:
    """As the newer exporter does by default: ``external_data=False`` is the way out, and the reason says so."""
    model = onnx.load(FOLDER / "softmax-2-dynamo.onnx")
    onnx.save_model(model, tmp_path / "m.onnx", save_as_external_data=True, location="m.data", size_threshold=0)
    file = ModelFile(tmp_path / "m.onnx", "0" * 64, (tmp_path / "m.onnx").stat().st_size)
    given = {"uri": "model", "format": "onnx", "data": {"uri": "d"}, "target": "fault", "features": COLUMNS}
    spec = BuildSpec.model_validate({"name": "press", "source": {"import": given}})
    rows, codes, _ = recorded("softmax-2")
    table = "\n".join(
        [",".join((*COLUMNS, "fault")), *(f"{','.join(map(str, r))},{c}" for r, c in zip(rows, codes, strict=True))]
    )
    with refused(Reason.EXTERNAL_DATA_REFUSED, "m.data"):
        build(spec, local(tmp_path, table), tmp_path / "out", Silent(), imported=file)
