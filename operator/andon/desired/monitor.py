"""The monitor of a namespace: one for all FaultModels there that have monitoring enabled, and owned by all of them."""

from collections.abc import Sequence

from pydantic import ValidationError

from andon.api.meta import (
    API_VERSION,
    COMPONENT_MONITOR,
    FIELD_MANAGER,
    GRPC_PORT,
    HTTP_PORT,
    LABEL_COMPONENT,
    LABEL_MANAGED_BY,
    LABEL_NAME,
    MONITOR_API_PORT,
    MONITOR_NAME,
    MONITOR_PAGE_PORT,
    MONITOR_TLS_PORT,
)
from andon.api.monitoring import LabelsFrom
from andon.api.v1alpha1 import Manifest
from andon.core.observed import Identity
from andon.desired.declarations import DECLARATIONS, declared
from andon.desired.label_tables import LabelSource, add_label_tables
from andon.desired.monitor_keeping import add_database, add_keeping, add_tls
from andon.desired.platform import Platform
from andon.desired.pods import CONTAINER_SECURITY, Mounts, add_store, environment, pod_spec

STOP_SECONDS = 30
"""How long the monitor may take to write what waits, when it stops: its own limit is 20 s."""

LABELS = {LABEL_NAME: "andon", LABEL_COMPONENT: COMPONENT_MONITOR, LABEL_MANAGED_BY: FIELD_MANAGER}
"""None of them names a FaultModel: it belongs to several."""


def owners_of(models: Sequence[Manifest]) -> tuple[Identity, ...]:
    """Give the FaultModels of a namespace that a monitor belongs to, in an order that all of them find alike."""
    watched = [
        model
        for model in models
        if (model["spec"].get("monitoring") or {}).get("enabled") and not model["metadata"].get("deletionTimestamp")
    ]
    metas = sorted((model["metadata"] for model in watched), key=lambda meta: str(meta["name"]))
    return tuple(Identity(meta["namespace"], meta["name"], meta["uid"], meta.get("generation", 0)) for meta in metas)


def declarations_config(owners: Sequence[Identity], models: Sequence[Manifest]) -> Manifest:
    """Write the ConfigMap by which the monitor learns of what people declare of each FaultModel.

    The operator sends nothing with a token of its own: whoever runs a Service in a namespace could use it in another.
    """
    meta = _metadata(owners[0].namespace, owners)
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": declared(models)}


def label_sources_of(models: Sequence[Manifest]) -> tuple[LabelSource, ...]:
    """Give the tables of labels of the FaultModels that a monitor belongs to, in the order of their names.

    A spec that cannot be read is passed over: whoever looks at that FaultModel says so.
    """
    found = []
    for owner in owners_of(models):
        (model,) = [one for one in models if one["metadata"]["name"] == owner.name]
        given = model["spec"]["monitoring"].get("labelsFrom")
        try:
            found += [LabelSource(owner.name, LabelsFrom.model_validate(given).postgres)] if given else []
        except ValidationError:
            continue
    return tuple(found)


def monitor_claim(namespace: str, platform: Platform) -> Manifest:
    """Write the claim for predictions and labels. It is made once, and outlives the monitor: labels are dear."""
    spec: Manifest = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": platform.monitor_size}},
    }
    if platform.store.storage_class:
        spec["storageClassName"] = platform.store.storage_class
    meta = {"name": MONITOR_NAME, "namespace": namespace, "labels": LABELS}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta, "spec": spec}


def monitor(owners: Sequence[Identity], platform: Platform, sources: Sequence[LabelSource] = ()) -> list[Manifest]:
    """Write the service account, the NetworkPolicy, the Service and the Deployment.

    Parameters
    ----------
    owners
        All FaultModels of the namespace that have monitoring enabled; at least one.
    sources
        Tables that labels are read from.
    """
    namespace = owners[0].namespace
    service_ports = [{"name": name, "port": number, "targetPort": name} for name, number in _ports(platform)]
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _metadata(namespace, owners)},
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": _metadata(namespace, owners),
            "spec": _admitted(platform),
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": _metadata(namespace, owners),
            "spec": {"selector": LABELS, "ports": service_ports},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": _metadata(namespace, owners),
            "spec": {
                "replicas": 1,
                "revisionHistoryLimit": 1,
                "selector": {"matchLabels": LABELS},
                # Its database has one writer.
                "strategy": {"type": "Recreate"},
                "template": {"metadata": {"labels": LABELS, "annotations": _SCRAPED}, "spec": _pod(platform, sources)},
            },
        },
    ]


_PAGE = "page"


def _ports(platform: Platform) -> tuple[tuple[str, int], ...]:
    tls = (("api-tls", MONITOR_TLS_PORT),) if platform.monitor_tls.secret else ()
    return ("http", HTTP_PORT), ("grpc", GRPC_PORT), ("api", MONITOR_API_PORT), *tls, (_PAGE, MONITOR_PAGE_PORT)


_SCRAPED = {
    "prometheus.io/scrape": "true",
    "prometheus.io/port": str(MONITOR_API_PORT),
    "prometheus.io/path": "/metrics",
}


def _metadata(namespace: str, owners: Sequence[Identity]) -> Manifest:
    references = [
        {"apiVersion": API_VERSION, "kind": "FaultModel", "name": owner.name, "uid": owner.uid} for owner in owners
    ]
    return {"name": MONITOR_NAME, "namespace": namespace, "labels": LABELS, "ownerReferences": references}


def _admitted(platform: Platform) -> Manifest:
    """Let the page be reached from the namespace alone, and from where the installation says; all else as ever."""
    others = [{"port": number, "protocol": "TCP"} for name, number in _ports(platform) if name != _PAGE]
    page = [{"port": MONITOR_PAGE_PORT, "protocol": "TCP"}]
    return {
        "podSelector": {"matchLabels": LABELS},
        "policyTypes": ["Ingress"],
        "ingress": [{"ports": others}, {"ports": page, "from": [{"podSelector": {}}, *platform.monitor_page_from]}],
    }


def _pod(platform: Platform, sources: Sequence[LabelSource]) -> Manifest:
    mounts = Mounts()
    values = {
        "TMPDIR": "/tmp",  # noqa: S108  the container's own
        "ANDON_MONITOR_DECLARATIONS": DECLARATIONS,
        **add_store(mounts, platform, read_only=True),
    }
    values |= add_database(mounts, platform.monitor_database)
    values |= add_tls(mounts, platform.monitor_tls)
    mounts.add("declarations", DECLARATIONS, {"configMap": {"name": MONITOR_NAME, "optional": True}})
    values |= add_keeping(mounts, platform.monitor_keeping)
    values |= add_label_tables(mounts, sources)
    mounts.add("tmp", "/tmp", {"emptyDir": {"sizeLimit": "256Mi"}})  # noqa: S108
    container = {
        "name": COMPONENT_MONITOR,
        "image": platform.images.monitor,
        "imagePullPolicy": platform.images.pull_policy,
        "args": ["serve"],
        "env": environment(values),
        "ports": [{"name": name, "containerPort": number} for name, number in _ports(platform)],
        "startupProbe": _probe("/readyz", 2, 60),
        "readinessProbe": _probe("/readyz", 5, 3),
        "livenessProbe": _probe("/healthz", 10, 3),
        "resources": platform.monitor_resources,
        "securityContext": CONTAINER_SECURITY,
        "volumeMounts": mounts.mounts,
    }
    return pod_spec(
        platform.images,
        # It asks the API server who sends labels (TokenReview), and nothing else.
        serviceAccountName=MONITOR_NAME,
        automountServiceAccountToken=True,
        containers=[container],
        volumes=mounts.volumes,
        terminationGracePeriodSeconds=STOP_SECONDS,
    )


def _probe(path: str, period: int, failures: int) -> Manifest:
    get = {"path": path, "port": "api"}
    return {"httpGet": get, "periodSeconds": period, "timeoutSeconds": 5, "failureThreshold": failures}
