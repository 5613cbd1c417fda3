"""A plant on the real cluster: a namespace that enforces Pod Security `restricted`, with its data on a claim."""

import json
from dataclasses import dataclass
from pathlib import Path

from andon.api.v1alpha1 import Manifest
from tests.support.kubectl import Kubectl, condition, eventually

NUMERIC = (
    "Air temperature [K]",
    "Process temperature [K]",
    "Rotational speed [rpm]",
    "Torque [Nm]",
    "Tool wear [min]",
)
READY_SECONDS = 420.0
"""A build, the first pull of a server and a switch on a busy machine."""


@dataclass(frozen=True)
class Plant:
    """A namespace with data on the claim `plant-data`."""

    kubectl: Kubectl

    @property
    def namespace(self) -> str:
        return self.kubectl.namespace

    @staticmethod
    def make(namespace: str, image: str, files: dict[str, Path]) -> "Plant":
        """Make a namespace and put files on its claim, through a pod of the builder's image."""
        kubectl = Kubectl(namespace)
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}})
        kubectl.apply(_claim(), _loader(image))
        eventually(lambda: _ready(kubectl.get("pod", "loader")), 120, "the pod that loads the data")
        for name, path in files.items():
            kubectl.copy_in("loader", path, f"/data/{name}")
        kubectl.run("delete", "pod", "loader", "--grace-period=0", "--force", "--wait=false")
        return Plant(kubectl)

    def remove(self) -> None:
        """Delete the namespace."""
        self.kubectl.run("delete", "namespace", self.namespace, "--wait=false", "--ignore-not-found")

    def model(self, name: str) -> Manifest:
        """Read a FaultModel."""
        found = self.kubectl.get("faultmodel", name)
        assert found is not None, f"there is no FaultModel {name}"
        return found

    def wait(self, name: str, kind: str, status: str, deadline: float = READY_SECONDS, reason: str = "") -> Manifest:
        """Wait until a condition of a FaultModel holds for its current generation."""

        def holds() -> Manifest | None:
            model = self.model(name)
            found, why, _ = condition(model, kind)
            current = model["status"].get("observedGeneration") == model["metadata"]["generation"]
            return model if current and found == status and reason in ("", why) else None

        try:
            return eventually(holds, deadline, f"{kind}={status} {reason} of {name}")
        except AssertionError as error:
            status_now = json.dumps(self.model(name).get("status"), indent=1)
            pods = self.kubectl.run("get", "pods,jobs", "--output=wide", check=False)
            raise AssertionError(f"{error}\n{status_now}\n{pods}") from error


def _ready(pod: Manifest | None) -> bool:
    return any(
        one["type"] == "Ready" and one["status"] == "True"
        for one in ((pod or {}).get("status") or {}).get("conditions") or ()
    )


def _claim() -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "plant-data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "100Mi"}}},
    }


def _loader(image: str) -> Manifest:
    container = {
        "name": "loader",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-c", "import signal; signal.sigwait([signal.SIGTERM])"],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }
    security = {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "fsGroup": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "loader"},
        "spec": {
            "automountServiceAccountToken": False,
            "securityContext": security,
            "containers": [container],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "plant-data"}}],
        },
    }


def fault_model(name: str, uri: str, target: str = "Machine failure", **spec: object) -> Manifest:
    """Write a FaultModel over AI4I's numeric columns."""
    train = {
        "data": {"uri": uri},
        "target": target,
        "features": {"include": list(NUMERIC)},
        "params": {"randomForest": {"n_estimators": 30}},
    }
    return {
        "apiVersion": "andon.dev/v1alpha1",
        "kind": "FaultModel",
        "metadata": {"name": name},
        "spec": {"source": {"train": train}, **spec},
    }
