"""Candidates that do not come up, or break down: stable answers all the while."""

from collections.abc import Iterator
from typing import Any

import pytest

from andon.api.v1alpha1 import Manifest
from tests.support.inside import spoil_model
from tests.support.kubectl import condition, eventually
from tests.support.plants import Plant, in_store
from tests.support.workshop import Workshop, imported

pytestmark = pytest.mark.fault

NAME = "saw"
STEPS = [{"weight": 20}, {"approval": {}}]


def _model(model: str, *, suspend: bool = False, deadline: str = "10m", **serving: object) -> Manifest:
    rollout = {"steps": STEPS, "progressDeadline": deadline}
    return imported(NAME, model, rollout=rollout, suspend=suspend, serving=serving)


def _labels(version: int) -> str:
    return f"andon.dev/faultmodel={NAME},andon.dev/version={version}"


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


def _versions(plant: Plant) -> dict[int, str]:
    found = plant.kubectl.find("faultmodelversions", f"andon.dev/faultmodel={NAME}")
    return {one["spec"]["version"]: one["spec"]["digest"] for one in found}


def _built(plant: Plant, model: Manifest) -> tuple[int, str]:
    """Have a further version built; give its number and digest."""
    before = _versions(plant)
    plant.kubectl.apply(model)
    eventually(lambda: _versions(plant).keys() - before.keys(), 120, "a version is built")
    return max(_versions(plant).items())


def _suspended(plant: Plant, model: str) -> tuple[int, str]:
    """Have a version built that gets no server yet; give its number and digest."""
    jobs = {one["metadata"]["name"] for one in plant.kubectl.find("jobs")}
    before = _versions(plant)
    plant.kubectl.apply(_model(model))
    eventually(lambda: {one["metadata"]["name"] for one in plant.kubectl.find("jobs")} - jobs, 60, "a build", pause=0.1)
    plant.kubectl.apply(_model(model, suspend=True))
    eventually(lambda: _versions(plant).keys() - before.keys(), 120, "a version is built")
    return max(_versions(plant).items())


def test_an_artifact_changed_in_the_store_gets_no_server(saw: Workshop, stable: Manifest) -> None:
    plant = saw.plant
    with saw.asking(NAME, stable["version"]) as (tally, _):
        number, digest = _suspended(plant, "swapped")
        path = f"/data/artifacts/{digest.removeprefix('sha256:')}/repository/{NAME}/1/model.onnx"
        in_store(plant, NAME, f"import os; os.chmod({path!r}, 0o644); open({path!r}, 'ab').write(b'x')")
        plant.kubectl.apply(_model("swapped", deadline="20s"))
        model = plant.wait(NAME, "Stalled", "True", reason="ProgressDeadlineExceeded")
        plant.until_gone("deployment", f"{NAME}-v{number}")
    assert set(tally.versions) == {str(stable["version"])}
    assert model["status"]["stable"] == stable
    assert "DigestMismatch" in condition(model, "Ready")[2]


def test_one_that_crashes_again_and_again_in_mid_canary_leaves_the_line(
    saw: Workshop, stable: Manifest, images: dict[str, str]
) -> None:
    plant = saw.plant
    with saw.asking(NAME, stable["version"]) as (tally, known):
        number, digest = _built(plant, _model("wrong"))
        eventually(lambda: plant.kubectl.get("deployment", f"{NAME}-v{number}"), 60, "its server", pause=0.1)
        plant.until_ready_pod(_labels(number))
        known[str(number)] = saw.known(NAME, number)
        plant.until(NAME, lambda one: one["status"]["phase"] == "AwaitingApproval", "20% for the candidate")
        eventually(lambda: tally.versions[str(number)] > 20, 60, "answers of the candidate")
        spoil_model(plant.kubectl, _labels(number), images["builder"])
        model = plant.wait(NAME, "Stalled", "True", reason="CandidateFailed")
        plant.until_gone("deployment", f"{NAME}-v{number}")
    assert model["status"]["stable"] == stable
    assert model["status"]["failedDigests"] == [digest]


SERVING: dict[str, tuple[dict[str, Any], str]] = {
    "an image that is not there": ({"image": "localhost/andon/nowhere:1"}, "cannot be pulled"),
    "more than the node has": (
        {"resources": {"requests": {"memory": "900Gi"}, "limits": {"memory": "900Gi"}}},
        "Unschedulable",
    ),
    "less memory than it needs": (
        {"resources": {"requests": {"memory": "16Mi"}, "limits": {"memory": "16Mi"}}},
        "triton: failed",
    ),
}


@pytest.mark.parametrize("name", SERVING)
def test_one_that_never_gets_ready_is_given_up(saw: Workshop, stable: Manifest, name: str) -> None:
    plant, (serving, says) = saw.plant, SERVING[name]
    with saw.asking(NAME, stable["version"]) as (tally, _):
        plant.kubectl.apply(_model("good-7", deadline="20s", **serving))
        model = plant.wait(NAME, "Stalled", "True", reason="ProgressDeadlineExceeded")
    assert set(tally.versions) == {str(stable["version"])}
    assert model["status"]["stable"] == stable
    assert says in condition(model, "Ready")[2]
