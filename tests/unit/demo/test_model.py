"""Manifests that the operator takes, and phases told of the right generation."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from andon.api.v1alpha1 import FaultModelSpec
from examples.demo import model
from examples.demo.chart import image, troubles, values
from examples.demo.data import MachineData, generated
from examples.demo.plant import NAMESPACE, claim_manifest, loader_manifest
from lab.errors import LabError


@pytest.fixture
def own(tmp_path: Path) -> MachineData:
    file = tmp_path / "Press 3.csv"
    file.write_text("heat,fault\n1,0\n2,1\n")
    return MachineData(file, "fault")


def test_the_manifest_for_own_data(own: MachineData) -> None:
    made = model.manifest(own)
    spec = FaultModelSpec.model_validate(made["spec"])
    assert made["metadata"]["name"] == "press-3"
    assert spec.source.train.data.uri == "pvc://press-3-data/press-3.csv"
    assert spec.source.train.data.sha256 == own.sha256
    assert spec.source.train.target == "fault"


def test_the_written_manifest_is_the_same(own: MachineData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "FOLDER", tmp_path)
    assert yaml.safe_load(model.write_manifest(own).read_text()) == model.manifest(own)


def test_spindle_reads_what_the_demo_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("examples.demo.data.FOLDER", tmp_path)
    train = FaultModelSpec.model_validate(yaml.safe_load(model.SPINDLE.read_text())["spec"]).source.train
    assert train.data.uri == f"pvc://{model.CLAIM}/{model.DATA_NAME}"
    made = generated(model.DATA_NAME, train.target)
    header = made.file.read_text().splitlines()[0].split(",")
    assert set(train.features.include) <= set(header)


def fault_model(generation: int = 2, observed: int = 2, **conditions: str) -> dict[str, Any]:
    told = [
        {"type": kind, "status": status, "reason": "R", "message": f"{kind} it is", "observedGeneration": observed}
        for kind, status in conditions.items()
    ]
    status = {"observedGeneration": observed, "phase": "Building", "conditions": told}
    return {"metadata": {"name": "spindle", "generation": generation}, "status": status}


def test_what_is_said_of_this_generation() -> None:
    now = fault_model(Ready="False")
    assert (model.phase(now), model.message(now)) == ("Building", "Ready it is")
    assert not model.is_ready(now)
    assert model.is_ready(fault_model(Ready="True"))
    assert model.is_stalled(fault_model(Ready="False", Stalled="True"))


def test_nothing_is_taken_from_an_older_generation() -> None:
    old = fault_model(generation=3, Ready="True", Stalled="True")
    assert model.phase(old) == "Pending"
    assert not model.is_ready(old)
    assert not model.is_stalled(old)
    assert model.phase({"metadata": {"generation": 1}}) == "Pending"


class Models:
    """Gives one state of a FaultModel after another."""

    def __init__(self, *states: dict[str, Any]) -> None:
        self.states = list(states)

    def get(self, namespace: str, kind: str, name: str) -> dict[str, Any]:
        assert (namespace, kind, name) == (NAMESPACE, "faultmodel", "spindle")
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "PAUSE_SECONDS", 0)


@pytest.mark.usefixtures("impatient")
def test_follow_ends_when_it_is_ready() -> None:
    reach = Models(fault_model(observed=1), fault_model(Ready="False"), fault_model(Ready="True"))
    assert model.is_ready(model.follow(reach, "spindle"))  # type: ignore[arg-type]


@pytest.mark.usefixtures("impatient")
def test_follow_tells_why_it_is_stalled() -> None:
    reach = Models(fault_model(Ready="False"), fault_model(Ready="False", Stalled="True"))
    with pytest.raises(LabError, match="R: Stalled it is"):
        model.follow(reach, "spindle")  # type: ignore[arg-type]


@pytest.mark.usefixtures("impatient")
def test_follow_gives_up_in_the_end() -> None:
    with pytest.raises(LabError, match="NotReady"):
        model.follow(Models(fault_model(Ready="False")), "spindle", seconds=0)  # type: ignore[arg-type]


def test_references_are_taken_apart() -> None:
    reference = "registry.example:5000/line/andon/operator:ab12"
    assert image(reference) == {"registry": "registry.example:5000", "repository": "line/andon/operator", "tag": "ab12"}
    assert values({"triton": "localhost/andon/triton:1"}) == {
        "images": {"triton": {"registry": "localhost", "repository": "andon/triton", "tag": "1"}}
    }


def test_what_containers_wait_for_is_told() -> None:
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
    pods: list[dict[str, Any]] = [
        {"metadata": {"name": "a"}, "status": {"containerStatuses": [{"state": waiting}, {"state": {"running": {}}}]}},
        {"metadata": {"name": "b"}, "status": {}},
    ]
    assert troubles(pods) == ["a: ImagePullBackOff no such image"]


@pytest.mark.parametrize(("size", "storage"), [(10, "100Mi"), (300 << 20, "601Mi")])
def test_the_claim_has_room_twice(size: int, storage: str) -> None:
    assert claim_manifest("plant-data", size)["spec"]["resources"]["requests"]["storage"] == storage


def test_the_loader_passes_pod_security_restricted() -> None:
    spec = loader_manifest("builder", "plant-data")["spec"]
    container = spec["containers"][0]["securityContext"]
    assert spec["securityContext"]["runAsNonRoot"]
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not container["allowPrivilegeEscalation"]
    assert container["capabilities"] == {"drop": ["ALL"]}
