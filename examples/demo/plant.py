"""A plant: a namespace that enforces Pod Security `restricted`, and the machine's data on a claim in it."""

from examples.demo.data import MachineData
from examples.demo.reach import Manifest, Reach
from lab.errors import LabError

NAMESPACE = "press-shop"
LOADER = "data-loader"
POD_SECONDS = 180
SMALLEST_CLAIM_MB = 100

_WRITER = """
import hashlib, os, sys
digest = hashlib.sha256()
with open(sys.argv[1] + ".part", "wb") as out:
    while block := sys.stdin.buffer.read(1 << 20):
        out.write(block)
        digest.update(block)
os.replace(sys.argv[1] + ".part", sys.argv[1])
print(digest.hexdigest())
"""

# A container's first process is spared signals that it has no handler for, and would stay for the whole grace period.
_WAITER = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit()); signal.pause()"


def namespace(reach: Reach) -> str:
    """Have the namespace, and say what became of it."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    meta = {"name": NAMESPACE, "labels": labels}
    return reach.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": meta})


def put(reach: Reach, image: str, data: MachineData, claim: str, name: str) -> None:
    """Put the data on a claim under a name, through a pod of the builder's image.

    Raises
    ------
    LabError
        `DataDamaged` where other bytes arrived, or what kubectl says.
    """
    if reach.get(NAMESPACE, "persistentvolumeclaim", claim) is None:
        reach.apply(claim_manifest(claim, data.bytes))
    pod = (f"--namespace={NAMESPACE}", "pod", LOADER)
    reach.kubectl("delete", *pod, "--ignore-not-found")
    reach.apply(loader_manifest(image, claim))
    try:
        reach.kubectl("wait", *pod[:1], f"pod/{LOADER}", "--for=condition=Ready", f"--timeout={POD_SECONDS}s")
        command = ("exec", pod[0], "--stdin", LOADER, "--", "python3", "-c", _WRITER, f"/data/{name}")
        arrived = reach.kubectl(*command, source=data.file).strip()
    finally:
        reach.kubectl("delete", *pod, "--ignore-not-found", "--wait=false")
    if arrived != data.sha256:
        found = f"{data.file.name} has sha256 {data.sha256}, on the claim it has {arrived}"
        raise LabError("DataDamaged", found, remedy="run the demo again")


def claim_manifest(name: str, data_bytes: int) -> Manifest:
    """Give a claim with room for the data twice."""
    megabytes = max(SMALLEST_CLAIM_MB, 2 * data_bytes // (1 << 20) + 1)
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": f"{megabytes}Mi"}}},
    }


def loader_manifest(image: str, claim: str) -> Manifest:
    """Give a pod that does nothing but mount the claim at /data."""
    container = {
        "name": LOADER,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-c", _WAITER],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": LOADER, "namespace": NAMESPACE},
        "spec": {
            "automountServiceAccountToken": False,
            "restartPolicy": "Never",
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 65532,
                "fsGroup": 65532,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [container],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}],
        },
    }
