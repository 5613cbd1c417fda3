"""Converting a pickle: asked for by hand, said loudly, and what comes out passes the checks of an import."""

from __future__ import annotations

from pathlib import Path

import joblib
import numpy as np
import pytest
from typer.testing import CliRunner

from model_builder.__main__ import app
from model_builder.errors import Reason
from model_builder.imports.convert import convert
from model_builder.imports.probe import try_out
from model_builder.imports.skops_check import read_skops
from tests.support import hostile
from tests.support.builder import refused


@pytest.mark.parametrize("compress", [0, ("gzip", 3)])
def test_a_pickle_becomes_skops(compress: int | tuple[str, int], tmp_path: Path) -> None:
    model = hostile.forest()
    joblib.dump(model, tmp_path / "model.joblib", compress=compress)
    assert convert(tmp_path / "model.joblib", tmp_path / "model.skops") == "RandomForestClassifier"
    content = (tmp_path / "model.skops").read_bytes()
    assert try_out(content) == "skops"
    again = read_skops(content)
    np.testing.assert_array_equal(again.predict_proba(hostile.ROWS), model.predict_proba(hostile.ROWS))


def test_what_cannot_be_imported_is_not_written(tmp_path: Path) -> None:
    joblib.dump({"no": "model"}, tmp_path / "model.pkl")
    with refused(Reason.UNSUPPORTED_ESTIMATOR):
        convert(tmp_path / "model.pkl", tmp_path / "model.skops")
    assert not (tmp_path / "model.skops").exists()
    with refused(Reason.DATA_NOT_FOUND):
        convert(tmp_path / "none.pkl", tmp_path / "model.skops")
    (tmp_path / "broken.pkl").write_bytes(b"\x80\x04broken")
    with refused(Reason.MODEL_UNREADABLE):
        convert(tmp_path / "broken.pkl", tmp_path / "model.skops")


def test_the_command_warns_and_asks_first(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    file, out = tmp_path / "evil.pkl", tmp_path / "model.skops"
    file.write_bytes(hostile.pickled(marker, 4))
    said = CliRunner().invoke(app, ["convert", str(file), "--out", str(out)], input="n\n")
    assert said.exit_code == 3
    assert "runs whatever code is in it" in said.stderr
    assert not marker.exists()
    joblib.dump(hostile.forest(), file)
    said = CliRunner().invoke(app, ["convert", str(file), "--out", str(out), "--i-trust-this-file"])
    assert said.exit_code == 0
    assert "runs whatever code is in it" in said.stderr
    assert out.is_file()
