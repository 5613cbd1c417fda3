"""Storage: folders below the state folder as `local` volumes, bound when a pod comes, and made new after use.

A provisioner would be one more program to build; a pool of ready volumes serves as well on one node. `local` volumes,
unlike hostPath ones, honour fsGroup.
"""

import json
import shutil
from collections.abc import Mapping
from typing import Any

from lab import addons, network
from lab.paths import Paths

STORAGE_CLASS = "lab"
COUNT = 40
CAPACITY = "20Gi"  # more than any claim asks for; nothing enforces it
LABEL = {"andon-lab/pool": "local"}
REUSABLE = {"Released", "Failed"}


def storage_class() -> Mapping[str, Any]:
    default = {"storageclass.kubernetes.io/is-default-class": "true"}
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": STORAGE_CLASS, "annotations": default},
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": "WaitForFirstConsumer",
        "reclaimPolicy": "Retain",
    }


def names() -> list[str]:
    return [f"lab-{number:02}" for number in range(COUNT)]


def volume(paths: Paths, name: str) -> Mapping[str, Any]:
    """Give one volume of the pool."""
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [network.NODE_NAME]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "labels": LABEL},
        "spec": {
            "storageClassName": STORAGE_CLASS,
            "capacity": {"storage": CAPACITY},
            "accessModes": ["ReadWriteOnce", "ReadWriteMany", "ReadOnlyMany"],
            "persistentVolumeReclaimPolicy": "Retain",
            "volumeMode": "Filesystem",
            "local": {"path": str(paths.volumes / name)},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
        },
    }


def ensure(paths: Paths) -> int:
    """Have the class and every volume of the pool; empty and free again those whose claim is gone.

    Returns
    -------
    int
        How many were made new.
    """
    listed = json.loads(addons.kubectl(paths, "get", "persistentvolumes", "--output=json"))["items"]
    phases = {item["metadata"]["name"]: item["status"].get("phase") for item in listed}
    used = [name for name in names() if phases.get(name) in REUSABLE]
    if used:
        addons.kubectl(paths, "delete", "persistentvolume", "--wait", "--timeout=60s", *used)
    fresh = [name for name in names() if name in used or name not in phases]
    for name in fresh:
        shutil.rmtree(paths.volumes / name, ignore_errors=True)
        (paths.volumes / name).mkdir(parents=True)
    addons.apply(paths, [storage_class(), *(volume(paths, name) for name in fresh)])
    return len(fresh)
