"""Models from elsewhere, served by a real Triton: their answers are those of the library that they were made with."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tritonclient.http as triton_http
from skl2onnx import to_onnx
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from skops import io as skops_io

from andon.api.v1alpha1 import Manifest
from model_builder.runtime import open_session
from tests.support.kubectl import eventually
from tests.support.plants import NUMERIC, Plant

Floats = npt.NDArray[np.floating]
KINDS = ("onnx", "skops")
FITTED = 5_000
"""Rows at the file's beginning that the models are fitted on; the builder is given the others."""


@pytest.fixture(scope="module")
def rows(data: Path) -> tuple[Floats, npt.NDArray[np.int64], str]:
    """The machine's numbers with holes in them, its faults, and the rows that no model was fitted on as CSV."""
    with data.open(newline="", encoding="utf-8-sig") as file:
        read = list(csv.DictReader(file))
    numbers = np.array([[row[name] for name in NUMERIC] for row in read], np.float32)
    numbers[np.random.RandomState(1).random_sample(numbers.shape) < 0.03] = np.nan
    faults = np.array([int(row["Machine failure"]) for row in read])
    lines = [",".join((*NUMERIC, "fault"))]
    for values, fault in zip(numbers[FITTED:], faults[FITTED:], strict=True):
        lines.append(",".join(["" if np.isnan(value) else str(value) for value in values] + [str(fault)]))
    return numbers, faults, "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def models(rows: tuple[Floats, npt.NDArray[np.int64], str]) -> dict[str, Any]:
    """A boosted model that goes in as ONNX, and a forest that goes in as skops."""
    numbers, faults, _ = rows
    boosted = HistGradientBoostingClassifier(max_iter=30, max_leaf_nodes=8, random_state=1)
    forest = RandomForestClassifier(10, max_depth=8, random_state=1)
    return {
        "onnx": boosted.fit(numbers[:FITTED], faults[:FITTED]),
        "skops": forest.fit(numbers[:FITTED], faults[:FITTED]),
    }


@pytest.fixture(scope="module")
def files(rows: tuple[Floats, npt.NDArray[np.int64], str], models: dict[str, Any]) -> dict[str, bytes]:
    """The rows and both models as the builder gets them."""
    return {
        "labelled.csv": rows[2].encode(),
        "model.onnx": to_onnx(models["onnx"], rows[0][:1], options={"zipmap": False}).SerializeToString(),
        "model.skops": skops_io.dumps(models["skops"]),
    }


@pytest.fixture(scope="module")
def imported(plant: Plant, files: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """The plant with a FaultModel for each of them, whose files are in a ConfigMap."""
    folder = tmp_path_factory.mktemp("elsewhere")
    for name, content in files.items():
        (folder / name).write_bytes(content)
    # Made and not applied: an applied object carries its whole content once more, as an annotation with a limit.
    plant.kubectl.run("create", "configmap", "elsewhere", f"--from-file={folder}")
    plant.kubectl.apply(*(fault_model(kind) for kind in KINDS))
    for kind in KINDS:
        plant.wait(f"from-{kind}", "Ready", "True")
    yield plant
    plant.kubectl.run("delete", "configmap", "elsewhere")
    plant.kubectl.run("delete", "faultmodels", *(f"from-{kind}" for kind in KINDS), "--ignore-not-found")


def fault_model(kind: str) -> Manifest:
    """Write a FaultModel that takes in one of the files."""
    importing = {
        "uri": f"configmap://elsewhere/model.{kind}",
        "format": kind,
        "data": {"uri": "configmap://elsewhere/labelled.csv"},
        "target": "fault",
        "features": list(NUMERIC),
    }
    return {
        "apiVersion": "andon.dev/v1alpha1",
        "kind": "FaultModel",
        "metadata": {"name": f"from-{kind}"},
        "spec": {"source": {"import": importing}},
    }


def is_there(client: triton_http.InferenceServerClient, name: str) -> bool:
    """Whether a model answers."""
    try:
        return bool(client.is_model_ready(name))
    except OSError:
        return False


def said_by_library(kind: str, file: bytes, models: dict[str, Any], asked: Floats) -> Floats:
    """What ONNX Runtime says of the file as it came, or scikit-learn of the model that went into it."""
    if kind == "skops":
        return np.asarray(models[kind].predict_proba(asked)[:, 1])
    # Not scikit-learn: what skl2onnx writes is a rounding away from it, beside a threshold in double precision.
    probabilities = open_session(file).run(["probabilities"], {"X": asked})[0]
    return np.asarray(probabilities[:, 1], np.float64)


@pytest.mark.parametrize("kind", KINDS)
def test_it_answers_as_the_library_does_that_it_was_made_with(
    imported: Plant,
    files: dict[str, bytes],
    models: dict[str, Any],
    rows: tuple[Floats, npt.NDArray[np.int64], str],
    kind: str,
) -> None:
    name = f"from-{kind}"
    client = triton_http.InferenceServerClient(f"{name}.{imported.namespace}.svc.cluster.local:8000")
    eventually(lambda: is_there(client, name), 60, "the node lets requests through to a new Service")
    asked = np.concatenate([rows[0][FITTED : FITTED + 2000], np.full((1, len(NUMERIC)), np.nan)]).astype(np.float32)
    expected = said_by_library(kind, files[f"model.{kind}"], models, asked)
    assert np.isnan(asked).any(axis=1).sum() > 100
    assert (expected > 0.5).any()
    scores, faults = [], []
    for begin in range(0, len(asked), 250):
        part = asked[begin : begin + 250]
        numbers = triton_http.InferInput("numeric", list(part.shape), "FP32")
        numbers.set_data_from_numpy(part)
        answer = client.infer(name, [numbers])
        scores.append(answer.as_numpy("score").reshape(-1))
        faults.append(answer.as_numpy("fault").reshape(-1))
    np.testing.assert_allclose(np.concatenate(scores), expected, rtol=0, atol=1e-5)
    sure = np.abs(expected - 0.5) > 1e-5
    assert (np.concatenate(faults)[sure] == (expected[sure] >= 0.5)).all()
