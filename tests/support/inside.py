"""A hand inside a running pod: a container beside those that it has, with their volumes and their processes."""

import json

from andon.api.v1alpha1 import Manifest
from tests.support.kubectl import Kubectl, eventually

SPOIL = """
import os, pathlib, signal
(path,) = pathlib.Path("/models").glob("*/*/model.onnx")
path.chmod(0o644)
path.write_bytes(b"no model any more")
os.kill(1, signal.SIGTERM)
"""
"""Makes garbage of the model file that a server has fetched, and ends the server, which the kubelet starts again."""

HALTING = """
import os, pathlib, signal, time
(stub,) = [int(folder.name) for folder in pathlib.Path("/proc").iterdir()
           if folder.name.isdigit() and b"backend_stub" in (folder / "cmdline").read_bytes().split(b"\\0")[0]]
while True:
    os.kill(stub, signal.SIGSTOP)
    time.sleep(0.25)
    os.kill(stub, signal.SIGCONT)
    time.sleep(0.02)
"""
"""Halts the process that asks the model, over and over, so that most answers come 200 ms later."""


def reach_into(kubectl: Kubectl, selector: str, image: str, program: str) -> str:
    """Run a Python program in the one pod with these labels; give the pod's name."""
    (pod,) = kubectl.find("pods", selector)
    container = {
        "name": "hand",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "targetContainerName": "triton",
        "command": ["python3", "-c", program],
        "securityContext": pod["spec"]["containers"][0]["securityContext"],
        "volumeMounts": [{"name": "models", "mountPath": "/models"}],
    }
    pod["spec"]["ephemeralContainers"] = [container]
    name = str(pod["metadata"]["name"])
    path = f"/api/v1/namespaces/{kubectl.namespace}/pods/{name}/ephemeralcontainers"
    kubectl.run("replace", "--raw", path, "--filename=-", given=json.dumps(pod))
    return name


def spoil_model(kubectl: Kubectl, selector: str, image: str) -> None:
    """Make garbage of the model that the one pod with these labels serves, and wait until its server has been ended."""
    (pod,) = kubectl.find("pods", selector)
    before = _restarts(pod)
    name = reach_into(kubectl, selector, image, SPOIL)

    def ended() -> bool:
        found = kubectl.get("pod", name)
        return found is None or _restarts(found) > before

    try:
        eventually(ended, 90, "the server has been ended")
    except AssertionError as error:
        raise AssertionError(f"{error}\n{kubectl.run('logs', name, '--container=hand', check=False)}") from error


def _restarts(pod: Manifest) -> int:
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return sum(one["restartCount"] + ("terminated" in one["state"]) for one in statuses if one["name"] == "triton")
