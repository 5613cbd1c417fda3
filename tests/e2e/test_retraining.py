"""The process has drifted: a version is built of fresh data by reaction, and takes the whole rollout."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from tests.support.kubectl import Kubectl, condition, eventually
from tests.support.machine_requests import monitor_says, send
from tests.support.plants import Plant, fault_model

pytestmark = pytest.mark.fault

NAMESPACE, MODEL = "plant-retraining", "mill"
DRIFTED = "Torque [Nm]"
MONITORING = {
    "enabled": True,
    "onDrift": "Retrain",
    "drift": {"window": {"rows": 200, "minRows": 100}, "ranges": [{"feature": DRIFTED, "min": 0, "max": 300}]},
    "damping": {"after": "10s", "cooldown": "1h"},
}
ROLLOUT = {"steps": [{"shadow": "10s"}, {"weight": 50}, {"pause": "10s"}]}


@pytest.fixture(scope="module")
def retraining(operator: Kubectl, images: dict[str, str], data: Path) -> Iterator[Plant]:
    plant = Plant.make(NAMESPACE, images["builder"], {"machine.csv": data})
    plant.kubectl.apply(fault_model(MODEL, "pvc://plant-data/machine.csv", rollout=ROLLOUT, monitoring=MONITORING))
    plant.wait(MODEL, "Ready", "True")
    plant.until(
        MODEL,
        lambda model: condition(model, "MonitoringReady")[1] == "PrometheusOperatorAbsent",
        "the monitor is ready",
    )
    yield plant
    plant.remove()


def _states() -> dict[str, str]:
    told = monitor_says(NAMESPACE, MODEL, "drift")
    return {one["name"]: one["state"] for one in told.get("features", ())}


def test_drift_builds_from_fresh_data_and_the_version_takes_the_whole_rollout(
    retraining: Plant, images: dict[str, str], data: Path, tmp_path: Path, operator_logs: None
) -> None:
    plant = retraining
    machine = pd.read_csv(data)
    rows = machine.sample(2000, random_state=5)
    eventually(
        lambda: send(NAMESPACE, MODEL, rows.iloc[:400]) and set(_states().values()) == {"Steady"}, 60, "all is steady"
    )

    # Other material: from now on the spindle needs more torque, in the plant's data as on the line.
    for frame in (machine, rows):
        frame[DRIFTED] += 2 * machine[DRIFTED].std()
    machine.to_csv(tmp_path / "machine.csv", index=False)
    plant.put(images["builder"], {"machine.csv": tmp_path / "machine.csv"})
    eventually(
        lambda: send(NAMESPACE, MODEL, rows.iloc[:400]) and _states()[DRIFTED] == "Drifted",
        60,
        "the torque has drifted",
    )
    assert [name for name, state in _states().items() if state == "SensorFault"] == []

    phases: list[str] = []
    weights: set[int] = set()

    def done() -> bool:
        send(NAMESPACE, MODEL, rows.iloc[:100])
        status = plant.model(MODEL)["status"]
        phases.extend([] if phases[-1:] == [status["phase"]] else [status["phase"]])
        weights.add(int((status.get("candidate") or {}).get("weight") or 0))
        return bool(status["stable"]["version"] == 2 and status["phase"] == "Stable")

    eventually(done, 240, "version 2 holds the line")
    told = [phase for phase in phases if phase in ("Building", "Preflight", "Shadow", "Canary")]
    assert told == ["Building", "Preflight", "Shadow", "Canary"], phases
    assert 50 in weights
    status = plant.model(MODEL)["status"]
    assert status["retrain"]["because"] == "Drift"
    eventually(
        lambda: send(NAMESPACE, MODEL, rows.iloc[:400]) and set(_states().values()) == {"Steady"},
        60,
        "what is as in the fresh data is steady",
    )
    plant.wait(MODEL, "InputsSteady", "True", deadline=90)
