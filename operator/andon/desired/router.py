"""Provider Envoy: a router of the FaultModel's own, with its files, and the Service that clients call."""

import hashlib
from collections.abc import Iterable

from andon.api.meta import (
    ANNOTATION_ROUTE,
    COMPONENT_ROUTER,
    GROUP,
    GRPC_PORT,
    HTTP_PORT,
    child_labels,
    router_name,
)
from andon.api.traffic import Traffic
from andon.api.v1alpha1 import Manifest
from andon.core.observed import Identity
from andon.desired.envoy import FOLDER, STATUS_PORT, digest, files
from andon.desired.platform import Platform
from andon.desired.pods import CONTAINER_SECURITY, disruption_budget, metadata, pod_spec
from andon.desired.providers import Asked, Live, note
from andon.desired.scraping import router_annotations

DRAIN_SECONDS = 10


class Envoy:
    """Answers `andon.desired.providers.Provider`."""

    def manifests(self, asked: Asked) -> list[Manifest]:
        """Write the objects of the router."""
        identity = asked.identity
        name, labels = router_name(identity.name), child_labels(identity.name, COMPONENT_ROUTER)
        config = _config(asked)
        bootstrap = hashlib.sha256(config["data"]["envoy.json"].encode()).hexdigest()[:16]
        return [
            config,
            _deployment(identity, name, labels, bootstrap, asked.replicas, asked.platform),
            disruption_budget(identity, name, labels),
            _service(identity, labels),
        ]

    def entrances(self, identity: Identity, traffic: Traffic, live: Live) -> None:
        """Say nothing: Envoy's own word counts, and each pod is asked for it."""


def route_annotation(written: Iterable[Manifest]) -> dict[str, str]:
    """Annotation that makes the kubelet refresh a router pod's files at once: a ConfigMap alone takes a minute.

    Parameters
    ----------
    written
        A FaultModel's manifests; without a router's among them there is no annotation.
    """
    notes = (one["metadata"].get("annotations") or {} for one in written if one["kind"] == "ConfigMap")
    return next(({ANNOTATION_ROUTE: one[ANNOTATION_ROUTE]} for one in notes if ANNOTATION_ROUTE in one), {})


def _config(asked: Asked) -> Manifest:
    config = note(asked)
    config["data"] = files(asked.identity, asked.forwarding, asked.platform.cluster_domain)
    config["metadata"]["annotations"][ANNOTATION_ROUTE] = digest(config["data"])
    return config


def _deployment(
    identity: Identity, name: str, labels: dict[str, str], bootstrap: str, replicas: int, platform: Platform
) -> Manifest:
    container = {
        "name": "envoy",
        "image": platform.images.envoy,
        "imagePullPolicy": platform.images.pull_policy,
        "command": ["envoy"],
        "args": [
            "--config-path",
            f"{FOLDER}/envoy.json",
            "--concurrency",
            "1",
            "--log-level",
            "warning",
            "--disable-hot-restart",
        ],
        "ports": [
            {"name": "http", "containerPort": HTTP_PORT},
            {"name": "grpc", "containerPort": GRPC_PORT},
            {"name": "status", "containerPort": STATUS_PORT},
        ],
        # A container that ends is out of the Service at once; one that is merely late to answer a busy node's probes is
        # the only way to the model, and takes requests all the same.
        "readinessProbe": {
            "httpGet": {"path": "/ready", "port": "status"},
            "periodSeconds": 2,
            "timeoutSeconds": 5,
            "failureThreshold": 15,
        },
        "livenessProbe": {
            "httpGet": {"path": "/stats/prometheus", "port": "status"},
            "periodSeconds": 10,
            "timeoutSeconds": 5,
            "initialDelaySeconds": 10,
        },
        "lifecycle": {"preStop": {"sleep": {"seconds": DRAIN_SECONDS}}},
        "resources": platform.router_resources,
        "securityContext": CONTAINER_SECURITY,
        "volumeMounts": [{"name": "config", "mountPath": FOLDER, "readOnly": True}],
    }
    template = {
        "metadata": {"labels": labels, "annotations": {f"{GROUP}/bootstrap": bootstrap, **router_annotations()}},
        "spec": pod_spec(
            platform.images,
            containers=[container],
            volumes=[{"name": "config", "configMap": {"name": name}}],
            terminationGracePeriodSeconds=DRAIN_SECONDS + 20,
        ),
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(identity, name, labels),
        "spec": {
            "replicas": replicas,
            "revisionHistoryLimit": 1,
            "selector": {"matchLabels": labels},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": template,
        },
    }


def _service(identity: Identity, labels: dict[str, str]) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(identity, identity.name, labels),
        "spec": {
            "selector": labels,
            "ports": [
                {"name": "http", "port": HTTP_PORT, "targetPort": "http"},
                {"name": "grpc", "port": GRPC_PORT, "targetPort": "grpc", "appProtocol": "kubernetes.io/h2c"},
            ],
        },
    }
