"""The scale subresource of a FaultModel, on the real API server."""

import json
from collections.abc import Iterator

import pytest

from tests.support.cluster import fault_model
from tests.support.kubectl import Kubectl, eventually

PATH = "/apis/andon.dev/v1alpha1/namespaces/default/faultmodels/scaled/scale"


@pytest.fixture
def kubectl(operator: Kubectl) -> Iterator[Kubectl]:
    """Kubectl, with a FaultModel that is never built."""
    kubectl = Kubectl("default")
    model = fault_model(suspend=True)
    model["metadata"] = {"name": "scaled", "namespace": "default"}
    kubectl.apply(model)
    yield kubectl
    kubectl.run("delete", "faultmodel", "scaled", "--ignore-not-found", "--wait=true", "--timeout=60s")


def test_an_autoscaler_finds_and_sets_the_replicas_of_a_manifest_without_any(kubectl: Kubectl) -> None:
    assert json.loads(kubectl.run("get", "--raw", PATH))["spec"] == {"replicas": 1}
    kubectl.run("scale", "faultmodel/scaled", "--replicas=3")
    model = eventually(lambda: kubectl.get("faultmodel", "scaled"), 60, "the FaultModel is there")
    assert model["spec"]["serving"]["replicas"] == 3
    assert json.loads(kubectl.run("get", "--raw", PATH))["spec"] == {"replicas": 3}
