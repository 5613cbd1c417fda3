"""What all our pods share: the security of Pod Security `restricted`, volumes of the store, owners, budgets."""

from typing import Any

from andon.api.meta import API_VERSION
from andon.api.v1alpha1 import Manifest
from andon.core.observed import Identity
from andon.desired.platform import Images, Platform

USER = 65532

CONTAINER_SECURITY: dict[str, Any] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
}


def metadata(identity: Identity, name: str, labels: dict[str, str]) -> Manifest:
    """Metadata of a child that goes when its FaultModel goes."""
    return {
        "name": name,
        "namespace": identity.namespace,
        "labels": labels,
        "ownerReferences": [
            {
                "apiVersion": API_VERSION,
                "kind": "FaultModel",
                "name": identity.name,
                "uid": identity.uid,
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ],
    }


def pod_spec(images: Images, **parts: object) -> Manifest:
    """Write a pod spec that passes Pod Security `restricted` and has no access to the Kubernetes API."""
    spec: Manifest = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        **parts,
    }
    if images.pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in images.pull_secrets]
    return spec


def disruption_budget(identity: Identity, name: str, labels: dict[str, str]) -> Manifest:
    """Let a drain take one pod at a time. With one replica it takes that one: a node must be drainable."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(identity, name, labels),
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": labels}},
    }


def environment(values: dict[str, str]) -> list[dict[str, str]]:
    """Write environment variables, sorted by name."""
    return [{"name": name, "value": value} for name, value in sorted(values.items())]


class Mounts:
    """Volumes of a pod and where one container sees them."""

    def __init__(self) -> None:
        self.volumes: list[Manifest] = []
        self.mounts: list[Manifest] = []

    def add(self, name: str, path: str, volume: Manifest, *, read_only: bool = False) -> None:
        """Mount a volume; one that is there under the same name, or at the same place, is used again."""
        if all(known["name"] != name for known in self.volumes):
            self.volumes.append({"name": name, **volume})
        mount = {"name": name, "mountPath": path, **({"readOnly": True} if read_only else {})}
        if mount not in self.mounts:
            self.mounts.append(mount)


def add_store(mounts: Mounts, platform: Platform, *, read_only: bool) -> dict[str, str]:
    """Mount the artifact store; give the environment that tells the builder where it is."""
    store = platform.store
    if not store.uri:
        claim = {"persistentVolumeClaim": {"claimName": store.claim}}
        mounts.add(claim_volume(store.claim), "/store", claim, read_only=read_only)
        return {"ANDON_STORE": "/store"}
    values = {"ANDON_STORE": store.uri}
    if store.endpoint:
        values["ANDON_STORE_ENDPOINT"] = store.endpoint
    if store.credentials_secret:
        secret = {"secret": {"secretName": store.credentials_secret}}
        mounts.add("store-credentials", "/etc/andon/store-credentials", secret, read_only=True)
        values["ANDON_STORE_CREDENTIALS"] = "/etc/andon/store-credentials"
    if store.ca_config_map:
        mounts.add("store-ca", "/etc/andon/store-ca", {"configMap": {"name": store.ca_config_map}}, read_only=True)
        values["ANDON_STORE_CA_BUNDLE"] = f"/etc/andon/store-ca/{store.ca_key}"
    return values


def claim_volume(claim: str) -> str:
    """Name of the volume of a PersistentVolumeClaim: the store and the data may be one claim."""
    return f"claim-{claim}"[:63].rstrip("-.").replace(".", "-")
