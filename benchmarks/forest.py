"""Trains the one forest that both servers of the serving benchmark serve.

Runs as a program in MLServer's own environment, because a pickled forest loads only where the library that wrote it is
installed; the same object is then exported to ONNX. Needs scikit-learn, skl2onnx and joblib.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

import joblib
import numpy as np
import numpy.typing as npt
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

TREES = 100
HELD_OUT = 500
OPSETS = {"": 18, "ai.onnx.ml": 3}
CONFIG = """name: "forest"
backend: "onnxruntime"
max_batch_size: 1024
input [ {{ name: "numeric" data_type: TYPE_FP32 dims: [ {features} ] }} ]
output [
  {{ name: "probabilities" data_type: TYPE_FP32 dims: [ {classes} ] }},
  {{ name: "label" data_type: TYPE_INT64 dims: [ 1 ] reshape {{ shape: [ ] }} }}
]
dynamic_batching {{ }}
instance_group [ {{ kind: KIND_CPU count: 1 }} ]
parameters {{ key: "intra_op_thread_count" value: {{ string_value: "1" }} }}
"""


def read(path: Path, target: str, excluded: set[str]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Read the numeric columns and the labels of a CSV file with a header.

    Returns
    -------
    array of shape (rows, features), array of shape (rows,)
    """
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in rows[0] if name != target and name not in excluded and _numeric(rows[0][name])]
    features = np.array([[float(row[name]) for name in names] for row in rows], dtype=np.float32)
    return features, np.array([int(row[target]) for row in rows], dtype=np.int64)


def _numeric(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def build(features: npt.NDArray[np.float32], labels: npt.NDArray[np.int64], out: Path) -> None:
    """Train, and write the forest for both servers and held-out rows with the labels that scikit-learn gives them."""
    train_x, test_x, train_y, _ = train_test_split(
        features, labels, test_size=HELD_OUT, stratify=labels, random_state=42
    )
    # One thread: for one row at a time more of them only add to the latency, for MLServer too.
    forest = RandomForestClassifier(n_estimators=TREES, random_state=42, n_jobs=None).fit(train_x, train_y)
    mlserver, triton = out / "mlserver", out / "triton/forest"
    mlserver.mkdir(parents=True, exist_ok=True)
    (triton / "1").mkdir(parents=True, exist_ok=True)
    joblib.dump(forest, mlserver / "model.joblib")
    inputs = [("numeric", FloatTensorType([None, features.shape[1]]))]
    exported = to_onnx(forest, initial_types=inputs, options={"zipmap": False}, target_opset=OPSETS)
    (triton / "1/model.onnx").write_bytes(exported.SerializeToString())
    (triton / "config.pbtxt").write_text(CONFIG.format(features=features.shape[1], classes=len(forest.classes_)))
    held_out = {"rows": test_x.tolist(), "labels": forest.predict(test_x).tolist()}
    (out / "held_out.json").write_text(json.dumps(held_out))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--target", required=True)
    parser.add_argument("--exclude", nargs="*", default=[])
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    build(*read(arguments.data, arguments.target, set(arguments.exclude)), arguments.out)


if __name__ == "__main__":
    main()
