"""What is written for Prometheus and Grafana is what their own CustomResourceDefinitions take, strictly."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from andon.api.status import FaultModelStatus
from andon.api.v1alpha1 import FaultModelSpec
from andon.core.observed import Identity, Observed
from andon.desired.monitoring import OPTIONAL_KINDS, monitoring_objects
from andon.desired.platform import Images, Platform
from tests.support.kinds import monitoring_kinds_installed
from tests.support.kubectl import Kubectl
from tests.unit.chart.rendering import of_kind, render

SPEC = {
    "source": {"train": {"data": {"uri": "pvc://plant-data/machine.csv"}, "target": "fault"}},
    "validation": {"gates": [{"metric": "recall", "min": "0.60"}]},
    "monitoring": {"enabled": True, "labels": {"release": "prometheus"}},
}
ON = {"enabled": True, "labels": {"release": "prometheus"}}


@pytest.fixture(scope="module")
def kubectl() -> Iterator[Kubectl]:
    found = Kubectl("default")
    with monitoring_kinds_installed(found):
        yield found


def _of_a_fault_model() -> list[dict[str, Any]]:
    identity = Identity("default", "spindle", "00000000-0000-0000-0000-000000000001", 1)
    observed = Observed(identity, FaultModelSpec.model_validate(SPEC), FaultModelStatus())
    platform = Platform(images=Images(builder="builder:1", triton="triton:1", envoy="envoy:1"))
    made = monitoring_objects(observed, frozenset(OPTIONAL_KINDS), platform)
    return [*made.plain, *made.optional]


def _of_the_chart() -> list[dict[str, Any]]:
    manifests = render({"metrics": {"scraping": ON, "rules": ON, "dashboard": ON}})
    kinds = ("ServiceMonitor", "PodMonitor", "PrometheusRule", "ConfigMap")
    found = [one for kind in kinds for one in of_kind(manifests, kind)]
    for one in found:
        one["metadata"]["namespace"] = "default"
    return found


def _refusal(kubectl: Kubectl, manifest: dict[str, Any]) -> str:
    words = ("apply", "--dry-run=server", "--server-side", "--validate=strict", "--filename=-")
    try:
        kubectl.run(*words, given=json.dumps(manifest))
    except subprocess.CalledProcessError as error:
        return str(error.stderr)
    return ""


def test_every_object_is_taken(kubectl: Kubectl) -> None:
    objects = [*_of_a_fault_model(), *_of_the_chart()]
    assert {one["kind"] for one in objects} >= {*OPTIONAL_KINDS, "ServiceMonitor", "ConfigMap"}
    for one in objects:
        assert _refusal(kubectl, one) == "", one["kind"]


def test_an_unknown_field_is_refused(kubectl: Kubectl) -> None:
    (rule,) = [one for one in _of_a_fault_model() if one["kind"] == "PrometheusRule"]
    rule["spec"]["group"] = []
    assert "group" in _refusal(kubectl, rule)
