"""Data and artifacts in an S3-compatible object store, which here is a real `rclone serve s3`."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import ServedModel
from tests.support.builder import ObjectServer, object_server
from tests.support.installation import install_chart
from tests.support.kubectl import Kubectl
from tests.support.plants import Plant, fault_model


@pytest.fixture
def objects(tmp_path: Path, data: Path, node_address: str) -> Iterator[ObjectServer]:
    """An object store on the node's own address, with the machine's data in a bucket."""
    for bucket in ("plant", "artifacts"):
        (tmp_path / "buckets" / bucket).mkdir(parents=True)
    shutil.copy(data, tmp_path / "buckets" / "plant" / "machine.csv")
    with object_server(tmp_path / "buckets", node_address) as server:
        yield server


@pytest.fixture
def plant_on_s3(served_model: ServedModel, images: dict[str, str], objects: ObjectServer) -> Iterator[Plant]:
    """A plant whose artifacts go to the object store; the chart is set back afterwards."""
    kubectl = Kubectl("plant-s3")
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    secret = {"accessKeyId": objects.access_key, "secretAccessKey": objects.secret_key}
    kubectl.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "plant-s3", "labels": labels}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s3"}, "stringData": secret},
    )
    s3 = {"uri": "s3://artifacts/andon", "endpoint": objects.endpoint, "credentialsSecret": "s3"}
    install_chart(images, store={"s3": s3})
    plant = Plant(kubectl)
    yield plant
    kubectl.run("delete", "faultmodels", "--all", "--ignore-not-found")
    install_chart(images)
    plant.remove()


def test_data_and_artifacts_in_an_object_store(
    plant_on_s3: Plant, objects: ObjectServer, served_model: ServedModel
) -> None:
    servers = _pods(served_model)
    model = fault_model("mill", "s3://plant/machine.csv")
    model["spec"]["source"]["train"]["data"] |= {"endpoint": objects.endpoint, "credentialsSecretRef": {"name": "s3"}}
    plant_on_s3.kubectl.apply(model)
    ready = plant_on_s3.wait("mill", "Ready", "True")
    digest = ready["status"]["stable"]["digest"].removeprefix("sha256:")
    manifest = objects.root / "artifacts" / "andon" / "artifacts" / digest / "manifest.json"
    assert "repository/mill/1/model.onnx" in json.dumps(json.loads(manifest.read_text()))
    assert plant_on_s3.kubectl.find("persistentvolumeclaims") == []
    assert _pods(served_model) == servers, "a change of the chart's values restarted a plant"


def _pods(served: ServedModel) -> list[str]:
    selector = f"andon.dev/faultmodel={served.name},app.kubernetes.io/component=server"
    return [pod["metadata"]["uid"] for pod in served.plant.kubectl.find("pods", selector)]
