"""The cluster as a person's kubeconfig shows it: reads FaultModels and what belongs to them, sets annotations."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import urllib3
import yaml
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException

from andon.api.meta import (
    COMPONENT_MONITOR,
    COMPONENT_ROUTER,
    COMPONENT_SERVER,
    GROUP,
    LABEL_COMPONENT,
    LABEL_FAULT_MODEL,
    LABEL_VERSION,
    VERSION,
)
from andon.api.v1alpha1 import Manifest
from andon.cli.errors import CliError, closest, listed, shown, unreachable

_TIMEOUT = (5, 15)
"""Seconds to connect, and to wait for an answer."""
_BROKEN_CONFIG = (ConfigException, OSError, ValueError, TypeError, KeyError, AttributeError, yaml.YAMLError)
"""What the official client raises where a kubeconfig is none."""
_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


class Cluster:
    """One cluster, with a person's rights.

    Attributes
    ----------
    namespace
        Where names are looked up unless a person says otherwise.
    inside
        Whether this runs in a pod of the cluster, so that Services can be reached by their names.
    """

    def __init__(self, configuration: client.Configuration, namespace: str, *, inside: bool = False) -> None:
        configuration.retries = urllib3.Retry(total=1, backoff_factor=0.2)
        self.configuration = configuration
        self.namespace = namespace
        self.inside = inside
        api = client.ApiClient(configuration)
        self._core: Any = client.CoreV1Api(api)
        self._custom: Any = client.CustomObjectsApi(api)

    def fault_model(self, namespace: str, name: str) -> Manifest:
        """Read a FaultModel.

        Raises
        ------
        CliError
            ``NotFound`` with the names that are there, or why the cluster does not answer.
        """
        try:
            found: Manifest = _call(
                lambda: self._custom.get_namespaced_custom_object(
                    GROUP, VERSION, namespace, "faultmodels", name, _request_timeout=_TIMEOUT
                )
            )
        except ApiException as error:
            if error.status == 404:
                raise self._not_found(namespace, name, error) from error
            raise refused(error, f"FaultModel {name} in namespace {namespace}") from error
        return found

    def annotate(self, manifest: Manifest, annotations: Mapping[str, str | None]) -> None:
        """Set annotations of this very FaultModel, by its uid; None takes one away.

        Raises
        ------
        CliError
            Why the cluster does not take it.
        """
        meta = manifest["metadata"]
        place = (GROUP, VERSION, meta["namespace"], "faultmodels", meta["name"])
        body = {"metadata": {"uid": meta["uid"], "annotations": dict(annotations)}}
        try:
            _call(
                lambda: self._custom.patch_namespaced_custom_object(
                    *place, body, _content_type="application/merge-patch+json", _request_timeout=_TIMEOUT
                )
            )
        except ApiException as error:
            what = f"FaultModel {meta['name']} in namespace {meta['namespace']}"
            raise refused(error, what, "change") from error

    def versions(self, namespace: str, name: str) -> list[Manifest]:
        """Read the FaultModelVersions of a FaultModel, the newest first."""
        found = self._versions(namespace)
        mine = [version for version in found if version.get("spec", {}).get("faultModelName") == name]
        return sorted(mine, key=lambda version: int(version["spec"].get("version", 0)), reverse=True)

    def events(self, namespace: str, name: str) -> list[Manifest]:
        """Read the Events about a FaultModel, in no order."""
        selector = f"involvedObject.kind=FaultModel,involvedObject.name={name}"
        return self._list(self._core.list_namespaced_event, "events", namespace, field_selector=selector)

    def router_pods(self, namespace: str, name: str) -> list[Manifest]:
        """Read the router's pods of a FaultModel."""
        return self._pods(namespace, f"{LABEL_FAULT_MODEL}={name},{LABEL_COMPONENT}={COMPONENT_ROUTER}")

    def server_pods(self, namespace: str, name: str, version: int) -> list[Manifest]:
        """Read the model server's pods of a version."""
        labels = {LABEL_FAULT_MODEL: name, LABEL_COMPONENT: COMPONENT_SERVER, LABEL_VERSION: str(version)}
        return self._pods(namespace, ",".join(f"{key}={value}" for key, value in labels.items()))

    def _pods(self, namespace: str, selector: str) -> list[Manifest]:
        return self._list(self._core.list_namespaced_pod, "pods", namespace, label_selector=selector)

    def monitor_pods(self, namespace: str) -> list[Manifest]:
        """Read the pods of a namespace's monitor."""
        return self._pods(namespace, f"{LABEL_COMPONENT}={COMPONENT_MONITOR}")

    def config_map(self, namespace: str, name: str) -> Manifest | None:
        """Read a ConfigMap; None where there is none."""
        selector = f"metadata.name={name}"
        found = self._list(self._core.list_namespaced_config_map, "configmaps", namespace, field_selector=selector)
        return next(iter(found), None)

    def token(self, namespace: str, account: str, audience: str) -> str:
        """Ask for a token of a service account that is good for ten minutes and for one audience.

        Raises
        ------
        CliError
            Why the cluster gives none.
        """
        body = {"spec": {"audiences": [audience], "expirationSeconds": 600}}
        try:
            answer = _call(
                lambda: self._core.create_namespaced_service_account_token(
                    account, namespace, body, _request_timeout=_TIMEOUT
                )
            )
        except ApiException as error:
            raise refused(error, f"a token of service account {account} in namespace {namespace}", "create") from error
        return str(answer.status.token)

    def _versions(self, namespace: str) -> list[Manifest]:
        try:
            answer: Manifest = _call(
                lambda: self._custom.list_namespaced_custom_object(
                    GROUP, VERSION, namespace, "faultmodelversions", _request_timeout=_TIMEOUT
                )
            )
        except ApiException as error:
            raise refused(error, f"faultmodelversions in namespace {namespace}") from error
        return list(answer.get("items", []))

    def _list(self, read: Callable[..., Any], what: str, namespace: str, **selector: str) -> list[Manifest]:
        try:
            # Raw JSON: the client's own types refuse what they do not know.
            answer = _call(lambda: read(namespace, _preload_content=False, _request_timeout=_TIMEOUT, **selector))
        except ApiException as error:
            raise refused(error, f"{what} in namespace {namespace}") from error
        return list(json.loads(answer.data).get("items") or [])

    def _not_found(self, namespace: str, name: str, error: ApiException) -> CliError:
        if _reason(error) != "NotFound":
            return unreachable(
                "NotInstalled",
                f"this cluster does not know the kind FaultModel ({self.configuration.host}).",
                allowed="a cluster on which Andon is installed",
                remedy="install the chart charts/andon, or choose another cluster with --context",
            )
        here = [other for _, other in self._places(namespace)]
        near = closest(name, here)
        remedy = "check the name and the namespace (-n)"
        if near is not None:
            remedy = f"did you mean {shown(near)}?"
        else:
            places = {other: place for place, other in self._places()}
            near = closest(name, places)
            if near is not None:
                remedy = f"there is {shown(near)} in the namespace {places[near]}: add -n {places[near]}"
        return unreachable(
            "NotFound",
            f"there is no FaultModel {shown(name)} in the namespace {shown(namespace)}.",
            allowed=listed(here) if here else "",
            remedy=remedy,
        )

    def _places(self, namespace: str | None = None) -> list[tuple[str, str]]:
        """Namespace and name of the FaultModels that this person may see; none where they may see none."""
        answer: Manifest
        try:
            if namespace is None:
                answer = self._custom.list_cluster_custom_object(
                    GROUP, VERSION, "faultmodels", _request_timeout=_TIMEOUT
                )
            else:
                answer = self._custom.list_namespaced_custom_object(
                    GROUP, VERSION, namespace, "faultmodels", _request_timeout=_TIMEOUT
                )
        except (ApiException, urllib3.exceptions.HTTPError):
            return []
        return [(item["metadata"]["namespace"], item["metadata"]["name"]) for item in answer.get("items", [])]


def connect(kubeconfig: str | None = None, context: str | None = None) -> Cluster:
    """Find the cluster as kubectl does: ``--kubeconfig``, ``$KUBECONFIG``, ``~/.kube/config``, then the pod's own.

    Raises
    ------
    CliError
        ``NoKubeconfig``: there is none, or it has not that context.
    """
    explicit = kubeconfig is not None or context is not None or bool(os.environ.get("KUBECONFIG"))
    if not explicit and not Path("~/.kube/config").expanduser().exists() and _NAMESPACE_FILE.exists():
        return _inside()
    configuration = client.Configuration()
    try:
        contexts, current = _contexts(kubeconfig)
        config.load_kube_config(config_file=kubeconfig, context=context, client_configuration=configuration)
    except _BROKEN_CONFIG as error:
        raise unreachable(
            "NoKubeconfig",
            f"there is no usable kubeconfig: {_one_line(error)}.",
            allowed="--kubeconfig FILE, the variable KUBECONFIG, or ~/.kube/config; --context NAME for one of its"
            " contexts",
            remedy="check with: kubectl config get-contexts",
        ) from error
    chosen = current if context is None else next(known for known in contexts if known["name"] == context)
    namespace = chosen.get("context", {}).get("namespace") or "default"
    return Cluster(configuration, namespace)


def _contexts(kubeconfig: str | None) -> tuple[list[Manifest], Manifest]:
    found: Any = config.list_kube_config_contexts(config_file=kubeconfig)
    contexts, current = found
    return contexts, current


def _inside() -> Cluster:
    configuration = client.Configuration()
    config.load_incluster_config(client_configuration=configuration)
    return Cluster(configuration, _NAMESPACE_FILE.read_text().strip(), inside=True)


def refused(error: ApiException, what: str, deed: str = "read") -> CliError:
    """Describe what the API server answered instead of doing what a person asked."""
    status = int(error.status or 0)
    if status == 401:
        return unreachable(
            "Unauthorized",
            "the cluster does not accept your credentials.",
            remedy="log in again; check with: kubectl auth whoami",
        )
    if status == 403:
        return unreachable(
            "Forbidden", f"you may not {deed} {what}.", remedy=f"ask for the right; the server says: {_message(error)}"
        )
    doing = {"read": "reading", "change": "changing"}[deed]
    return unreachable("ClusterError", f"{doing} {what} failed: {_message(error)}.", remedy="try again")


def _call(request: Callable[[], Any]) -> Any:  # noqa: ANN401  the client publishes no types
    try:
        return request()
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise unreachable(
            "NoConnection",
            f"the API server does not answer: {_one_line(_root(error))}.",
            remedy="check the network and the context; compare with: kubectl cluster-info",
        ) from error


def _root(error: BaseException) -> BaseException:
    reason = getattr(error, "reason", None)
    return _root(reason) if isinstance(reason, BaseException) else error


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split()).rstrip(".")
    return text or type(error).__name__


def _body(error: ApiException) -> dict[str, Any]:
    try:
        body = json.loads(error.body or "")
    except (TypeError, ValueError):
        return {}
    return body if isinstance(body, dict) else {}


def _reason(error: ApiException) -> str:
    return str(_body(error).get("reason", ""))


def _message(error: ApiException) -> str:
    return str(_body(error).get("message") or f"{error.status} {error.reason}").rstrip(".")
