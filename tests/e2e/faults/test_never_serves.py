"""Candidates that do not come up: stable answers all the while."""

from collections.abc import Iterator

import pytest

from andon.api.v1alpha1 import Manifest
from tests.support.kubectl import condition
from tests.support.workshop import Workshop, imported

pytestmark = pytest.mark.fault

NAME = "saw"
STEPS = [{"weight": 20}, {"approval": {}}]


def _model(model: str, *, deadline: str = "10m", **serving: object) -> Manifest:
    rollout = {"steps": STEPS, "progressDeadline": deadline}
    return imported(NAME, model, rollout=rollout, serving=serving)


@pytest.fixture(scope="module")
def saw(shop: Workshop) -> Workshop:
    """The workshop with a good version of the saw's model on the line."""
    shop.plant.kubectl.apply(_model("good"))
    shop.plant.wait(NAME, "Ready", "True")
    return shop


@pytest.fixture
def stable(saw: Workshop) -> Iterator[Manifest]:
    """What serves; still so afterwards, and Ready again with the spec that it was made from."""
    before = saw.plant.model(NAME)["status"]["stable"]
    yield before
    saw.plant.kubectl.apply(_model("good"))
    assert saw.plant.wait(NAME, "Ready", "True")["status"]["stable"] == before


def test_one_whose_image_cannot_be_pulled_is_given_up(saw: Workshop, stable: Manifest) -> None:
    plant = saw.plant
    with saw.asking(NAME, stable["version"]) as (tally, _):
        plant.kubectl.apply(_model("good-7", deadline="20s", image="localhost/andon/nowhere:1"))
        model = plant.wait(NAME, "Stalled", "True", reason="ProgressDeadlineExceeded")
    assert set(tally.versions) == {str(stable["version"])}
    assert model["status"]["stable"] == stable
    assert "cannot be pulled" in condition(model, "Ready")[2]
