"""From a manifest to predictions."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import numpy as np
import numpy.typing as npt
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http

from tests.e2e.conftest import ServedModel
from tests.support.kubectl import condition
from tests.support.plants import CATEGORICAL, NUMERIC, Plant, fault_model, read_store


@dataclass(frozen=True)
class Rows:
    """Rows as the two inputs of the model want them."""

    numeric: npt.NDArray[np.float32]
    categorical: npt.NDArray[np.object_]

    def part(self, begin: int, end: int) -> "Rows":
        return Rows(self.numeric[begin:end], self.categorical[begin:end])


def recorded(served: ServedModel, data: Path) -> tuple[Rows, npt.NDArray[np.bool_]]:
    """The rows that the builder kept out of training, and the labels that it recorded for them in the artifact."""
    with data.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    text = read_store(served.plant, served.name, "holdout.csv").decode()
    kept = list(csv.DictReader(text.splitlines()))
    # The first data row is row 2 of the file.
    mine = [rows[int(one["row"]) - 2] for one in kept]
    numeric = np.array([[row[name] for name in NUMERIC] for row in mine], dtype=np.float32)
    categorical = np.array([[row[name].encode() for name in CATEGORICAL] for row in mine], dtype=np.object_)
    return Rows(numeric, categorical), np.array([one["predicted"] == "1" for one in kept])


def ask(kind: ModuleType, client: Any, model: str, rows: Rows) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Ask over HTTP or gRPC, by the client library of Triton; give scores and labels."""
    numbers = kind.InferInput("numeric", list(rows.numeric.shape), "FP32")
    numbers.set_data_from_numpy(rows.numeric)
    texts = kind.InferInput("categorical", list(rows.categorical.shape), "BYTES")
    texts.set_data_from_numpy(rows.categorical)
    answer = client.infer(model, [numbers, texts])
    return answer.as_numpy("score").reshape(-1), answer.as_numpy("fault").reshape(-1)


def test_it_is_ready_and_says_how_good_it_is(served_model: ServedModel) -> None:
    model = served_model.plant.model(served_model.name)
    assert condition(model, "Available")[0] == "True"
    assert model["status"]["stable"] == {
        "version": 1,
        "weight": 100,
        "digest": model["status"]["stable"]["digest"],
    }
    assert float(model["status"]["artifact"]["f1"]) > 0.5
    assert float(model["status"]["artifact"]["reduction"]) > 5


def _clients(served: ServedModel) -> list[tuple[ModuleType, Any]]:
    host = f"{served.name}.{served.namespace}.svc.cluster.local"
    return [
        (triton_http, triton_http.InferenceServerClient(f"{host}:8000")),
        (triton_grpc, triton_grpc.InferenceServerClient(f"{host}:8001")),
    ]


def test_held_out_rows_get_the_recorded_labels_over_http_and_grpc(served_model: ServedModel, data: Path) -> None:
    rows, labels = recorded(served_model, data)
    assert len(labels) == 2000
    assert 0 < labels.sum() < 200
    for kind, client in _clients(served_model):
        parts = [ask(kind, client, served_model.name, rows.part(begin, begin + 250)) for begin in range(0, 2000, 250)]
        assert int((np.concatenate([part[1] for part in parts]) != labels).sum()) == 0


def test_golden_samples_with_missing_and_unseen_values_are_answered_as_recorded(served_model: ServedModel) -> None:
    golden = json.loads(read_store(served_model.plant, served_model.name, "golden.json"))
    numeric = np.array(golden["numeric"], dtype=np.float32)  # null becomes NaN
    assert np.isnan(numeric).any()
    rows = Rows(numeric, np.array([[text.encode() for text in row] for row in golden["categorical"]], dtype=np.object_))
    expected = np.array(golden["outputs"]["score"], dtype=np.float32).reshape(-1)
    for kind, client in _clients(served_model):
        scores, labels = ask(kind, client, served_model.name, rows)
        assert np.abs(scores - expected).max() <= 1e-5
        assert (labels == np.array(golden["outputs"]["fault"]).reshape(-1)).all()


def test_where_it_is_asked_for_each_answer_says_why(served_model: ServedModel) -> None:
    """Its preflight has held the server's contributions to the golden samples before it became Ready."""
    plant, name = served_model.plant, "explained"
    compression = {"prune": {"by": "costComplexity", "keep": "0.1"}}
    validation = {"explain": {"perRow": True}}
    uri = "pvc://plant-data/machine.csv"
    plant.kubectl.apply(fault_model(name, uri, compression=compression, validation=validation))
    plant.wait(name, "Ready", "True")
    golden = json.loads(read_store(plant, name, "golden.json"))
    numeric = np.array(golden["numeric"], dtype=np.float32)
    rows = Rows(numeric, np.array([[text.encode() for text in row] for row in golden["categorical"]], dtype=np.object_))
    for kind, client in _clients(ServedModel(plant, name)):
        texts = kind.InferInput("categorical", list(rows.categorical.shape), "BYTES")
        texts.set_data_from_numpy(rows.categorical)
        numbers = kind.InferInput("numeric", list(rows.numeric.shape), "FP32")
        numbers.set_data_from_numpy(rows.numeric)
        answer = client.infer(name, [numbers, texts])
        parts = answer.as_numpy("contributions")
        assert np.abs(parts - np.array(golden["outputs"]["contributions"])).max() <= 1e-5
    config = httpx.get(f"http://{name}.{plant.namespace}.svc.cluster.local:8000/v2/models/{name}/config", timeout=10)
    told = json.loads(config.json()["parameters"]["contributions"]["string_value"])
    assert told["names"] == [*NUMERIC, *CATEGORICAL]
    assert np.abs(parts.sum(axis=1) + told["base"][0] - answer.as_numpy("score").reshape(-1)).max() <= 1e-5


def test_a_bad_request_is_the_clients_error_and_harms_nobody(served_model: ServedModel) -> None:
    host = f"http://{served_model.name}.{served_model.namespace}.svc.cluster.local:8000"
    url = f"{host}/v2/models/{served_model.name}/infer"
    short = {"inputs": [{"name": "numeric", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}]}
    assert httpx.post(url, json=short, timeout=10).status_code == 400
    assert httpx.get(f"{host}/v2/models/{served_model.name}/ready", timeout=10).status_code == 200


def test_the_same_inputs_give_the_same_bytes(served_model: ServedModel, images: dict[str, str], data: Path) -> None:
    """Built anew in another namespace, whose store knows nothing of the first build."""
    other = Plant.make("plant-e2e-again", images["builder"], {"machine.csv": data})
    try:
        other.kubectl.apply(fault_model("spindle", "pvc://plant-data/machine.csv"))
        other.wait("spindle", "Built", "True")
        first, second = (one.model("spindle")["status"]["build"]["digest"] for one in (served_model.plant, other))
        assert first == second
    finally:
        other.remove()


def test_reading_the_same_data_again_makes_no_new_version(served_model: ServedModel) -> None:
    plant = served_model.plant
    plan = plant.model(served_model.name)["status"]["build"]["plan"]
    plant.kubectl.run("annotate", "faultmodel", served_model.name, "andon.dev/retrain=again", "--overwrite")
    plant.until(served_model.name, lambda model: model["status"]["build"]["plan"] != plan, "a new build plan is done")
    plant.wait(served_model.name, "Ready", "True")
    versions = plant.kubectl.find("faultmodelversions")
    assert [one["spec"]["version"] for one in versions if one["spec"]["faultModelName"] == served_model.name] == [1]


def test_every_pod_passes_pod_security_and_has_no_token(served_model: ServedModel) -> None:
    pods = served_model.plant.kubectl.find("pods", f"andon.dev/faultmodel={served_model.name}")
    assert {pod["metadata"]["labels"]["app.kubernetes.io/component"] for pod in pods} == {"build", "server", "router"}
    for pod in pods:
        volumes = [name for volume in pod["spec"]["volumes"] for name in volume]
        assert "projected" not in volumes, "a service account's token is mounted"
