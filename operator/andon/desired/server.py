"""The model server of one version: Triton's Deployment, its headless Service and its disruption budget."""

from andon.api.meta import COMPONENT_SERVER, GRPC_PORT, HTTP_PORT, METRICS_PORT, child_labels, version_name
from andon.api.serving import Serving
from andon.api.v1alpha1 import Manifest
from andon.api.versions import FaultModelVersionSpec
from andon.core.observed import Identity
from andon.desired.platform import Platform
from andon.desired.pods import (
    CONTAINER_SECURITY,
    Mounts,
    add_store,
    disruption_budget,
    environment,
    metadata,
    pod_spec,
)
from andon.desired.scraping import server_annotations

DRAIN_SECONDS = 15
"""How long a server that is to stop still answers: longer than the router needs to learn that its address is gone
(DNS record 5 s, refresh 2 s)."""

EXIT_SECONDS = 20
"""How long Triton waits for requests in flight when it stops."""


_RESTRICTED = "shared-memory,model-repository,trace,logging:andon-admin=$(POD_UID)"
"""Parts of Triton's interface that no client needs: they ask for a header with a value that no client is told."""

_ARGUMENTS = (
    "--model-repository=/models",
    "--model-control-mode=none",
    "--disable-auto-complete-config",
    "--strict-readiness=true",
    f"--exit-timeout-secs={EXIT_SECONDS}",
    "--allow-gpu-metrics=false",
    "--pinned-memory-pool-byte-size=0",
    f"--http-restricted-api={_RESTRICTED}",
    f"--grpc-restricted-protocol={_RESTRICTED}",
)


def server(identity: Identity, version: FaultModelVersionSpec, serving: Serving, platform: Platform) -> list[Manifest]:
    """Write the objects that serve one version."""
    name = version_name(identity.name, version.version)
    labels = child_labels(identity.name, COMPONENT_SERVER, version.version)
    return [
        _service(identity, name, labels),
        disruption_budget(identity, name, labels),
        _deployment(identity, name, labels, version, serving, platform),
    ]


def _service(identity: Identity, name: str, labels: dict[str, str]) -> Manifest:
    # Headless: the router resolves every pod by itself and balances requests, not connections.
    ports = (("http", HTTP_PORT), ("grpc", GRPC_PORT), ("metrics", METRICS_PORT))
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(identity, name, labels),
        "spec": {
            "clusterIP": "None",
            "selector": labels,
            "ports": [{"name": port, "port": number, "targetPort": port} for port, number in ports],
        },
    }


def _deployment(
    identity: Identity,
    name: str,
    labels: dict[str, str],
    version: FaultModelVersionSpec,
    serving: Serving,
    platform: Platform,
) -> Manifest:
    fetch, fetch_mounts = _fetch(identity, version, platform)
    volumes = [
        *fetch_mounts.volumes,
        {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "128Mi"}},
    ]
    template = {
        "metadata": {"labels": labels, "annotations": {"andon.dev/digest": version.digest, **server_annotations()}},
        "spec": pod_spec(
            platform.images,
            initContainers=[fetch],
            containers=[_triton(serving, platform)],
            volumes=volumes,
            terminationGracePeriodSeconds=DRAIN_SECONDS + EXIT_SECONDS + 5,
            **_placement(serving),
        ),
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(identity, name, labels),
        "spec": {
            "replicas": serving.replicas,
            "revisionHistoryLimit": 1,
            "selector": {"matchLabels": labels},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": template,
        },
    }


def _placement(serving: Serving) -> Manifest:
    placement: Manifest = {}
    if serving.node_selector:
        placement["nodeSelector"] = dict(serving.node_selector)
    if serving.tolerations:
        placement["tolerations"] = [
            toleration.model_dump(by_alias=True, exclude_none=True) for toleration in serving.tolerations
        ]
    return placement


def _fetch(identity: Identity, version: FaultModelVersionSpec, platform: Platform) -> tuple[Manifest, Mounts]:
    """The init container that lays out the model folder, every file checked against its digest."""
    mounts = Mounts()
    values = {"TMPDIR": "/tmp", **add_store(mounts, platform, read_only=True)}  # noqa: S108  the container's own
    mounts.add("models", "/models", {"emptyDir": {"sizeLimit": "1Gi"}})
    mounts.add("tmp", "/tmp", {"emptyDir": {"sizeLimit": "1Gi"}})  # noqa: S108
    container = {
        "name": "fetch",
        "image": platform.images.builder,
        "imagePullPolicy": platform.images.pull_policy,
        "args": [
            "fetch",
            f"--digest={version.digest}",
            f"--name={identity.name}",
            f"--version={version.version}",
            "--out=/models",
        ],
        "env": environment(values),
        "resources": {"requests": {"cpu": "50m", "memory": "96Mi"}, "limits": {"memory": "512Mi"}},
        "securityContext": CONTAINER_SECURITY,
        "volumeMounts": mounts.mounts,
    }
    return container, mounts


def _triton(serving: Serving, platform: Platform) -> Manifest:
    own = serving.resources.model_dump(exclude_none=True, exclude_defaults=True)
    resources = {
        part: {**platform.server_resources.get(part, {}), **own.get(part, {})} for part in ("requests", "limits")
    }
    health = {"periodSeconds": 5, "timeoutSeconds": 5, "failureThreshold": 3}
    return {
        "name": "triton",
        "image": serving.image or platform.images.triton,
        "imagePullPolicy": platform.images.pull_policy,
        "command": ["tritonserver"],
        "args": list(_ARGUMENTS),
        "env": [
            {"name": "ORT_DISABLE_TELEMETRY", "value": "1"},
            {"name": "POD_UID", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}},
        ],
        "ports": [
            {"name": "http", "containerPort": HTTP_PORT},
            {"name": "grpc", "containerPort": GRPC_PORT},
            {"name": "metrics", "containerPort": METRICS_PORT},
        ],
        "startupProbe": {
            "httpGet": {"path": "/v2/health/ready", "port": "http"},
            "periodSeconds": 1,
            "timeoutSeconds": 5,
            "failureThreshold": 120,
        },
        "readinessProbe": {"httpGet": {"path": "/v2/health/ready", "port": "http"}, **health},
        "livenessProbe": {"httpGet": {"path": "/v2/health/live", "port": "http"}, **health, "periodSeconds": 10},
        "lifecycle": {"preStop": {"sleep": {"seconds": DRAIN_SECONDS}}},
        "resources": {part: amounts for part, amounts in resources.items() if amounts},
        "securityContext": CONTAINER_SECURITY,
        "volumeMounts": [
            {"name": "models", "mountPath": "/models", "readOnly": True},
            {"name": "shm", "mountPath": "/dev/shm"},  # noqa: S108
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108
        ],
    }
