"""The whole way on a real cluster: the chart installed, a plant with its data, a FaultModel that serves.

Run inside the cluster's network: `make test-e2e`, or `python -m lab run -- pytest tests/e2e`.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.kubectl import Kubectl, eventually
from tests.support.machines import machine_data
from tests.support.plants import Plant, fault_model


@dataclass(frozen=True)
class ServedModel:
    """A FaultModel that is Ready."""

    plant: Plant
    name: str

    @property
    def namespace(self) -> str:
        return self.plant.namespace


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


@pytest.fixture(scope="session")
def node_address() -> str:
    """An address of this machine that pods reach."""
    if os.environ.get("CLUSTER", "lab") != "lab":
        pytest.skip("pods can reach a server of this machine only in the lab")
    (node,) = Kubectl("default").find("nodes")
    return next(str(one["address"]) for one in node["status"]["addresses"] if one["type"] == "InternalIP")


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
