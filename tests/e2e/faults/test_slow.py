"""Candidates that answer rightly, and 200 ms later: by themselves, or on the line only."""

import pytest

from andon.api.v1alpha1 import Manifest
from tests.support.inside import HALTING, reach_into
from tests.support.kubectl import condition
from tests.support.workshop import Workshop, imported

pytestmark = pytest.mark.fault

NAME = "lathe"
LIMITS = {"latency": {"limit": "100ms", "share": "0.2"}}


def _model(model: str, data: str = "calm.csv") -> Manifest:
    rollout = {"steps": [{"shadow": "10m"}, {"weight": 20}], "analysis": {"limits": LIMITS}}
    return imported(NAME, model, data, rollout=rollout)


@pytest.fixture(scope="module")
def lathe(shop: Workshop) -> Workshop:
    """The workshop with a good version of the lathe's model on the line."""
    shop.plant.kubectl.apply(_model("good"))
    shop.plant.wait(NAME, "Ready", "True")
    return shop


def test_one_that_is_slow_by_itself_gets_no_request(lathe: Workshop) -> None:
    plant = lathe.plant
    before = plant.model(NAME)["status"]["stable"]
    with lathe.asking(NAME, before["version"]) as (tally, _):
        plant.kubectl.apply(_model("slow", "few.csv"))
        model = plant.wait(NAME, "Stalled", "True", reason="LatencyOverLimit")
    assert set(tally.versions) == {str(before["version"])}
    assert model["status"]["stable"] == before


def test_one_that_is_slow_on_the_line_leaves_the_shadow(lathe: Workshop, images: dict[str, str]) -> None:
    plant = lathe.plant
    before = plant.model(NAME)["status"]["stable"]
    with lathe.asking(NAME, before["version"]) as (tally, _):
        plant.kubectl.apply(_model("good-7"))
        shadowed = plant.until(NAME, lambda one: one["status"]["phase"] == "Shadow", "a shadow")
        candidate = shadowed["status"]["candidate"]
        labels = f"andon.dev/faultmodel={NAME},andon.dev/version={candidate['version']}"
        reach_into(plant.kubectl, labels, images["builder"], HALTING)
        model = plant.wait(NAME, "Stalled", "True", reason="AnalysisFailed")
    assert set(tally.versions) == {str(before["version"])}
    status = model["status"]
    assert status["stable"] == before
    assert candidate["digest"] in status["failedDigests"]
    (slow,) = (one for one in status["evidence"]["metrics"] if one["name"] == "slowRate")
    assert slow["verdict"] == "Fail"
    assert "slower" in condition(model, "Ready")[2]
