"""The dashboard of one FaultModel: what `operator/dashboards` has generated, with its name filled in."""

import hashlib
import json
from functools import cache
from importlib.resources import files

from andon.api.meta import COMPONENT_MONITORING, child_labels, dashboard_name
from andon.api.v1alpha1 import Manifest
from andon.core.observed import Identity
from andon.desired.pods import metadata
from andon.desired.promql import quoted

NAMESPACE, MODEL, UID = "@NAMESPACE@", "@MODEL@", "@UID@"
TITLE = f"Andon: {NAMESPACE}/{MODEL}"

SIDECAR_LABEL = {"grafana_dashboard": "1"}
"""By it Grafana's sidecar finds dashboards in ConfigMaps."""


def dashboard(namespace: str, name: str) -> str:
    """Give the dashboard as JSON."""
    uid = "andon-" + hashlib.sha256(f"{namespace}/{name}".encode()).hexdigest()[:20]
    filled = _filled(_template(), {NAMESPACE: namespace, MODEL: name, UID: uid})
    return json.dumps(filled, indent=1, sort_keys=True) + "\n"


def dashboard_config(identity: Identity, labels: dict[str, str]) -> Manifest:
    """Write the ConfigMap that Grafana's sidecar picks up."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(identity, dashboard_name(identity.name), {**SIDECAR_LABEL, **_labels(identity, labels)}),
        "data": {f"{identity.namespace}-{identity.name}.json": dashboard(identity.namespace, identity.name)},
    }


def grafana_dashboard(identity: Identity, labels: dict[str, str]) -> Manifest:
    """Write the object for the Grafana Operator; every Grafana that it looks after gets the dashboard."""
    return {
        "apiVersion": "grafana.integreatly.org/v1beta1",
        "kind": "GrafanaDashboard",
        "metadata": metadata(identity, dashboard_name(identity.name), _labels(identity, labels)),
        "spec": {
            "allowCrossNamespaceImport": True,
            "instanceSelector": {"matchLabels": {"dashboards": "grafana"}},
            "json": dashboard(identity.namespace, identity.name),
        },
    }


def _labels(identity: Identity, labels: dict[str, str]) -> dict[str, str]:
    return {**labels, **child_labels(identity.name, COMPONENT_MONITORING)}


@cache
def _template() -> object:
    return json.loads((files("andon.desired") / "faultmodel-dashboard.json").read_text(encoding="utf-8"))


def _filled(value: object, places: dict[str, str], *, promql: bool = False) -> object:
    if isinstance(value, dict):
        return {key: _filled(one, places, promql=key == "expr") for key, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, places) for one in value]
    if not isinstance(value, str):
        return value
    for place, filling in places.items():
        value = value.replace(place, quoted(filling)[1:-1] if promql else filling)
    return value
