"""The PersistentVolumeClaim that keeps the artifacts of a namespace. It outlives every FaultModel."""

from andon.api.meta import FIELD_MANAGER, LABEL_COMPONENT, LABEL_MANAGED_BY, LABEL_NAME
from andon.api.v1alpha1 import Manifest
from andon.desired.platform import Store


def claim(namespace: str, store: Store) -> Manifest | None:
    """Give the claim to create where it is absent; None where artifacts are kept elsewhere."""
    if store.uri:
        return None
    spec: Manifest = {
        "accessModes": [store.access_mode],
        "resources": {"requests": {"storage": store.size}},
    }
    if store.storage_class:
        spec["storageClassName"] = store.storage_class
    labels = {LABEL_NAME: "andon", LABEL_COMPONENT: "store", LABEL_MANAGED_BY: FIELD_MANAGER}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": store.claim, "namespace": namespace, "labels": labels},
        "spec": spec,
    }
