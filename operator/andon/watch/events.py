"""Kopf as a source of events: each event becomes a key in the queue, and nothing more."""

from collections.abc import Callable
from typing import Any

import kopf

from andon.api.meta import GROUP, LABEL_FAULT_MODEL, VERSION
from andon.reconcile import Key
from andon.watch import metrics
from andon.watch.resync import key_of
from andon.watch.sightings import Sightings

_SERVER_TIMEOUT, _CLIENT_TIMEOUT, _CONNECT_TIMEOUT = 300, 360, 10

_RESOURCES = {
    "FaultModel": (GROUP, VERSION, "faultmodels"),
    "FaultModelVersion": (GROUP, VERSION, "faultmodelversions"),
    "Job": ("batch", "v1", "jobs"),
    "Deployment": ("apps", "v1", "deployments"),
    "Pod": ("", "v1", "pods"),
    "Service": ("", "v1", "services"),
    "ConfigMap": ("", "v1", "configmaps"),
}


def registry(add: Callable[[Key], None], sightings: Sightings) -> kopf.OperatorRegistry:
    """Register one handler a kind; it parses, delegates, returns."""
    handlers = kopf.OperatorRegistry()
    kopf.on.login(registry=handlers)(kopf.login_via_client)

    def register(kind: str) -> None:
        async def handle(event: Any, **_: Any) -> None:  # noqa: ANN401  Kopf calls with more than we name
            manifest = event["object"]
            metrics.WATCH_EVENTS.labels(kind).inc()
            metrics.WATCH_SEEN.labels(kind).set_to_current_time()
            sightings.saw(kind, manifest, deleted=event["type"] == "DELETED")
            key = key_of(kind, manifest)
            if key is not None:
                add(key)

        handle.__name__ = f"{kind.lower()}_changed"
        group, version, plural = _RESOURCES[kind]
        labels = None if kind == "FaultModel" else {LABEL_FAULT_MODEL: kopf.PRESENT}
        kopf.on.event(group, version, plural, labels=labels, registry=handlers)(handle)

    for kind in _RESOURCES:
        register(kind)
    return handlers


def settings() -> kopf.OperatorSettings:
    """Kopf's settings: it watches, and writes nothing."""
    chosen = kopf.OperatorSettings()
    chosen.posting.enabled = False
    chosen.watching.server_timeout = _SERVER_TIMEOUT
    chosen.watching.client_timeout = _CLIENT_TIMEOUT
    chosen.watching.connect_timeout = _CONNECT_TIMEOUT
    # Endless, because a watcher that gives up leaves a process that looks well and sees nothing.
    chosen.networking.error_backoffs = _Endless()
    for kind, (group, version, plural) in _RESOURCES.items():
        if kind != "FaultModel":
            chosen.watching.label_selectors[group, version, plural] = LABEL_FAULT_MODEL
    return chosen


class _Endless:
    """Delays in seconds: 1, 2, 3, 5, 8, then 10 for ever; a fresh round for each use."""

    def __iter__(self) -> Any:  # noqa: ANN401
        yield from (1, 2, 3, 5, 8)
        while True:
            yield 10
