"""A server that answers otherwise than the build recorded: its golden samples tell, before any request does."""

import pytest

from andon.api.v1alpha1 import Manifest
from tests.support.kubectl import condition
from tests.support.tampering import WRONG_BELOW, tampering
from tests.support.workshop import SPEED, Workshop, imported

pytestmark = pytest.mark.fault

NAME = "planer"


def _model(model: str) -> Manifest:
    return imported(NAME, model, rollout={"steps": [{"weight": 20}]})


def test_a_server_that_answers_otherwise_than_was_recorded_gets_no_request(
    shop: Workshop, images: dict[str, str]
) -> None:
    plant = shop.plant
    plant.kubectl.apply(_model("good"))
    stable = plant.wait(NAME, "Ready", "True")["status"]["stable"]
    program = WRONG_BELOW.format(column=SPEED, limit=shop.slow)
    with (
        shop.asking(NAME, stable["version"]) as (tally, _),
        tampering(plant.kubectl, NAME, images["builder"], program),
    ):
        plant.kubectl.apply(_model("good-6"))
        model = plant.wait(NAME, "Stalled", "True", reason="GoldenSamplesDiffer")
        plant.until_gone("deployment", f"{NAME}-v{stable['version'] + 1}")
    assert set(tally.versions) == {str(stable["version"])}
    assert model["status"]["stable"] == stable
    assert len(model["status"]["failedDigests"]) == 1
    assert "recorded" in condition(model, "Ready")[2]
