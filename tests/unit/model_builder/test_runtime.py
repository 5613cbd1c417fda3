"""Nothing of a plant leaves it: ONNX Runtime's telemetry is off wherever the builder uses it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.builder import REPOSITORY

USE = """
import onnx
from onnx import TensorProto, helper
from model_builder.runtime import open_session
value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "ab"]
graph = helper.make_graph([helper.make_node("Identity", ["a"], ["b"])], "g", value[:1], value[1:])
model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 18)])
open_session(model.SerializeToString())
"""


@pytest.mark.parametrize("given", [None, "0"])
def test_no_identifier_is_left_behind(tmp_path: Path, given: str | None) -> None:
    # In a CI system the library is silent by itself; this must hold on a plant's machine.
    environment = {name: value for name, value in os.environ.items() if name not in ("CI", "ORT_DISABLE_TELEMETRY")}
    environment |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    if given is not None:
        environment["ORT_DISABLE_TELEMETRY"] = given
    subprocess.run([sys.executable, "-c", USE], check=True, env=environment, cwd=REPOSITORY)
    assert list(tmp_path.rglob("*")) == []


def test_one_module_imports_it() -> None:
    importing = [
        path.name
        for path in (REPOSITORY / "model_builder").glob("*.py")
        if re.search(r"^\s*(import|from) onnxruntime", path.read_text(), re.MULTILINE)
    ]
    assert importing == ["runtime.py"]
