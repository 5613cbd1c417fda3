"""Traffic by a Service alone: one switch, and what a client sees of it."""

import numpy as np

from andon.api.v1alpha1 import Manifest
from tests.support.kubectl import eventually
from tests.support.load import load
from tests.support.plants import Plant, fault_model

ROW = np.array([298.9, 309.1, 2861, 4.6, 143], dtype=np.float32)


def _model(depth: int) -> Manifest:
    rollout = {"traffic": {"provider": "Direct"}, "steps": [{"approval": {}}]}
    model = fault_model("saw", "pvc://plant-data/machine.csv", rollout=rollout)
    model["spec"]["source"]["train"]["params"]["randomForest"]["max_depth"] = depth
    return model


def test_a_new_version_takes_all_requests_in_one_switch(plant: Plant) -> None:
    plant.kubectl.apply(_model(6))
    plant.wait("saw", "Ready", "True")
    assert plant.kubectl.get("deployment", "saw-router") is None
    plant.kubectl.apply(_model(8))
    held = plant.until("saw", lambda model: model["status"]["phase"] == "AwaitingApproval", "an approval is asked for")
    with load(f"saw.{plant.namespace}.svc.cluster.local", "saw", ROW) as tallies:
        fresh = [tally for tally in tallies if tally.name.endswith("new")]
        assert len(fresh) == 2
        eventually(lambda: all(tally.answers > 50 for tally in fresh), 60, "answers")
        assert [set(tally.versions) for tally in fresh] == [{"1"}, {"1"}]
        digest = held["status"]["candidate"]["digest"]
        plant.kubectl.run("annotate", "faultmodel", "saw", "--overwrite", f"andon.dev/approve={digest}")
        plant.wait("saw", "Ready", "True")
        plant.until_gone("deployment", "saw-v1")
        counts = [tally.versions.get("2", 0) for tally in fresh]
        eventually(
            lambda: all(tally.versions.get("2", 0) > count + 50 for tally, count in zip(fresh, counts, strict=True)),
            60,
            "answers of version 2",
        )
    assert [tally.failures for tally in fresh] == [[], []], "who connects anew sees no failure"
    plant.kubectl.run("delete", "faultmodel", "saw")
