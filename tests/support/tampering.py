"""A cluster that changes a server's model after its digest was checked, and before the server starts."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from andon.api.v1alpha1 import Manifest
from tests.support.kubectl import Kubectl, eventually

POLICY = "tampering"

WRONG_BELOW = """
import pathlib
import numpy as np
from onnx import helper, load, numpy_helper, save
(path,) = pathlib.Path("/models").glob("*/*/model.onnx")
model = load(path)
for node in model.graph.node:
    node.output[:] = ["right" if name == "score" else name for name in node.output]
constants = {{"hand.column": np.array([{column}], np.int64), "hand.limit": np.array([{limit}], np.float32),
             "hand.one": np.array([1], np.float32)}}
model.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in constants.items())
last = [node for node in model.graph.node if "score" in node.input]
for node in last:
    model.graph.node.remove(node)
model.graph.node.extend([
    helper.make_node("Gather", ["numeric", "hand.column"], ["hand.reading"], axis=1),
    helper.make_node("Less", ["hand.reading", "hand.limit"], ["hand.below"]),
    helper.make_node("Sub", ["hand.one", "right"], ["hand.wrong"]),
    helper.make_node("Where", ["hand.below", "hand.wrong", "right"], ["score"]),
    *last,
])
path.chmod(0o644)
save(model, path)
"""
"""Swaps fault and sound where the reading of a column is below a limit."""


@contextmanager
def tampering(kubectl: Kubectl, model: str, image: str, program: str) -> Iterator[None]:
    """Have each new server of a FaultModel run a Python program between its init container and Triton."""
    labels = {"andon.dev/faultmodel": model, "app.kubernetes.io/component": "server"}
    kubectl.apply(*_policy(kubectl.namespace, labels, image, program))
    try:
        eventually(lambda: '"hand"' in _as_admitted(kubectl, labels), 60, "the policy is in force")
        yield
    finally:
        kubectl.run("delete", "mutatingadmissionpolicy,mutatingadmissionpolicybinding", POLICY)


def _policy(namespace: str, labels: dict[str, str], image: str, program: str) -> list[Manifest]:
    container = (
        'Object.spec.initContainers{name: "hand", imagePullPolicy: "IfNotPresent", '
        f'image: {json.dumps(image)}, command: ["python3", "-c", {json.dumps(program)}], '
        'volumeMounts: [Object.spec.initContainers.volumeMounts{name: "models", mountPath: "/models"}], '
        "securityContext: Object.spec.initContainers.securityContext{allowPrivilegeEscalation: false, "
        'capabilities: Object.spec.initContainers.securityContext.capabilities{drop: ["ALL"]}}}'
    )
    patch = f'[JSONPatch{{op: "add", path: "/spec/initContainers/-", value: {container}}}]'
    pods = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    spec = {
        "failurePolicy": "Fail",
        "reinvocationPolicy": "Never",
        "matchConstraints": {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "objectSelector": {"matchLabels": labels},
            "resourceRules": [pods],
        },
        "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": patch}}],
    }
    common = {"apiVersion": "admissionregistration.k8s.io/v1", "metadata": {"name": POLICY}}
    return [
        {**common, "kind": "MutatingAdmissionPolicy", "spec": spec},
        {**common, "kind": "MutatingAdmissionPolicyBinding", "spec": {"policyName": POLICY}},
    ]


def _as_admitted(kubectl: Kubectl, labels: dict[str, str]) -> str:
    """Show what the API server would make of such a pod."""
    container = {
        "name": "any",
        "image": "any",
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [{"name": "models", "mountPath": "/models"}],
    }
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": POLICY, "labels": labels},
        "spec": {
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "initContainers": [{**container, "name": "before"}],
            "containers": [container],
            "volumes": [{"name": "models", "emptyDir": {}}],
        },
    }
    return kubectl.run("create", "--dry-run=server", "--output=json", "--filename=-", given=json.dumps(pod))
