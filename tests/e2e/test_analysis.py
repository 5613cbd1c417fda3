"""A candidate proves itself on the real line: copies, evidence of router, Triton and monitor, a watch at the end."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from andon.api.v1alpha1 import Manifest
from tests.e2e.conftest import ServedModel
from tests.support.kubectl import Kubectl, condition
from tests.support.load import Tally, load
from tests.support.plants import Plant, fault_model

ROW = np.array([298.9, 309.1, 2861, 4.6, 143], dtype=np.float32)
ANALYSIS = {
    "limits": {"errorRate": "0.05", "latency": {"limit": "10s", "share": "0.05"}, "disagreement": "0.10"},
    "minRequests": 100,
}
ROLLOUT = {"steps": [{"shadow": "5s"}, {"weight": 20}, {"weight": 60}], "analysis": ANALYSIS, "watch": "10s"}


def mislabelled(data: Path, folder: Path) -> Path:
    """Write the data with the wrong label on the tenth of the rows with the highest speed, where `ROW` lies."""
    frame = pd.read_csv(data)
    fast = frame["Rotational speed [rpm]"] >= frame["Rotational speed [rpm]"].quantile(0.9)
    frame.loc[fast, "Machine failure"] = 1 - frame.loc[fast, "Machine failure"]
    path = folder / "mislabelled.csv"
    frame.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def judged_plant(
    operator: Kubectl, images: dict[str, str], data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Plant]:
    wrong = mislabelled(data, tmp_path_factory.mktemp("wrong"))
    plant = Plant.make("plant-judged", images["builder"], {"machine.csv": data, "mislabelled.csv": wrong})
    yield plant
    plant.remove()


@pytest.fixture(scope="module")
def judged(judged_plant: Plant) -> ServedModel:
    """A FaultModel with monitoring, whose candidates are judged; its first version on the line."""
    judged_plant.kubectl.apply(_model())
    judged_plant.wait("mill", "Ready", "True")
    judged_plant.until("mill", _monitored, "the monitor is ready")
    return ServedModel(judged_plant, "mill")


def _monitored(model: Manifest) -> bool:
    _, reason, _ = condition(model, "MonitoringReady")
    return reason not in ("", "MonitorNotReady")


def _model(depth: int = 6, file: str = "machine.csv") -> Manifest:
    model = fault_model("mill", f"pvc://plant-data/{file}", rollout=ROLLOUT, monitoring={"enabled": True})
    model["spec"]["source"]["train"]["params"]["randomForest"]["max_depth"] = depth
    return model


def _no_failures(tallies: list[Tally]) -> None:
    for tally in tallies:
        assert tally.failures == [], f"{tally.name}: {len(tally.failures)} of {tally.answers}"
        assert tally.answers > 50


def test_a_good_candidate_goes_from_shadow_to_all_traffic_on_evidence(judged: ServedModel) -> None:
    plant = judged.plant
    host = f"{judged.name}.{judged.namespace}.svc.cluster.local"
    before = plant.model(judged.name)["status"]["stable"]["version"]
    with load(host, judged.name, ROW) as tallies:
        plant.kubectl.apply(_model(depth=8))
        plant.until(judged.name, lambda model: model["status"]["phase"] == "Shadow", "a shadow")
        assert {version for tally in tallies for version in tally.versions} == {str(before)}
        plant.until(judged.name, lambda model: model["status"]["phase"] == "Watching", "the watch")
        assert plant.kubectl.get("deployment", f"{judged.name}-v{before}") is not None
        plant.wait(judged.name, "Ready", "True")
    _no_failures(tallies)
    told = plant.model(judged.name)["status"]["evidence"]
    assert (told["version"], told["verdict"]) == (before + 1, "Pass")
    assert {one["name"]: one["verdict"] for one in told["metrics"]} == {
        "errorRate": "Pass",
        "slowRate": "Pass",
        "invalidRate": "Pass",
        "disagreement": "Pass",
    }


@pytest.mark.fault
def test_one_that_is_confidently_wrong_leaves_the_line_by_itself(judged: ServedModel) -> None:
    plant = judged.plant
    host = f"{judged.name}.{judged.namespace}.svc.cluster.local"
    before = plant.model(judged.name)["status"]["stable"]
    with load(host, judged.name, ROW) as tallies:
        plant.kubectl.apply(_model(file="mislabelled.csv"))
        model = plant.wait(judged.name, "Stalled", "True", reason="AnalysisFailed")
        plant.until_gone("deployment", f"{judged.name}-v{before['version'] + 1}")
    _no_failures(tallies)
    assert {version for tally in tallies for version in tally.versions} == {str(before["version"])}
    assert model["status"]["stable"] == before
    assert "answered otherwise than by the old version" in condition(model, "Ready")[2]
    assert {one["name"]: one["verdict"] for one in model["status"]["evidence"]["metrics"]}["disagreement"] == "Fail"
