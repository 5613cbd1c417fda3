"""Candidates that start, pass their golden samples and go wrong on the line: the evidence finds each of them.

All of them are judged in the shadow, so that no client ever gets an answer of theirs.
"""

from dataclasses import dataclass
from typing import Any

import pytest

from andon.api.v1alpha1 import Manifest
from tests.support.kubectl import condition
from tests.support.plants import NUMERIC
from tests.support.workshop import Workshop, imported

pytestmark = pytest.mark.fault

NAME = "drill"
LIMITS = {"errorRate": "0.002"}
COMPARED = {"disagreement": "0.05"}
STEPS = [{"shadow": "10m"}, {"weight": 20}]


@dataclass(frozen=True)
class Fault:
    """What the candidate is, the limit that it breaks, and what a person reads.

    Attributes
    ----------
    monitored
        Whether the monitor compares the versions: it scores a candidate's errors too, and would tell them first.
    """

    model: str
    limit: str
    says: str
    monitored: bool = True


FAULTS = {
    "wrong answers to a tenth of the rows": Fault(
        "wrong", "disagreement", "answered otherwise than by the old version"
    ),
    "columns in another order than the build says": Fault("swapped", "disagreement", "answered otherwise"),
    "NaN in the answer to a tenth of the rows": Fault("nan", "invalidRate", "NaN"),
    "errors to a hundredth of the requests": Fault("error", "errorRate", "failed", monitored=False),
}


def _model(model: str, *, monitored: bool = True, **more: Any) -> Manifest:
    rollout = {"steps": STEPS, "analysis": {"limits": {**LIMITS, **COMPARED} if monitored else LIMITS}}
    return imported(NAME, model, rollout=rollout, monitoring={"enabled": monitored}, **more)


@pytest.fixture(scope="module")
def drill(shop: Workshop) -> Workshop:
    """The workshop with a good version of the drill's model on the line."""
    shop.plant.kubectl.apply(_model("good"))
    shop.plant.wait(NAME, "Ready", "True")
    shop.plant.until(
        NAME,
        lambda model: condition(model, "MonitoringReady")[1] not in ("", "MonitorNotReady"),
        "the monitor is ready",
    )
    return shop


@pytest.mark.parametrize("name", FAULTS)
def test_the_evidence_takes_it_off_the_line(drill: Workshop, name: str) -> None:
    fault, plant = FAULTS[name], drill.plant
    before = plant.model(NAME)["status"]["stable"]
    with drill.asking(NAME, before["version"]) as (tally, _):
        plant.kubectl.apply(_model(fault.model, monitored=fault.monitored))
        model = plant.wait(NAME, "Stalled", "True", reason="AnalysisFailed")
    assert set(tally.versions) == {str(before["version"])}
    status = model["status"]
    assert status["stable"] == before
    verdicts = {one["name"]: one["verdict"] for one in status["evidence"]["metrics"]}
    assert verdicts[fault.limit] == "Fail", verdicts
    assert fault.says in condition(model, "Ready")[2]
    assert len(status["failedDigests"]) == 1


@pytest.mark.parametrize(("model", "says"), [("nan-everywhere", "NaN"), ("error-anywhere", "out of data bounds")])
def test_what_goes_wrong_in_the_build_gets_no_server(drill: Workshop, model: str, says: str) -> None:
    plant = drill.plant
    before = plant.model(NAME)["status"]["stable"]
    with drill.asking(NAME, before["version"]):
        plant.kubectl.apply(_model(model))
        refused = plant.wait(NAME, "Built", "False")
    assert says in condition(refused, "Built")[2]
    assert condition(refused, "Stalled")[0] == "True"
    assert refused["status"]["stable"] == before


def test_other_columns_wait_for_a_person(drill: Workshop) -> None:
    plant = drill.plant
    before = plant.model(NAME)["status"]["stable"]
    order = (NUMERIC[1], NUMERIC[0], *NUMERIC[2:])
    with drill.asking(NAME, before["version"]) as (tally, _):
        plant.kubectl.apply(_model("good", features=order))
        model = plant.wait(NAME, "Stalled", "True", reason="SignatureChanged")
    assert set(tally.versions) == {str(before["version"])}
    assert model["status"]["stable"] == before
    assert "andon.dev/approve" in condition(model, "Ready")[2]
