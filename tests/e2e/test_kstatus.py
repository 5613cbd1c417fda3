"""Tools that know nothing of Andon wait for the right moment: kubectl's wait, and Helm's by kstatus."""

import json
import subprocess
from pathlib import Path

import pytest

from andon.api.v1alpha1 import Manifest
from tests.support.kubectl import condition
from tests.support.plants import Plant, fault_model


def _model(target: str = "Machine failure") -> Manifest:
    return fault_model("press", "pvc://plant-data/machine.csv", target=target)


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: press\nversion: 0.1.0\n")
    return tmp_path


def _install(chart: Path, plant: Plant, model: Manifest) -> subprocess.CompletedProcess[str]:
    (chart / "templates" / "press.yaml").write_text(json.dumps(model))
    words = ["helm", "upgrade", "--install", "press", str(chart), "--namespace", plant.namespace]
    return subprocess.run([*words, "--wait", "--timeout=4m"], capture_output=True, text=True, check=False, timeout=300)


def test_helm_waits_until_the_generation_serves_and_ends_where_it_never_will(plant: Plant, chart: Path) -> None:
    done = _install(chart, plant, _model())
    assert done.returncode == 0, done.stderr
    model = plant.model("press")
    assert model["status"]["observedGeneration"] == model["metadata"]["generation"]
    assert condition(model, "Ready")[0] == "True"
    refused = _install(chart, plant, _model("no such column"))
    assert refused.returncode != 0
    assert condition(plant.model("press"), "Stalled")[0] == "True"
    assert "context deadline exceeded" not in refused.stderr, "Helm saw that it failed, and did not wait for its time"


def test_kubectl_waits_for_ready(plant: Plant) -> None:
    plant.kubectl.apply(_model())
    plant.kubectl.run("wait", "faultmodel/press", "--for=condition=Ready", "--timeout=240s")
    assert condition(plant.model("press"), "Ready")[0] == "True"
    plant.kubectl.run("delete", "faultmodel", "press")
