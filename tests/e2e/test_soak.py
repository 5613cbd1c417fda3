"""A good candidate comes to the line under a constant load of a hundred thousand requests, and none of them fails."""

import csv
import json
import math
from pathlib import Path
from typing import Any

import httpx
import pytest

from andon.api.v1alpha1 import Manifest
from andon.core.stickiness import what_can_be_split
from tests.support.kubectl import condition, eventually
from tests.support.plants import CATEGORICAL, NUMERIC, Plant, fault_model
from tests.support.soak import Soak, answer, request, soak

REQUESTS = 100_000
AT_EACH_STEP = 20_000
ROWS = 40
SIGMAS = 4.5
"""A sound split is outside of this once in 150,000 counts."""
STEPS: list[dict[str, Any]] = [{"shadow": "30s"}, {"weight": 5}, {"approval": {}}, {"weight": 50}, {"pause": "1h"}]
"""The pause outlasts every count at half of the requests; a person's word ends it."""
DEADLINE = 900

pytestmark = pytest.mark.soak


def _model(depth: int) -> Manifest:
    model = fault_model("anvil", "pvc://plant-data/machine.csv", rollout={"steps": STEPS})
    model["spec"]["source"]["train"]["params"]["randomForest"]["max_depth"] = depth
    return model


def _bodies(data: Path) -> list[dict[str, Any]]:
    with data.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))[::97][:ROWS]
    numeric = [[float(row[name]) for name in NUMERIC] for row in rows]
    texts = [[row[name] for name in CATEGORICAL] for row in rows]
    return [
        {
            "inputs": [
                {"name": "numeric", "shape": [1, len(numbers)], "datatype": "FP32", "data": numbers},
                {"name": "categorical", "shape": [1, len(words)], "datatype": "BYTES", "data": words},
            ]
        }
        for numbers, words in zip(numeric, texts, strict=True)
    ]


def _says(plant: Plant, version: str, bodies: list[dict[str, Any]]) -> list[tuple[float, bool]]:
    """Ask a version's own server, not by the router."""
    url = f"http://anvil-v{version}.{plant.namespace}.svc.cluster.local:8000/v2/models/anvil/infer"
    found = []
    for body in bodies:
        said, score, fault = answer(httpx.post(url, content=json.dumps(body), timeout=30).content)
        assert said == version
        found.append((score, fault))
    return found


def _share_is(tally: Soak, version: str, percent: int) -> None:
    before, of_all = tally.versions[version], tally.answers
    eventually(lambda: tally.answers - of_all >= AT_EACH_STEP, DEADLINE, f"{AT_EACH_STEP} answers")
    total, mine = tally.answers - of_all, tally.versions[version] - before
    spread = SIGMAS * math.sqrt(total * percent * (100 - percent)) / 100
    print(f"{mine} of {total} at {percent}%")  # noqa: T201
    assert abs(mine - total * percent / 100) <= spread + 8, f"{mine} of {total} at {percent}%"


def _say(plant: Plant, verb: str, digest: str) -> None:
    plant.kubectl.run("annotate", "faultmodel", "anvil", "--overwrite", f"andon.dev/{verb}={digest}")


def test_no_request_of_a_hundred_thousand_fails(plant: Plant, data: Path) -> None:
    plant.kubectl.apply(_model(6))
    plant.wait("anvil", "Ready", "True")
    bodies = _bodies(data)
    host = f"anvil.{plant.namespace}.svc.cluster.local"
    known = {"1": _says(plant, "1", bodies)}
    with soak(host, [request(host, "anvil", body) for body in bodies], known) as tally:
        plant.kubectl.apply(_model(8))
        eventually(lambda: plant.kubectl.get("deployment", "anvil-v2"), DEADLINE, "the candidate's server")
        plant.until_ready_pod("andon.dev/faultmodel=anvil,andon.dev/version=2")
        known["2"] = _says(plant, "2", bodies)
        assert known["1"] != known["2"], "the versions can be told apart by what they say"
        plant.until("anvil", lambda model: model["status"]["phase"] == "Shadow", "copies for the candidate", DEADLINE)
        held = plant.until(
            "anvil", lambda model: model["status"]["phase"] == "AwaitingApproval", "5% for the candidate", DEADLINE
        )
        _share_is(tally, "2", 5)
        digest = held["status"]["candidate"]["digest"]
        _say(plant, "approve", digest)
        plant.until("anvil", lambda model: model["status"]["phase"] == "Paused", "50% for the candidate", DEADLINE)
        _share_is(tally, "2", 50)
        _say(plant, "promote", digest)
        plant.wait("anvil", "Ready", "True")
        plant.until_gone("deployment", "anvil-v1")
        _share_is(tally, "2", 100)
        eventually(lambda: tally.answers >= REQUESTS, DEADLINE, f"{REQUESTS} answers")
    print(f"{tally.answers} answers, {tally.failed} failed, by version {dict(tally.versions)}")  # noqa: T201
    assert (tally.failed, tally.failures) == (0, [])
    plant.kubectl.run("delete", "faultmodel", "anvil")


def test_an_asset_meets_one_version_and_stays_with_the_candidate(plant: Plant, data: Path) -> None:
    rollout = {
        "steps": [{"shadow": "2s"}, {"weight": 5}, {"approval": {}}, {"weight": 50}, {"pause": "1h"}],
        "analysis": {"limits": {"disagreement": "0.2"}, "minRequests": 50},
    }
    model = fault_model("chisel", "pvc://plant-data/machine.csv", rollout=rollout, monitoring={"enabled": True})
    model["spec"]["source"]["train"]["params"]["randomForest"]["max_depth"] = 6
    plant.kubectl.apply(model)
    plant.wait("chisel", "Ready", "True")
    model["spec"]["source"]["train"]["params"]["randomForest"]["max_depth"] = 8
    plant.kubectl.apply(model)
    body = _bodies(data)[0]
    few, many = ([f"press-{number}" for number in range(count)] for count in (8, 200))

    def held() -> Manifest | None:
        _met(plant, body, few)
        found = plant.model("chisel")
        return found if found["status"]["phase"] == "AwaitingApproval" else None

    at_5 = eventually(held, DEADLINE, "5% for the candidate")
    told = condition(plant.until("chisel", _tells_assets, "what can be split", DEADLINE), "Ready")[2]
    assert what_can_be_split(8, 5) in told
    first = _met(plant, body, many)
    plant.kubectl.run("annotate", "faultmodel", "chisel", f"andon.dev/approve={at_5['status']['candidate']['digest']}")
    plant.until("chisel", lambda one: one["status"]["phase"] == "Paused", "50% for the candidate", DEADLINE)
    then = _met(plant, body, many)
    moved, all_moved = ({name for name, version in met.items() if version == "2"} for met in (first, then))
    assert moved, "of 200 assets some have moved at 5%"
    assert moved < all_moved, "an asset that has moved stays"
    for assets, percent in ((moved, 5), (all_moved, 50)):
        spread = SIGMAS * math.sqrt(len(many) * percent * (100 - percent)) / 100
        assert abs(len(assets) - len(many) * percent / 100) <= spread
    plant.kubectl.run("delete", "faultmodel", "chisel")


def _tells_assets(model: Manifest) -> bool:
    return "Assets are split whole" in condition(model, "Ready")[2]


def _met(plant: Plant, body: dict[str, Any], assets: list[str]) -> dict[str, str]:
    """Ask for each asset several times; give the one version that each met."""
    url = f"http://chisel.{plant.namespace}.svc.cluster.local:8000/v2/models/chisel/infer"
    met: dict[str, set[str]] = {asset: set() for asset in assets}
    with httpx.Client(timeout=30) as client:
        for _ in range(3):
            for asset in assets:
                said = client.post(url, content=json.dumps(body), headers={"x-asset-id": asset})
                met[asset].add(answer(said.raise_for_status().content)[0])
    assert all(len(versions) == 1 for versions in met.values()), met
    return {asset: versions.pop() for asset, versions in met.items()}
