"""A candidate that misses a tenth of the faults: nothing shows it until people say what the parts were."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from andon.api.v1alpha1 import Manifest
from tests.support.command import andon
from tests.support.installation import install_chart
from tests.support.kubectl import condition, eventually
from tests.support.plants import NUMERIC
from tests.support.workshop import TARGET, Workshop, body, imported

pytestmark = pytest.mark.fault

NAME = "grinder"
SOUND = 100
"""Sound parts that are labelled beside all faults."""
ANALYSIS = {
    "limits": {"errorRate": "0.05", "recallLoss": "0.03"},
    "labelDelay": "2s",
    "maxHold": "15s",
    "minRequests": 50,
}
ROLLOUT = {"steps": [{"shadow": "5s"}, {"weight": 20}], "analysis": ANALYSIS}


def _model(model: str, data: str) -> Manifest:
    return imported(NAME, model, data, rollout=ROLLOUT, monitoring={"enabled": True})


@pytest.fixture
def grinder(shop: Workshop, images: dict[str, str]) -> Iterator[Workshop]:
    """The workshop with a good version of the grinder's model on the line, and an account for its inspectors.

    Its monitor may ask the API server whose token came with labels.
    """
    plant = shop.plant
    install_chart(images, monitor={"labelNamespaces": [plant.namespace]})
    plant.kubectl.apply(_model("good", "fresh.csv"))
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "inspection"}}
    plant.kubectl.apply(account)
    plant.wait(NAME, "Ready", "True")
    shop.monitored(NAME)
    yield shop
    plant.kubectl.run("delete", "faultmodel", NAME)
    install_chart(images)


def _parts(shop: Workshop) -> dict[str, tuple[dict[str, Any], bool]]:
    """Give all faults and some sound parts: name of the request → request, and what the part is."""
    faults = shop.frame[shop.frame[TARGET] == 1]
    sound = shop.frame[shop.frame[TARGET] == 0].iloc[::97].head(SOUND)
    return {
        f"part-{row}": (body(part), truth)
        for table, truth in ((faults, True), (sound, False))
        for row, part in zip(table.index, table[list(NUMERIC)].to_numpy(float).tolist(), strict=True)
    }


def _ask(shop: Workshop, parts: dict[str, tuple[dict[str, Any], bool]]) -> None:
    url = f"http://{shop.host(NAME)}:8000/v2/models/{NAME}/infer"
    with httpx.Client(timeout=30) as client:
        for name, (content, _) in parts.items():
            client.post(url, content=json.dumps(content), headers={"x-request-id": name}).raise_for_status()


def _recall(model: Manifest) -> dict[str, Any]:
    told = (model["status"].get("evidence") or {}).get("metrics") or ()
    return next((one for one in told if one["name"] == "recallLoss"), {})


def test_labels_that_come_late_take_it_off_the_line(grinder: Workshop, tmp_path: Path) -> None:
    plant, parts = grinder.plant, _parts(grinder)
    before = plant.model(NAME)["status"]["stable"]
    with grinder.asking(NAME, before["version"], connections=1, pause=0.05) as (tally, _):
        plant.kubectl.apply(_model("silent", "fresh.csv"))
        plant.until(NAME, lambda model: model["status"]["phase"] == "Shadow", "a shadow")
        plant.until(NAME, lambda model: bool(_recall(model)), "evidence of both versions")
        _ask(grinder, parts)
        asked = plant.until(NAME, lambda model: model["status"]["phase"] == "AwaitingApproval", "a person is asked")
        assert condition(asked, "Ready")[1] == "EvidenceExhausted"
        assert _recall(asked)["verdict"] == "Inconclusive"
        labels = tmp_path / "inspected.csv"
        lines = [f"{name},0,{str(truth).lower()}" for name, (_, truth) in parts.items()]
        labels.write_text("\n".join(["requestId,row,fault", *lines, ""]))
        words = ("labels", "import", NAME, str(labels), "-n", plant.namespace, "--account", "inspection")

        def taken() -> str:
            done = andon(*words)
            done.check_returncode()  # the last copies may still be on their way
            return done.stdout

        assert f"{len(parts):,}" in eventually(taken, 60, "all labels are taken")
        model = plant.wait(NAME, "Stalled", "True", reason="AnalysisFailed")
    assert set(tally.versions) == {str(before["version"])}
    assert model["status"]["stable"] == before
    told = _recall(model)
    assert told["verdict"] == "Fail"
    assert float(told["value"]) == pytest.approx(0.1, abs=0.02)
    assert "recall" in condition(model, "Ready")[2]
