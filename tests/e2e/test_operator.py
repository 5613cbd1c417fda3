"""The operator killed, at rest, and told to let go."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import ServedModel, wait_for_operator
from tests.support.audit import writes_since
from tests.support.kubectl import Kubectl, condition, eventually
from tests.support.plants import Plant, fault_model

OPERATOR_PODS = "app.kubernetes.io/name=andon,app.kubernetes.io/component=operator"
SERVICE_ACCOUNT = "system:serviceaccount:andon-system:andon-operator"


def _kill(operator: Kubectl) -> None:
    operator.run("delete", "pods", "--selector", OPERATOR_PODS, "--grace-period=0", "--force")


@pytest.fixture
def fresh(plant: Plant) -> Iterator[str]:
    """Name of a FaultModel that does not exist yet, and is deleted afterwards."""
    name = "lathe"
    yield name
    plant.kubectl.run("delete", "faultmodel", name, "--ignore-not-found")


@pytest.mark.parametrize("point", ["the Job is made", "the build has ended", "the server starts"])
def test_killed_in_the_middle_it_comes_to_the_same_end(operator: Kubectl, plant: Plant, fresh: str, point: str) -> None:
    kubectl = plant.kubectl
    reached = {
        "the Job is made": lambda: kubectl.find("jobs", f"andon.dev/faultmodel={fresh}"),
        "the build has ended": lambda: kubectl.find("faultmodelversions", f"andon.dev/faultmodel={fresh}"),
        "the server starts": lambda: kubectl.get("deployment", f"{fresh}-v1"),
    }
    kubectl.apply(fault_model(fresh, "pvc://plant-data/machine.csv"))
    eventually(reached[point], 120, point, pause=0.05)
    _kill(operator)
    model = plant.wait(fresh, "Ready", "True")
    assert model["status"]["stable"]["version"] == 1
    assert len(kubectl.find("faultmodelversions", f"andon.dev/faultmodel={fresh}")) == 1
    assert len(kubectl.find("jobs", f"andon.dev/faultmodel={fresh}")) == 1
    wait_for_operator(operator, 1)


def test_deleted_every_child_goes(operator: Kubectl, plant: Plant) -> None:
    plant.kubectl.apply(fault_model("press", "pvc://plant-data/machine.csv"))
    plant.wait("press", "Ready", "True")
    plant.kubectl.run("delete", "faultmodel", "press")
    kinds = "jobs,pods,deployments,services,configmaps,poddisruptionbudgets,faultmodelversions"
    eventually(lambda: not plant.kubectl.find(kinds, "andon.dev/faultmodel=press"), 120, "every child is gone")
    assert plant.kubectl.get("persistentvolumeclaim", "andon-artifacts") is not None, (
        "the store belongs to the namespace"
    )


def test_at_rest_it_writes_nothing_but_its_lease(served_model: ServedModel) -> None:
    audit = Path(os.environ["KUBECONFIG"]).parent / "audit.log"
    if not audit.exists():
        pytest.skip("only the lab keeps an audit log that a test can read")
    plant = served_model.plant
    plant.wait(served_model.name, "Ready", "True")
    written = writes_since(audit, SERVICE_ACCOUNT, seconds=float(os.environ.get("ANDON_REST_SECONDS", "60")))
    others = [write for write in written if write.resource != "leases"]
    assert written, "the lease should have been renewed: is this the right service account?"
    assert others == []


def test_metrics_health_and_logs(operator: Kubectl, served_model: ServedModel) -> None:
    (pod,) = operator.find("pods", OPERATOR_PODS)
    base = f"/api/v1/namespaces/{operator.namespace}/pods/{pod['metadata']['name']}:8080/proxy"
    assert operator.run("get", "--raw", f"{base}/healthz") == "ok"
    assert operator.run("get", "--raw", f"{base}/readyz") == "ok"
    metrics = operator.run("get", "--raw", f"{base}/metrics")
    for name in (
        "andon_reconciles_total",
        "andon_reconcile_duration_seconds_count",
        "andon_queue_depth",
        "andon_leader 1.0",
    ):
        assert name in metrics
    assert "# TYPE andon_missing_rights gauge" in metrics
    assert "andon_missing_rights{" not in metrics
    lines = [json.loads(line) for line in operator.run("logs", pod["metadata"]["name"]).splitlines() if line[:1] == "{"]
    assert any(line["event"] == "all rights are there" for line in lines)
    about = [line for line in lines if line["event"] == "status"]
    assert all({"namespace", "name", "level", "timestamp"} <= line.keys() for line in about)


def test_transitions_are_told_as_events(served_model: ServedModel) -> None:
    events = served_model.plant.kubectl.find("events")
    reasons = {one["reason"] for one in events if one["involvedObject"]["name"] == served_model.name}
    assert {"BuildSucceeded", "RolledOut"} <= reasons
    assert condition(served_model.plant.model(served_model.name), "Stalled")[0] == "Absent"
