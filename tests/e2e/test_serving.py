"""From a manifest to predictions."""

import csv
from pathlib import Path

import httpx
import numpy as np
import numpy.typing as npt
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http

from tests.e2e.conftest import ServedModel
from tests.support.kubectl import condition
from tests.support.plants import NUMERIC, Plant, fault_model, read_store


def recorded(served: ServedModel, data: Path) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """The rows that the builder kept out of training, and the labels that it recorded for them in the artifact."""
    with data.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    text = read_store(served.plant, served.name, "holdout.csv").decode()
    kept = list(csv.DictReader(text.splitlines()))
    # The first data row is row 2 of the file.
    features = [[rows[int(one["row"]) - 2][name] for name in NUMERIC] for one in kept]
    return np.array(features, dtype=np.float32), np.array([one["predicted"] == "1" for one in kept])


def test_it_is_ready_and_says_how_good_it_is(served_model: ServedModel) -> None:
    model = served_model.plant.model(served_model.name)
    assert condition(model, "Available")[0] == "True"
    assert model["status"]["stable"] == {
        "version": 1,
        "weight": 100,
        "digest": model["status"]["stable"]["digest"],
    }
    assert float(model["status"]["artifact"]["f1"]) > 0.5
    assert model["status"]["artifact"]["bytes"] > 10_000


def test_held_out_rows_get_the_recorded_labels_over_http_and_grpc(served_model: ServedModel, data: Path) -> None:
    rows, labels = recorded(served_model, data)
    assert len(rows) == 2000
    assert 0 < labels.sum() < 200
    host = f"{served_model.name}.{served_model.namespace}.svc.cluster.local"
    over_http = triton_http.InferenceServerClient(f"{host}:8000")
    over_grpc = triton_grpc.InferenceServerClient(f"{host}:8001")
    for kind, client in ((triton_http, over_http), (triton_grpc, over_grpc)):
        served = []
        for begin in range(0, len(rows), 250):
            batch = rows[begin : begin + 250]
            tensor = kind.InferInput("numeric", list(batch.shape), "FP32")
            tensor.set_data_from_numpy(batch)
            served.append(client.infer(served_model.name, [tensor]).as_numpy("fault").reshape(-1))
        assert int((np.concatenate(served) != labels).sum()) == 0


def test_a_missing_value_has_an_answer(served_model: ServedModel) -> None:
    host = f"{served_model.name}.{served_model.namespace}.svc.cluster.local"
    client = triton_http.InferenceServerClient(f"{host}:8000")
    tensor = triton_http.InferInput("numeric", [1, len(NUMERIC)], "FP32")
    tensor.set_data_from_numpy(np.full((1, len(NUMERIC)), np.nan, dtype=np.float32))
    score = client.infer(served_model.name, [tensor]).as_numpy("score")
    assert 0 <= float(score[0, 0]) <= 1


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
    assert len(plant.kubectl.find("faultmodelversions")) == 1


def test_every_pod_passes_pod_security_and_has_no_token(served_model: ServedModel) -> None:
    pods = served_model.plant.kubectl.find("pods", f"andon.dev/faultmodel={served_model.name}")
    assert {pod["metadata"]["labels"]["app.kubernetes.io/component"] for pod in pods} == {"build", "server", "router"}
    for pod in pods:
        volumes = [name for volume in pod["spec"]["volumes"] for name in volume]
        assert "projected" not in volumes, "a service account's token is mounted"
