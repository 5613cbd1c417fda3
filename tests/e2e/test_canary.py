"""A canary on the real line: shares are as the steps say, nobody's request fails, and calling it off takes it back."""

import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from andon.api.v1alpha1 import Manifest
from tests.e2e.conftest import ServedModel
from tests.support.command import andon
from tests.support.kubectl import condition, eventually
from tests.support.load import Tally, load
from tests.support.plants import Plant, fault_model

ROW = np.array([298.9, 309.1, 2861, 4.6, 143], dtype=np.float32)
REQUESTS = 800
"""Counted at each step."""
SIGMAS = 4.5
"""A sound split is outside of this once in 150,000 counts."""
STEPS = [{"weight": 20}, {"pause": "5s"}, {"weight": 60}, {"approval": {}}]


@pytest.fixture
def canary(plant: Plant) -> Iterator[ServedModel]:
    """A FaultModel whose versions come by steps, with its first version on the line."""
    plant.kubectl.apply(_model(depth=6))
    plant.wait("lathe", "Ready", "True")
    yield ServedModel(plant, "lathe")
    plant.kubectl.run("delete", "faultmodel", "lathe", "--ignore-not-found")


def _model(depth: int, steps: list[dict[str, object]] | None = None) -> Manifest:
    model = fault_model("lathe", "pvc://plant-data/machine.csv", rollout={"steps": steps or STEPS})
    model["spec"]["source"]["train"]["params"]["randomForest"]["max_depth"] = depth
    return model


def _counts(tallies: list[Tally], version: int) -> tuple[int, int]:
    return sum(tally.versions.get(str(version), 0) for tally in tallies), sum(tally.answers for tally in tallies)


def _share_is(tallies: list[Tally], version: int, percent: int) -> None:
    """Count from now on, and hold the share against what a fair split gives."""
    of_version, of_all = _counts(tallies, version)
    eventually(lambda: _counts(tallies, version)[1] - of_all >= REQUESTS, 120, f"{REQUESTS} requests")
    mine, total = (now - before for now, before in zip(_counts(tallies, version), (of_version, of_all), strict=True))
    expected, fair = total * percent / 100, math.sqrt(total * percent * (100 - percent)) / 100
    assert abs(mine - expected) <= SIGMAS * fair, f"{mine} of {total} at {percent}%"


def _candidate(percent: int, phase: str = "") -> Callable[[Manifest], bool]:
    def true(model: Manifest) -> bool:
        status = model["status"]
        return (status.get("candidate") or {}).get("weight") == percent and phase in ("", status["phase"])

    return true


def _say(verb: str, served: ServedModel, digest: str) -> None:
    done = andon(verb, served.name, "-n", served.namespace, "--digest", digest)
    assert done.returncode == 0, done.stderr


def _no_failures(tallies: list[Tally]) -> None:
    for tally in tallies:
        assert tally.failures == [], f"{tally.name}: {len(tally.failures)} of {tally.answers}"
        assert tally.answers > 50


def test_a_version_comes_step_by_step_and_no_request_fails(canary: ServedModel) -> None:
    plant = canary.plant
    host = f"{canary.name}.{canary.namespace}.svc.cluster.local"
    before = plant.model(canary.name)["status"]["stable"]["version"]
    with load(host, canary.name, ROW) as tallies:
        # The pause of 5 s is too short to count in, so the first share is held by a suspend.
        plant.kubectl.apply(_model(depth=8))
        plant.until(canary.name, _candidate(20), "20% for the candidate")
        plant.kubectl.apply({**_model(depth=8), "spec": {**_model(depth=8)["spec"], "suspend": True}})
        held = plant.until(canary.name, _candidate(20, "Suspended"), "the canary is held")
        assert held["status"]["candidate"]["heldBecause"] == "Suspended"
        _share_is(tallies, before + 1, 20)
        plant.kubectl.apply({**_model(depth=8), "spec": {**_model(depth=8)["spec"], "suspend": False}})
        waiting = plant.until(canary.name, _candidate(60, "AwaitingApproval"), "60% for the candidate")
        assert waiting["status"]["stable"]["version"] == before
        assert waiting["status"]["candidate"]["step"] == 4
        _share_is(tallies, before + 1, 60)
        _say("approve", canary, waiting["status"]["candidate"]["digest"])
        plant.wait(canary.name, "Ready", "True")
        plant.until_gone("deployment", f"{canary.name}-v{before}")
        _share_is(tallies, before + 1, 100)
    _no_failures(tallies)
    assert plant.model(canary.name)["status"]["stable"]["version"] == before + 1


def test_an_abort_in_mid_canary_gives_stable_all_traffic_back(canary: ServedModel) -> None:
    plant = canary.plant
    host = f"{canary.name}.{canary.namespace}.svc.cluster.local"
    before = plant.model(canary.name)["status"]["stable"]
    number = before["version"] + 1
    with load(host, canary.name, ROW) as tallies:
        plant.kubectl.apply(_model(depth=9))
        waiting = plant.until(canary.name, _candidate(60, "AwaitingApproval"), "60% for the candidate")
        digest = waiting["status"]["candidate"]["digest"]
        _say("abort", canary, digest)
        plant.wait(canary.name, "Stalled", "True", reason="Aborted")
        _share_is(tallies, number, 0)
        plant.until_gone("deployment", f"{canary.name}-v{number}")
    _no_failures(tallies)
    model = plant.model(canary.name)
    assert model["status"]["stable"] == before
    assert model["status"]["phase"] == "RolledBack"
    assert model["status"]["failedDigests"] == [digest]
    assert condition(model, "Available")[0] == "True"


@pytest.mark.fault
def test_a_candidate_that_breaks_down_leaves_the_line_by_itself(canary: ServedModel) -> None:
    plant = canary.plant
    host = f"{canary.name}.{canary.namespace}.svc.cluster.local"
    before = plant.model(canary.name)["status"]["stable"]
    number = before["version"] + 1
    plant.kubectl.apply(_model(depth=10))
    plant.until(canary.name, _candidate(60, "AwaitingApproval"), "60% for the candidate")
    plant.kubectl.run("delete", "pod", "--selector", f"andon.dev/version={number}", "--grace-period=0", "--force")
    plant.wait(canary.name, "Stalled", "True", reason="CandidateFailed")
    plant.until_gone("deployment", f"{canary.name}-v{number}")
    with load(host, canary.name, ROW) as tallies:
        _share_is(tallies, number, 0)
    _no_failures(tallies)
    assert plant.model(canary.name)["status"]["stable"] == before
