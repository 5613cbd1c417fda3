"""A version that finds fewer faults than the one before: labels tell, Alertmanager calls, the line is given back.

All parts are real: Triton, Envoy, the monitor with TokenReview, Prometheus and Alertmanager (Debian's). Prometheus
reads the rules as the ConfigMap has them, and finds its targets by the labels that its own discovery would give.
"""

import csv
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from andon.api.v1alpha1 import Manifest
from andon.desired.dashboard import dashboard
from lab.paths import REPOSITORY
from tests.support.command import andon
from tests.support.discovery import discovering, documented, from_files
from tests.support.installation import install_chart
from tests.support.kubectl import Kubectl, condition, eventually
from tests.support.machine_requests import send
from tests.support.plants import Plant, fault_model
from tests.support.prometheus import alertmanager, ask, firing, over, prometheus

pytestmark = pytest.mark.fault

NAMESPACE, MODEL = "plant-reacting", "mill"
MONITORING = {
    "enabled": True,
    "onAccuracyLoss": "RollBack",
    "recallLoss": "0.03",
    "damping": {"after": "10s", "cooldown": "10m"},
}
ROLLOUT = {"steps": [{"shadow": "15s"}, {"weight": 50}, {"pause": "10s"}]}
FAULTS, SOUND = 300, 900
ALERT_SECONDS = 240.0
"""The monitor counts live scores each minute, the operator asks each half a minute."""

EMPTY = {
    "andon_reconcile_errors_total": "no look at a FaultModel failed",
    "andon_monitor_inputs_dropped_total": "the monitor left out no request",
}
"""What has no series where nothing of that kind ever happened, and what did not happen."""


@dataclass(frozen=True)
class Watched:
    """A plant with a real Prometheus and Alertmanager beside it."""

    plant: Plant
    prometheus: str
    alertmanager: str
    begin: float


@pytest.fixture(scope="module")
def reacting(
    operator: Kubectl, images: dict[str, str], data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Plant]:
    # The monitor there is to ask the API server whose token came with labels.
    install_chart(images, monitor={"labelNamespaces": [NAMESPACE]})
    plant = Plant.make(NAMESPACE, images["builder"], {"machine.csv": data})
    plant.kubectl.run("create", "serviceaccount", "line")
    plant.kubectl.apply(_model(depth=6))
    plant.wait(MODEL, "Ready", "True")
    plant.until(
        MODEL, lambda model: condition(model, "MonitoringReady")[1] != "MonitorNotReady", "the monitor is ready"
    )
    yield plant
    plant.remove()
    install_chart(images)


@pytest.fixture(scope="module")
def watched(reacting: Plant, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("prometheus")
    rules = reacting.kubectl.get("configmap", f"{MODEL}-rules")
    assert rules is not None
    (folder / "rules").mkdir()
    (folder / "rules" / "mill.yaml").write_text(rules["data"]["rules.yaml"])
    with alertmanager(folder) as called, discovering(reacting.kubectl, folder):
        config = {
            **from_files(documented(), folder),
            "global": {"scrape_interval": "2s", "evaluation_interval": "2s"},
            "rule_files": [f"{folder}/rules/*.yaml"],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [called]}]}]},
        }
        with prometheus(folder, config) as address:
            eventually(lambda: ask(address, "andon_faultmodel_phase"), 60, "Prometheus scrapes the operator")
            yield Watched(reacting, address, called, time.time())


def _model(depth: int) -> Manifest:
    model = fault_model(MODEL, "pvc://plant-data/machine.csv", rollout=ROLLOUT, monitoring=MONITORING)
    model["spec"]["source"]["train"]["params"]["randomForest"]["max_depth"] = depth
    return model


def _shift(machine: pd.DataFrame, caught: int, seed: int, folder: Path) -> str:
    """Send rows of which 300 turn out to be faults, some of them called; import the labels, and give what is told."""
    found = pd.Series(send(NAMESPACE, MODEL, machine).alarms, index=machine.index)
    chance = np.random.default_rng(seed)
    called, quiet = machine[found], machine[~found]
    chosen = pd.concat(
        [
            called.iloc[chance.integers(0, len(called), caught)],
            quiet.iloc[chance.integers(0, len(quiet), FAULTS - caught + SOUND)],
        ]
    )
    answered = send(NAMESPACE, MODEL, chosen)
    assert sum(answered.alarms) == caught, "the same version answers alike"
    # The shift's record: faults that were called, then those that nobody called, then sound parts.
    file = folder / f"labels-{seed}.csv"
    with file.open("w", newline="") as out:
        table = csv.writer(out)
        table.writerow(["requestId", "row", "fault", "selection"])
        for number, (name, row) in enumerate(answered.places):
            table.writerow([name, row, str(number < FAULTS).lower(), "Sample"])
    done = andon("labels", "import", MODEL, str(file), "--namespace", NAMESPACE, "--account", "line")
    assert done.returncode == 0, done.stderr
    return done.stdout


def _recall(watched: Watched, version: int) -> float | None:
    query = f'andon_monitor_quality{{model="{MODEL}",version="{version}",metric="recall",bound="value"}}'
    found = ask(watched.prometheus, query)
    return round(float(found[0]["value"][1]), 3) if found else None


def _alerts(watched: Watched) -> set[str]:
    return {one["alertname"] for one in firing(watched.alertmanager) if one.get("model") == MODEL}


def test_ten_points_of_recall_lost_call_people_and_give_the_line_back(
    watched: Watched, data: Path, tmp_path: Path, operator_logs: None
) -> None:
    plant = watched.plant
    machine = pd.read_csv(data).sample(2000, random_state=1)
    assert "1,200 accepted" in _shift(machine, caught=270, seed=1, folder=tmp_path)
    eventually(lambda: _recall(watched, 1) == 0.9, ALERT_SECONDS, "what version 1 finds is known")
    assert "FaultModelAccuracyLost" not in _alerts(watched)

    plant.kubectl.apply(_model(depth=8))
    plant.until(MODEL, lambda model: model["status"]["phase"] == "Shadow", "a shadow")
    compared = f'andon_monitor_disagreements_total{{model="{MODEL}"}}'
    # The phase is told before every request names both versions.
    eventually(
        lambda: send(NAMESPACE, MODEL, machine.iloc[:500]) and ask(watched.prometheus, compared),
        60,
        "rows that both have answered",
    )
    plant.wait(MODEL, "Ready", "True")
    assert plant.model(MODEL)["status"]["stable"]["version"] == 2
    assert "1,200 accepted" in _shift(machine, caught=240, seed=2, folder=tmp_path)

    eventually(lambda: "FaultModelAccuracyLost" in _alerts(watched), ALERT_SECONDS, "Alertmanager has the alert")
    assert _recall(watched, 2) == 0.8
    model = plant.wait(MODEL, "Stalled", "True", reason="AccuracyLost")
    assert (model["status"]["phase"], model["status"]["stable"]["version"]) == ("RolledBack", 1)
    assert "below the 0.90 of version 1" in condition(model, "Ready")[2]
    assert len(model["status"]["failedDigests"]) == 1
    assert send(NAMESPACE, MODEL, machine.iloc[:1000]).versions == {"1"}, "the version before serves"
    eventually(
        lambda: "FaultModelRolledBack" in _alerts(watched) and "FaultModelAccuracyLost" not in _alerts(watched),
        ALERT_SECONDS,
        "Alertmanager tells of the roll-back, and of the loss no more",
    )


@pytest.mark.parametrize("board", ["faultmodel", "operator"])
def test_every_panel_has_data_after_it(watched: Watched, board: str, data: Path) -> None:
    chart = REPOSITORY / "charts" / "andon" / "files" / "dashboards" / "operator.json"
    text = dashboard(NAMESPACE, MODEL) if board == "faultmodel" else chart.read_text()
    if board == "faultmodel":  # a sensor that says the same a hundred times
        send(NAMESPACE, MODEL, pd.concat([pd.read_csv(data).iloc[:1]] * 100))
    queries = [
        (panel["title"], target["expr"]) for panel in json.loads(text)["panels"] for target in panel.get("targets", ())
    ]

    def empty() -> list[tuple[str, str]]:
        now = time.time()
        return [
            (title, query)
            for title, query in queries
            if not any(name in query for name in EMPTY) and not over(watched.prometheus, query, watched.begin, now)
        ]

    # Averages over hours are computed each two minutes.
    last: list[Any] = []

    def full() -> bool:
        last[:] = empty()
        return not last

    try:
        eventually(full, 200, "every query returns data", pause=5)
    except AssertionError as error:
        raise AssertionError(f"{error}: {last}") from error
