"""The Kubernetes API, by the official client's asyncio side.

The kinds that Andon touches are known, so their addresses are written here and nothing is asked of discovery.
"""

import json
import time
from collections.abc import Mapping
from typing import Any

import aiohttp
from kubernetes.aio import client, config
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.dynamic.client import DynamicClient
from kubernetes.aio.dynamic.resource import Resource

from andon.api.meta import FIELD_MANAGER, GROUP, VERSION
from andon.api.v1alpha1 import Manifest
from andon.core.access import Right
from andon.desired.monitoring import OPTIONAL_KINDS
from andon.errors import AndonError, ConflictError, ForbiddenError, GoneError, RejectedError, UnavailableError

_KINDS = {
    "FaultModel": ("apis", GROUP, VERSION, "faultmodels"),
    "FaultModelVersion": ("apis", GROUP, VERSION, "faultmodelversions"),
    "Job": ("apis", "batch", "v1", "jobs"),
    "Deployment": ("apis", "apps", "v1", "deployments"),
    "PodDisruptionBudget": ("apis", "policy", "v1", "poddisruptionbudgets"),
    "Pod": ("api", "", "v1", "pods"),
    "Service": ("api", "", "v1", "services"),
    "ConfigMap": ("api", "", "v1", "configmaps"),
    "PersistentVolumeClaim": ("api", "", "v1", "persistentvolumeclaims"),
    "ServiceAccount": ("api", "", "v1", "serviceaccounts"),
    "NetworkPolicy": ("apis", "networking.k8s.io", "v1", "networkpolicies"),
    "Namespace": ("api", "", "v1", "namespaces"),
    "Event": ("api", "", "v1", "events"),
    "HTTPRoute": ("apis", "gateway.networking.k8s.io", "v1", "httproutes"),
    "GRPCRoute": ("apis", "gateway.networking.k8s.io", "v1", "grpcroutes"),
    "Gateway": ("apis", "gateway.networking.k8s.io", "v1", "gateways"),
    "GatewayClass": ("apis", "gateway.networking.k8s.io", "v1", "gatewayclasses"),
    "PrometheusRule": ("apis", "monitoring.coreos.com", "v1", "prometheusrules"),
    "PodMonitor": ("apis", "monitoring.coreos.com", "v1", "podmonitors"),
    "GrafanaDashboard": ("apis", "grafana.integreatly.org", "v1beta1", "grafanadashboards"),
}
_OF_THE_CLUSTER = ("GatewayClass", "Namespace")
_KINDS_KNOWN_FOR = 30.0
"""Seconds that the answer to which optional kinds there are stays good."""
_TIMEOUT = 30.0
_PAGE = 500
_METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


async def connect() -> client.ApiClient:
    """Connect as the pod's service account, or by kubeconfig outside a cluster."""
    configuration = client.Configuration()
    try:
        config.load_incluster_config(client_configuration=configuration)
    except config.ConfigException:
        await config.load_kube_config(client_configuration=configuration)
    return client.ApiClient(configuration=configuration)


class KubernetesCluster:
    """Answers `andon.ports.Cluster`."""

    def __init__(self, api: client.ApiClient) -> None:
        self._dynamic = DynamicClient(api)
        self._optional: tuple[float, frozenset[str]] | None = None

    async def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """Read one object; None where there is none."""
        try:
            return await self._call("get", kind, name=name, namespace=namespace)
        except GoneError:
            return None

    async def find(self, kind: str, namespace: str, labels: Mapping[str, str]) -> list[Manifest]:
        """Read all objects of a kind with all of these labels."""
        selector = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
        answer = await self._call("get", kind, namespace=namespace, label_selector=selector)
        items: list[Manifest] = answer["items"]
        for item in items:  # a list's items come without their kind
            item.setdefault("kind", kind)
            item.setdefault("apiVersion", answer["apiVersion"])
        return items

    async def list_metadata(self, kind: str, namespace: str, label: str = "") -> list[Manifest]:
        """Read the metadata of all objects of a kind, in pages; an empty namespace means all of them."""
        found: list[Manifest] = []
        position = None
        while True:
            query: dict[str, Any] = {"namespace": namespace or None, "limit": _PAGE, "_continue": position}
            if label:
                query["label_selector"] = label
            answer = await self._call("get", kind, header_params={"Accept": _METADATA_ONLY}, **query)
            found += answer["items"] or ()  # a list of metadata without any item has null in its place
            position = answer["metadata"].get("continue")
            if not position:
                return found

    async def optional_kinds(self) -> frozenset[str]:
        """Ask which of `OPTIONAL_KINDS` the API server has; every account may ask."""
        if self._optional is not None and time.monotonic() - self._optional[0] < _KINDS_KNOWN_FOR:
            return self._optional[1]
        groups = {_KINDS[kind][1:3] for kind in OPTIONAL_KINDS}
        there: set[str] = set()
        for group, version in sorted(groups):
            there |= await self._served(f"/apis/{group}/{version}")
        found = frozenset(there & set(OPTIONAL_KINDS))
        self._optional = time.monotonic(), found
        return found

    async def _served(self, path: str) -> set[str]:
        request = self._dynamic.request("get", path, serialize=False, _request_timeout=_TIMEOUT)
        try:
            return {one["kind"] for one in (await self._send(request))["resources"]}
        except GoneError:
            return set()

    async def create(self, manifest: Manifest) -> bool:
        """Create an object; False where one of its name is there already."""
        namespace = manifest["metadata"]["namespace"]
        query = [("fieldManager", FIELD_MANAGER), ("fieldValidation", "Strict")]
        try:
            await self._call("create", manifest["kind"], body=manifest, namespace=namespace, query_params=query)
        except ConflictError:
            return False
        return True

    async def apply(self, manifest: Manifest) -> None:
        """Make an object as written, by server-side apply; fields of ours that others took are taken back."""
        await self._call(
            "server_side_apply",
            manifest["kind"],
            body=manifest,
            name=manifest["metadata"]["name"],
            namespace=manifest["metadata"]["namespace"],
            field_manager=FIELD_MANAGER,
            force_conflicts=True,
            query_params=[("fieldValidation", "Strict")],
        )

    async def annotate(self, live: Manifest, annotations: Mapping[str, str]) -> None:
        """Set annotations of this very object (by its uid)."""
        meta = live["metadata"]
        await self._call(
            "patch",
            live["kind"],
            body={"metadata": {"uid": meta["uid"], "annotations": dict(annotations)}},
            name=meta["name"],
            namespace=meta["namespace"],
            content_type="application/merge-patch+json",
        )

    async def delete(self, live: Manifest) -> None:
        """Delete this very object (by its uid) and what it owns; nothing where it is gone."""
        meta = live["metadata"]
        options = {"preconditions": {"uid": meta["uid"]}, "propagationPolicy": "Background"}
        try:
            await self._call("delete", live["kind"], name=meta["name"], namespace=meta["namespace"], body=options)
        except GoneError:
            return

    async def write_status(self, live: Manifest, status: Manifest) -> None:
        """Replace the status of an object that has not changed since it was read (by its resourceVersion)."""
        resource = self._resource(live["kind"])
        meta = live["metadata"]
        path = f"{resource.path(name=meta['name'], namespace=meta['namespace'])}/status"
        body = {**live, "status": status}
        await self._send(self._dynamic.request("put", path, body=body, serialize=False, _request_timeout=_TIMEOUT))

    async def allowed(self, right: Right) -> bool:
        """Ask whether this account has a right; every account may ask."""
        resource, _, subresource = right.resource.partition("/")
        asked = {
            "group": right.group,
            "resource": resource,
            "subresource": subresource,
            "verb": right.verb,
            "namespace": right.namespace,
            "name": right.name,
        }
        body = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {name: value for name, value in asked.items() if value}},
        }
        path = f"/apis/{body['apiVersion']}/selfsubjectaccessreviews"
        request = self._dynamic.request("post", path, body=body, serialize=False, _request_timeout=_TIMEOUT)
        return bool((await self._send(request))["status"]["allowed"])

    def _resource(self, kind: str) -> Resource:
        prefix, group, version, plural = _KINDS[kind]
        namespaced = kind not in _OF_THE_CLUSTER
        return Resource(prefix=prefix, group=group, api_version=version, kind=kind, name=plural, namespaced=namespaced)

    async def _call(self, method: str, kind: str, **arguments: Any) -> Manifest:  # noqa: ANN401  passed through
        call = getattr(self._dynamic, method)
        return await self._send(call(self._resource(kind), serialize=False, _request_timeout=_TIMEOUT, **arguments))

    @staticmethod
    async def _send(request: Any) -> Manifest:  # noqa: ANN401  the client publishes no types
        try:
            response = await request
            answer: Manifest = await response.json()
        except ApiException as error:
            raise _domain_error(error) from error
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise UnavailableError(f"the API server does not answer: {error or type(error).__name__}") from error
        return answer


def _domain_error(error: ApiException) -> AndonError:
    message = _message(error)
    if error.status == 404:
        return GoneError(message)
    if error.status == 409:
        return ConflictError(message)
    if error.status in (401, 403):
        return ForbiddenError(message)
    if error.status in (400, 422):
        return RejectedError(message)
    return UnavailableError(message, _retry_after(error))


def _message(error: ApiException) -> str:
    try:
        return str(json.loads(error.body or "")["message"])
    except (TypeError, ValueError, KeyError):
        return f"{error.status} {error.reason}"


def _retry_after(error: ApiException) -> float | None:
    value = (error.headers or {}).get("Retry-After", "")
    return float(value) if str(value).isdigit() else None
