"""The whole way on a real cluster: the chart installed, a plant with its data, a FaultModel that serves.

Run inside the cluster's network: `make test-e2e`, or `python -m lab run -- pytest tests/e2e`.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.kubectl import Kubectl, eventually
from tests.support.machines import machine_data
from tests.support.plants import Plant, fault_model

ROOT = Path(__file__).parents[2]
OPERATOR_NAMESPACE = "andon-system"


@dataclass(frozen=True)
class ServedModel:
    """A FaultModel that is Ready."""

    plant: Plant
    name: str

    @property
    def namespace(self) -> str:
        return self.plant.namespace


@pytest.fixture(scope="session")
def images() -> dict[str, str]:
    """References of the project's images, which the cluster has."""
    given = os.environ.get("ANDON_IMAGES")
    if given is None:
        printed = [sys.executable, "-m", "lab", "images", "--print"]
        given = subprocess.run(printed, cwd=ROOT, capture_output=True, check=True, timeout=60).stdout.decode()
    found: dict[str, str] = json.loads(given)
    return found


@pytest.fixture(scope="session")
def operator(images: dict[str, str]) -> Kubectl:
    """The operator, installed by its chart as users do."""
    values: dict[str, object] = {"images": {name: _image(reference) for name, reference in images.items()}}
    command = ["helm", "upgrade", "--install", "andon", "charts/andon", "--values=-", "--wait", "--timeout=5m"]
    where = ["--namespace", OPERATOR_NAMESPACE, "--create-namespace"]
    done = subprocess.run(
        [*command, *where], cwd=ROOT, input=json.dumps(values).encode(), capture_output=True, check=False, timeout=400
    )
    if done.returncode:
        kubectl = Kubectl(OPERATOR_NAMESPACE)
        state = kubectl.run("describe", "pods", check=False) + kubectl.run("logs", "deploy/andon-operator", check=False)
        pytest.fail(f"helm: {done.stderr.decode()}\n{state}")
    return Kubectl(OPERATOR_NAMESPACE)


def _image(reference: str) -> dict[str, str]:
    registry, _, rest = reference.partition("/")
    repository, _, tag = rest.rpartition(":")
    return {"registry": registry, "repository": repository, "tag": tag}


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The machine's data: AI4I 2020 where it is at hand, else generated; the name says which."""
    return machine_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def plant(operator: Kubectl, images: dict[str, str], data: Path) -> Iterator[Plant]:
    """A plant whose claim holds the machine's data as machine.csv."""
    made = Plant.make("plant-e2e", images["builder"], {"machine.csv": data})
    yield made
    made.remove()


@pytest.fixture(scope="session")
def served_model(plant: Plant) -> ServedModel:
    """A FaultModel over the machine's numeric columns, Ready."""
    plant.kubectl.apply(fault_model("spindle", "pvc://plant-data/machine.csv"))
    plant.wait("spindle", "Ready", "True")
    return ServedModel(plant, "spindle")


@pytest.fixture
def operator_logs(operator: Kubectl) -> Iterator[None]:
    """Print what the operator said when a test failed."""
    yield
    print(operator.run("logs", "deployment/andon-operator", "--tail=100", check=False))  # noqa: T201


def wait_for_operator(kubectl: Kubectl, replicas: int) -> None:
    """Wait until the operator has just as many ready pods."""

    def ready() -> bool:
        deployment = kubectl.get("deployment", "andon-operator") or {}
        pods = kubectl.find("pods", "app.kubernetes.io/name=andon,app.kubernetes.io/component=operator")
        return (deployment.get("status") or {}).get("readyReplicas", 0) == replicas and len(pods) == replicas

    eventually(ready, 120, f"{replicas} operator pods")
