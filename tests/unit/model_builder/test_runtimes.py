"""Every release of ONNX Runtime that may serve gives the same answers. Asks for other Python environments, so it is
run on demand: ``ANDON_TEST_RUNTIMES=/path/to/python:/path/to/another pytest -m runtimes``.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_builder.build import build
from model_builder.progress import Silent
from model_builder.spec import Compression, Runtime
from tests.support.builder import fault_csv, local, spec

PYTHONS = [each for each in os.environ.get("ANDON_TEST_RUNTIMES", "").split(os.pathsep) if each]
ASK = """
import json, sys
import numpy, onnxruntime
asked = json.load(open(sys.argv[1]))
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[2], options)
rows = [[float("nan") if cell is None else cell for cell in row] for row in asked["numeric"]]
given = {"numeric": numpy.array(rows, numpy.float32)}
if "categorical" in asked:
    given["categorical"] = numpy.array(asked["categorical"], object)
names = [output.name for output in session.get_outputs()]
answers = session.run(names, given)
print(json.dumps({name: answer.tolist() for name, answer in zip(names, answers)}))
"""


def content(classes: int) -> str:
    lines = fault_csv(rows=800, classes=classes).splitlines()
    kinds = ["L", "M", "", "weiß"]
    return "\n".join([f"kind,{lines[0]}", *(f"{kinds[index % 4]},{row}" for index, row in enumerate(lines[1:]))])


@pytest.mark.runtimes
@pytest.mark.skipif(not PYTHONS, reason="ANDON_TEST_RUNTIMES names no Python with another onnxruntime")
@pytest.mark.parametrize("python", PYTHONS or ["none"])
@pytest.mark.parametrize(
    ("estimator", "compression"),
    [
        ("randomForest", {}),
        ("histGradientBoosting", {}),
        ("lightgbm", {}),
        ("logisticRegression", {}),
        ("mlp", {}),
        ("mlp", {"quantize": {"bits": 8}}),
    ],
)
@pytest.mark.parametrize("classes", [2, 3])
def test_all_runtimes_answer_alike(
    tmp_path: Path, python: str, estimator: str, compression: dict[str, Any], classes: int
) -> None:
    if estimator == "lightgbm":
        pytest.importorskip("lightgbm")
    found = subprocess.run(
        [python, "-c", "import onnxruntime; print(onnxruntime.__version__)"], capture_output=True, text=True, check=True
    )
    major, minor = found.stdout.strip().split(".")[:2]
    asked = spec(estimators=[estimator], params={}).model_copy(
        update={
            "runtime": Runtime(onnxruntime=f"{major}.{minor}"),
            "compression": Compression.model_validate(compression),
        }
    )
    build(asked, local(tmp_path, content(classes)), tmp_path / "out", Silent())
    golden = json.loads((tmp_path / "out" / "golden.json").read_text())
    answers = ask(python, tmp_path, golden)
    for name, expected in golden["outputs"].items():
        shape = np.array(answers[name]).shape
        difference = np.abs(np.array(answers[name], float) - np.array(expected, float).reshape(shape))
        assert difference.max() <= (golden["tolerance"] if name in ("score", "probabilities") else 0), name
    assert len(golden["numeric"]) == len(golden["kinds"]) > 50


@pytest.mark.runtimes
@pytest.mark.skipif(not PYTHONS, reason="ANDON_TEST_RUNTIMES names no Python with another onnxruntime")
@pytest.mark.parametrize("python", PYTHONS or ["none"])
@pytest.mark.parametrize("estimator", ["randomForest", "histGradientBoosting"])
@pytest.mark.parametrize("classes", [2, 3])
def test_all_runtimes_take_scores_apart_alike(tmp_path: Path, python: str, estimator: str, classes: int) -> None:
    version = [python, "-c", "import onnxruntime; print(onnxruntime.__version__)"]
    found = subprocess.run(version, capture_output=True, text=True, check=True).stdout.strip()
    params = {"randomForest": {"n_estimators": 8}, "histGradientBoosting": {"max_iter": 15, "max_leaf_nodes": 8}}
    asked = spec(estimators=[estimator], params={estimator: params[estimator]})
    validation = asked.validation.model_validate({"explain": {"perRow": True}})
    runtime = Runtime(onnxruntime=".".join(found.split(".")[:2]))
    asked = asked.model_copy(update={"runtime": runtime, "validation": validation})
    build(asked, local(tmp_path, content(classes)), tmp_path / "out", Silent())
    golden = json.loads((tmp_path / "out" / "golden.json").read_text())
    answers = ask(python, tmp_path, golden)
    parts = np.array(golden["outputs"]["contributions"])
    assert parts.any()
    # Log-odds may be large, and a float has so many digits.
    off = np.abs(np.array(answers["contributions"]) - parts) / np.maximum(np.abs(parts), 1)
    assert off.max() <= golden["tolerance"]


def ask(python: str, folder: Path, golden: dict[str, Any]) -> dict[str, Any]:
    script, rows = folder / "ask.py", folder / "asked.json"
    script.write_text(ASK)
    rows.write_text(json.dumps(golden))
    model = folder / "out/repository/spindle/1/model.onnx"
    done = subprocess.run([python, str(script), str(rows), str(model)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))
