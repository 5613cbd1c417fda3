"""What the real API server refuses, and what it says then."""

import json
import subprocess
from typing import Any

import pytest

from tests.support.cluster import fault_model
from tests.support.kubectl import Kubectl

TRAIN: dict[str, Any] = fault_model()["spec"]["source"]["train"]
IMPORT: dict[str, Any] = {
    "uri": "s3://models/press/model.onnx",
    "format": "onnx",
    "data": {"uri": "pvc://plant-data/labelled.csv"},
    "target": "fault",
    "features": ["torque", "wear"],
}

PINNED = {**TRAIN, "data": {**TRAIN["data"], "sha256": "a" * 64}}
TABLE: dict[str, Any] = {"urlSecretRef": {"name": "cmms"}, "table": "repairs", "position": "nr"}


def labels(columns: dict[str, str], *, enabled: bool = True, **more: Any) -> dict[str, Any]:
    """Give a spec whose labels come from a table."""
    source = {"postgres": {**TABLE, "columns": columns, **more}}
    return {"monitoring": {"enabled": enabled, "labelsFrom": source}}


EDGE = {"parentRefs": [{"name": "edge"}]}


@pytest.fixture(scope="module")
def kubectl(operator: Kubectl) -> Kubectl:
    """Kubectl, with the CRDs in the cluster as the chart installs them."""
    return Kubectl("default")


def refusal(kubectl: Kubectl, name: str = "spindle", **spec: Any) -> str:
    """Apply a FaultModel in a dry run; give what the API server says, empty where it takes it."""
    manifest = fault_model(**spec)
    manifest["metadata"] = {"name": name, "namespace": "default"}
    try:
        kubectl.run("apply", "--dry-run=server", "--server-side", "--filename=-", given=json.dumps(manifest))
    except subprocess.CalledProcessError as error:
        return str(error.stderr)
    return ""


def test_a_good_one_is_taken(kubectl: Kubectl) -> None:
    assert refusal(kubectl, serving={"replicas": 2, "resources": {"limits": {"cpu": 1, "memory": "1Gi"}}}) == ""


def test_an_import_and_exports_are_taken(kubectl: Kubectl) -> None:
    assert refusal(kubectl, source={"import": IMPORT}, exports=["c", "tflite"]) == ""


def test_a_canary_with_windows_is_taken(kubectl: Kubectl) -> None:
    steps = [{"approval": {}}, {"weight": 5}, {"pause": "1h30m"}, {"weight": 50}]
    window = {
        "kind": "Allow",
        "cron": "0,30 6-22/2 1,15 JAN-MAR,12 MON-FRI",
        "duration": "4h",
        "timeZone": "Europe/Berlin",
    }
    assert refusal(kubectl, rollout={"steps": steps, "windows": [window]}) == ""


def test_reactions_and_a_schedule_are_taken(kubectl: Kubectl) -> None:
    monitoring = {
        "enabled": True,
        "onDrift": "Retrain",
        "onAccuracyLoss": "RollBack",
        "recallLoss": "0.05",
        "damping": {"after": "5m", "cooldown": "12h"},
        "drift": {"window": {"rows": 1000, "after": "8h"}, "ranges": [{"feature": "heat", "min": -40, "max": 90.5}]},
    }
    retrain = {"schedule": "0 3 * * SUN", "timeZone": "Europe/Berlin"}
    assert refusal(kubectl, monitoring=monitoring, retrain=retrain) == ""
    assert refusal(kubectl, monitoring={"onDrift": "Alert"}, source={"import": IMPORT}) == ""


def test_an_analysis_of_everything_is_taken(kubectl: Kubectl) -> None:
    limits = {
        "errorRate": "0.01",
        "latency": {"limit": "50ms", "share": "0.05"},
        "disagreement": "0.02",
        "recallLoss": "0.05",
        "falseAlarmGain": "0.000001",
    }
    analysis = {"limits": limits, "labelDelay": "8h", "onNoData": "RollBack", "onExhausted": "RollBack"}
    steps = [{"pause": "1m"}, {"shadow": "10m"}, {"approval": {}}, {"weight": 5}]
    rollout = {"steps": steps, "analysis": analysis, "watch": "1h"}
    assert refusal(kubectl, rollout=rollout, monitoring={"enabled": True}) == ""


@pytest.mark.parametrize(
    "rollout",
    [
        {"traffic": {"provider": "Direct"}, "steps": [{"pause": "5m"}, {"approval": {}}]},
        {"traffic": {"provider": "GatewayAPI", "gateway": EDGE}, "steps": [{"weight": 5}]},
        {"traffic": {"stickyBy": "x-machine"}},
    ],
)
def test_each_provider_is_taken_with_what_it_can_do(kubectl: Kubectl, rollout: dict[str, Any]) -> None:
    assert refusal(kubectl, rollout=rollout) == ""


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"sourec": {}}, "field not declared in schema"),
        ({"serving": {"replica": 1}}, "field not declared in schema"),
        ({"serving": {"replicas": -1}}, "greater than or equal to 1"),
        ({"serving": {"replicas": 1000}}, "less than or equal to 50"),
        (
            {"serving": {"resources": {"requests": {"cpu": 2}, "limits": {"cpu": "500m"}}}},
            "requests.cpu must not be more",
        ),
        (
            {"serving": {"resources": {"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}}}},
            "requests.memory must",
        ),
        ({"serving": {"resources": {"limits": {"cpu": "much"}}}}, "must be a quantity"),
        ({"serving": {"resources": {"limits": {"gpu": 1}}}}, "field not declared in schema"),
        ({"rollout": {"progressDeadline": "5 minutes"}}, "should match"),
        ({"rollout": {"progressDeadline": "0s"}}, "longer than zero"),
        ({"rollout": {"steps": [{}]}}, "exactly one of shadow, weight, pause and approval"),
        ({"rollout": {"steps": [{"weight": 5, "pause": "1m"}]}}, "exactly one of shadow, weight, pause and approval"),
        ({"rollout": {"steps": [{"weight": 100}]}}, "less than or equal to 99"),
        ({"rollout": {"steps": [{"weight": 0}]}}, "greater than or equal to 1"),
        ({"rollout": {"steps": [{"weight": 50}, {"pause": "1m"}, {"weight": 5}]}}, "weights must grow"),
        ({"rollout": {"steps": [{"weight": 5}, {"weight": 5}]}}, "weights must grow"),
        ({"rollout": {"steps": [{"approval": {}}, {"approval": {}}]}}, "one approval at most"),
        ({"rollout": {"steps": [{"pause": "5 minutes"}]}}, "should match"),
        ({"rollout": {"steps": [{"weight": 5}, {"shadow": "5m"}]}}, "before the first weight"),
        ({"rollout": {"steps": [{"weight": 5}], "analysis": {"limits": {}}}}, "at least one limit"),
        ({"rollout": {"analysis": {"limits": {"errorRate": "0.01"}}}}, "analysis needs a step"),
        ({"rollout": {"watch": "1h", "analysis": {"limits": {"errorRate": "1.0"}}}}, "should match"),
        ({"rollout": {"watch": "1h", "analysis": {"limits": {"errorRate": "0.00"}}}}, "should match"),
        ({"rollout": {"watch": "1h", "analysis": {"limits": {"errorRate": "NaN"}}}}, "should match"),
        ({"rollout": {"watch": "1h", "analysis": {"limits": {"latency": {"limit": "5 ms"}}}}}, "should match"),
        ({"rollout": {"watch": "1h", "analysis": {"limits": {"recallLoss": "0.05"}}}}, "need monitoring.enabled"),
        ({"monitoring": {"drift": {"ranges": [{"feature": "heat"}]}}}, "needs min, max or both"),
        ({"monitoring": {"drift": {"ranges": [{"feature": "heat", "min": 2, "max": 1}]}}}, "must be below its max"),
        (
            {"monitoring": {"drift": {"ranges": [{"feature": "heat", "min": 1}, {"feature": "heat", "min": 2}]}}},
            "duplicate entries for key",
        ),
        ({"monitoring": {"drift": {"window": {"rows": 100}}}}, "minRows must not be above rows"),
        (
            {
                "rollout": {
                    "traffic": {"provider": "Direct"},
                    "watch": "1h",
                    "analysis": {"limits": {"errorRate": "0.05"}},
                }
            },
            "need rollout.traffic.provider Envoy",
        ),
        (
            {
                "rollout": {"watch": "1h", "analysis": {"limits": {"disagreement": "0.05"}}},
                "monitoring": {"enabled": False},
            },
            "need monitoring.enabled",
        ),
        ({"rollout": {"windows": [{"kind": "Allow", "cron": "0 25 * * *", "duration": "1h"}]}}, "should match"),
        ({"rollout": {"windows": [{"kind": "Allow", "cron": "0 14 * * 6"}]}}, "duration: Required value"),
        ({"rollout": {"windows": [{"kind": "Never", "cron": "0 14 * * 6", "duration": "1h"}]}}, "Unsupported value"),
        ({"rollout": {"traffic": {"provider": "Nginx"}}}, "Unsupported value"),
        ({"rollout": {"traffic": {"provider": "GatewayAPI"}}}, "gateway with provider GatewayAPI"),
        ({"rollout": {"traffic": {"gateway": EDGE}}}, "gateway with provider GatewayAPI"),
        ({"rollout": {"traffic": {"provider": "GatewayAPI", "gateway": {"parentRefs": []}}}}, "at least 1 items"),
        ({"rollout": {"traffic": {"provider": "GatewayAPI", "gateway": EDGE, "stickyBy": "x"}}}, "stickyBy needs"),
        (
            {"rollout": {"traffic": {"provider": "GatewayAPI", "gateway": {**EDGE, "grpcHostnames": ["a.example"]}}}},
            "grpcHostnames needs hostnames",
        ),
        ({"rollout": {"traffic": {"provider": "Direct", "stickyBy": "x-asset-id"}}}, "stickyBy needs provider Envoy"),
        ({"rollout": {"traffic": {"stickyBy": "X-Asset: 1"}}}, "should match"),
        ({"rollout": {"traffic": {"provider": "Direct"}, "steps": [{"weight": 5}]}}, "switches all requests at once"),
        (labels({"requestId": "r", "fault": "f"}, enabled=False), "labelsFrom needs"),
        (labels({"asset": "a", "fault": "f"}), "needs requestId, or asset and time"),
        (labels({"requestId": "r", "time": "t", "fault": "f"}), "needs requestId, or asset and time"),
        (labels({"requestId": "r"}), "needs fault or label"),
        (labels({"requestId": "r", "fault": "f", "label": "l"}), "needs fault or label"),
        (labels({"requestId": "r", "fault": "f"}, table='x"; --'), "should match"),
        ({"rollout": {"traffic": {"provider": "Direct"}}, "monitoring": {"enabled": True}}, "copies no requests"),
        ({"monitoring": {"onDrift": "Hold"}}, "need monitoring.enabled: true"),
        ({"monitoring": {"enabled": True, "onAccuracyLoss": "Panic"}}, "supported values"),
        ({"monitoring": {"enabled": True, "recallLoss": "1.0"}}, "should match"),
        ({"monitoring": {"enabled": True, "damping": {"after": "0s"}}}, "longer than zero"),
        ({"retrain": {"schedule": "every night"}}, "should match"),
        ({"retrain": {}}, "spec.retrain.schedule"),
        ({"retrain": {"schedule": "0 3 * * *"}, "source": {"import": IMPORT}}, "need source.train"),
        ({"retrain": {"schedule": "0 3 * * *"}, "source": {"train": PINNED}}, "not pinned by sha256"),
        ({"monitoring": {"enabled": True, "onDrift": "Retrain"}, "source": {"train": PINNED}}, "not pinned by sha256"),
        ({"source": {}}, "exactly one of train and import"),
        ({"source": {"train": TRAIN, "import": IMPORT}}, "exactly one of train and import"),
        ({"source": {"import": {**IMPORT, "data": None}}}, "spec.source.import.data"),
        ({"source": {"import": {**IMPORT, "format": "pickle"}}}, 'supported values: "onnx", "skops", "mlflow"'),
        ({"source": {"import": {**IMPORT, "uri": "pvc://a/../b"}}}, "'..'"),
        ({"source": {"import": {**IMPORT, "uri": "https://a/b", "endpoint": "https://s3.plant"}}}, "s3:// only"),
        ({"source": {"import": {**IMPORT, "features": ["fault"]}}}, "features names the target"),
        ({"source": {"import": {**IMPORT, "features": ["a", "a"]}}}, "duplicate entries"),
        ({"source": {"import": {**IMPORT, "threshold": 1.5}}}, "less than 1"),
        ({"exports": ["c", "c"]}, "duplicate entries"),
        ({"exports": ["pmml"]}, "supported values"),
        ({"source": {"train": {**TRAIN, "target": ""}}}, "at least 1 chars long"),
        ({"source": {"train": {**TRAIN, "data": {"uri": "file:///etc/passwd"}}}}, "uri must start with"),
        ({"source": {"train": {**TRAIN, "data": {"uri": "pvc://a/../b.csv"}}}}, "'..'"),
        ({"source": {"train": {**TRAIN, "data": {"uri": "pvc://a/b.csv", "sha256": "abc"}}}}, "sha256"),
        (
            {"source": {"train": {**TRAIN, "data": {"uri": "pvc://a/b.csv", "endpoint": "https://s3.plant"}}}},
            "s3:// only",
        ),
        ({"source": {"train": {**TRAIN, "features": {"include": ["a"], "exclude": ["b"]}}}}, "not both"),
        (
            {"source": {"train": {**TRAIN, "params": {"randomForest": {"class_weight": "heavy"}}}}},
            "Unsupported value",
        ),
        ({"compression": {"interactions": "Auto"}}, "needs a budget"),
        ({"compression": {"budget": {}, "quantize": {"bits": 8}}}, "not both"),
        ({"compression": {"quantize": {"bits": 99}}}, "less than or equal to 16"),
        ({"validation": {"gates": [{"metric": "recall", "min": "1.5"}]}}, "should match"),
        ({"validation": {"gates": [{"metric": "speed", "min": "0.5"}]}}, "Unsupported value"),
        ({"validation": {"decisionThreshold": {"optimize": "cost"}}}, "costs"),
        ({"validation": {"gates": [{"metric": "f1"}]}}, "either min or maxLossToStable"),
        (
            {"validation": {"gates": [{"metric": "f1", "min": "0.5", "maxLossToStable": "0.1"}]}},
            "either min or maxLossToStable",
        ),
        ({"serving": {"onnxruntime": "1.18"}}, "1.19 or later"),
        ({"source": {"train": {**TRAIN, "groupBy": "a", "timeColumn": "b"}}}, "not both"),
        ({"source": {"train": {**TRAIN, "groupBy": "fault"}}}, "cannot be the target"),
        ({"source": {"train": {**TRAIN, "seed": -1}}}, "greater than or equal to 0"),
        (
            {"source": {"train": {**TRAIN, "params": {"randomForest": {"n_estimators": 0}}}}},
            "greater than or equal to 1",
        ),
    ],
)
def test_a_bad_one_is_refused(kubectl: Kubectl, spec: dict[str, Any], said: str) -> None:
    assert said in refusal(kubectl, **spec)


@pytest.mark.parametrize(
    "columns", [{"requestId": "r", "fault": "f"}, {"asset": "a", "time": "t", "label": "l", "selection": "s"}]
)
def test_labels_may_come_from_a_table(kubectl: Kubectl, columns: dict[str, str]) -> None:
    assert refusal(kubectl, **labels(columns)) == ""


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a" * 46, "at most 45 characters"),
        ("9-axis", "begin with a letter"),
        ("spindle-router", "must not end as"),
        ("spindle-v12", "must not end as"),
    ],
)
def test_a_name_that_its_children_cannot_bear_is_refused(kubectl: Kubectl, name: str, said: str) -> None:
    assert said in refusal(kubectl, name)


def test_a_new_object_is_never_taken_for_finished(kubectl: Kubectl) -> None:
    manifest = fault_model()
    manifest["metadata"] = {"name": "fresh", "namespace": "default"}
    out = kubectl.run("create", "--dry-run=server", "--output=json", "--filename=-", given=json.dumps(manifest))
    assert json.loads(out)["status"] == {"observedGeneration": -1}


@pytest.mark.parametrize("field", ["spec", "spec.source.train.data.uri", "spec.serving.replicas", "status.conditions"])
def test_explain_shows_every_field(kubectl: Kubectl, field: str) -> None:
    assert "<no description>" not in kubectl.run("explain", f"fm.{field}")


def test_a_version_is_immutable(kubectl: Kubectl) -> None:
    crd = json.loads(kubectl.run("get", "crd", "faultmodelversions.andon.dev", "--output=json"))
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert schema["properties"]["spec"]["x-kubernetes-validations"][0]["rule"] == "self == oldSelf"
