"""A plant on the real cluster: a namespace that enforces Pod Security `restricted`, with its data on a claim."""

import base64
import json
from collections.abc import Callable
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
CATEGORICAL = ("Type",)
READY_SECONDS = 240.0
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
        kubectl.apply(_claim())
        plant = Plant(kubectl)
        plant.put(image, files)
        return plant

    def put(self, image: str, files: dict[str, Path]) -> None:
        """Put files on the claim of the data; those that are there are replaced."""
        self.kubectl.apply(_pod("loader", image, "plant-data"))
        eventually(lambda: _ready(self.kubectl.get("pod", "loader")), 120, "the pod that loads the data")
        for name, path in files.items():
            self.kubectl.copy_in("loader", path, f"/data/{name}")
        self.kubectl.run("delete", "pod", "loader", "--grace-period=0", "--force", "--wait=false")
        self.until_gone("pod", "loader")

    def remove(self) -> None:
        """Delete the namespace."""
        self.kubectl.run("delete", "namespace", self.namespace, "--wait=false", "--ignore-not-found")

    def model(self, name: str) -> Manifest:
        """Read a FaultModel."""
        found = self.kubectl.get("faultmodel", name)
        assert found is not None, f"there is no FaultModel {name}"
        return found

    def until(
        self, name: str, true: Callable[[Manifest], bool], what: str, deadline: float = READY_SECONDS
    ) -> Manifest:
        """Wait until something is so of a FaultModel."""

        def look() -> Manifest | None:
            model = self.model(name)
            return model if true(model) else None

        return eventually(look, deadline, what)

    def until_gone(self, kind: str, name: str, deadline: float = 120) -> None:
        """Wait until an object is gone."""
        eventually(lambda: self.kubectl.get(kind, name) is None, deadline, f"{kind} {name} is gone")

    def until_no_pods(self, selector: str, deadline: float = 120) -> None:
        """Wait until no pod with these labels is left."""
        eventually(lambda: not self.kubectl.find("pods", selector), deadline, f"no pod with {selector}")

    def until_ready_pod(self, selector: str, deadline: float = 120) -> None:
        """Wait until there is a ready pod with these labels, and none that goes away."""

        def look() -> bool:
            pods = self.kubectl.find("pods", selector)
            return bool(pods) and all(_ready(pod) and "deletionTimestamp" not in pod["metadata"] for pod in pods)

        eventually(look, deadline, f"a ready pod with {selector}")

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


def read_store(plant: Plant, name: str, path: str) -> bytes:
    """Read a file of the stable version's artifact from the store."""
    digest = plant.model(name)["status"]["stable"]["digest"]
    file = f"/data/artifacts/{digest.removeprefix('sha256:')}/{path}"
    text = in_store(plant, name, f"import base64; print(base64.b64encode(open({file!r}, 'rb').read()).decode())")
    return base64.b64decode(text)


def in_store(plant: Plant, name: str, program: str) -> str:
    """Run a Python program in a pod of its own that has the store at /data; give what it prints."""
    server = f"{name}-v{plant.model(name)['status']['stable']['version']}"
    deployment = plant.kubectl.get("deployment", server)
    assert deployment is not None
    image = deployment["spec"]["template"]["spec"]["initContainers"][0]["image"]
    plant.kubectl.apply(_pod("store-reader", image, "andon-artifacts"))
    eventually(lambda: _ready(plant.kubectl.get("pod", "store-reader")), 120, "the pod that has the store")
    text = plant.kubectl.run("exec", "store-reader", "--", "python3", "-c", program)
    plant.kubectl.run("delete", "pod", "store-reader", "--grace-period=0", "--force", "--wait=true")
    return text


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


def _pod(name: str, image: str, claim: str) -> Manifest:
    """A pod that does nothing but mount a claim at /data."""
    container = {
        "name": name,
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
        "metadata": {"name": name},
        "spec": {
            "automountServiceAccountToken": False,
            "securityContext": security,
            "containers": [container],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}],
        },
    }


def fault_model(name: str, uri: str, target: str = "Machine failure", **spec: object) -> Manifest:
    """Write a FaultModel over AI4I's readings and the product's type."""
    train = {
        "data": {"uri": uri},
        "target": target,
        "features": {"include": [*NUMERIC, *CATEGORICAL]},
        "params": {"randomForest": {"n_estimators": 30}},
    }
    return {
        "apiVersion": "andon.dev/v1alpha1",
        "kind": "FaultModel",
        "metadata": {"name": name},
        "spec": {"source": {"train": train}, **spec},
    }
