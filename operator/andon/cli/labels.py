"""`andon labels`: what people are asked to inspect, and what they found, to and from the monitor of a namespace."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import httpx

from andon.api.meta import MONITOR_API_PORT, MONITOR_NAME
from andon.api.v1alpha1 import Manifest
from andon.cli.errors import CliError, shown, unreachable
from andon.cli.forward import pod_bridge

AUDIENCE = "andon-labels"
"""What a token has to be made for, so that none that was made for something else can send labels."""

_TIMEOUT = 30.0


class Place(Protocol):
    """A cluster, as far as labels go."""

    configuration: Any
    namespace: str
    inside: bool

    def fault_model(self, namespace: str, name: str) -> Manifest: ...

    def monitor_pods(self, namespace: str) -> list[Manifest]: ...

    def token(self, namespace: str, account: str, audience: str) -> str: ...


@dataclass(frozen=True)
class Monitor:
    """The monitor of a FaultModel's namespace, while it can be reached.

    Attributes
    ----------
    address
        Where its interface is.
    """

    address: str
    cluster: Place
    namespace: str

    def token(self, account: str) -> str:
        """Get a token of a service account, made for the monitor alone."""
        return self.cluster.token(self.namespace, account, AUDIENCE)


@contextmanager
def monitor_of(cluster: Place, namespace: str | None, name: str) -> Iterator[Monitor]:
    """Reach the monitor that watches a FaultModel; without a namespace it is that of the context."""
    place = namespace or cluster.namespace
    cluster.fault_model(place, name)
    with monitor(cluster, place) as address:
        yield Monitor(address, cluster, place)


@contextmanager
def monitor(cluster: Place, namespace: str) -> Iterator[str]:
    """Give the address of the monitor's interface: by its Service in the cluster, else through the API server."""
    if cluster.inside:
        yield f"http://{MONITOR_NAME}.{namespace}.svc:{MONITOR_API_PORT}"
        return

    def choose() -> str:
        ready = [pod for pod in cluster.monitor_pods(namespace) if _ready(pod)]
        if not ready:
            raise unreachable(
                "NoMonitor",
                f"there is no ready monitor in the namespace {namespace}.",
                allowed="a FaultModel there with spec.monitoring.enabled: true",
                remedy=f"see: kubectl get pods -n {namespace} -l app.kubernetes.io/component=monitor",
            )
        return str(ready[0]["metadata"]["name"])

    choose()  # so that a monitor that is not there is told at once
    with pod_bridge(cluster.configuration, namespace, choose, MONITOR_API_PORT) as bridge:
        yield f"http://{bridge.address}"


def queue(base: str, name: str, limit: int) -> dict[str, Any]:
    """Ask which disagreements wait for a person, the most telling first."""
    return _answer(lambda client: client.get(f"{base}/v1/models/{name}/queue", params={"limit": limit}))


def send(base: str, name: str, path: Path, token: str) -> dict[str, Any]:
    """Send a file of labels, CSV or JSON by its name; give what became of them.

    Raises
    ------
    CliError
        ``FileNotFound``, or what the monitor says.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CliError("FileNotFound", f"{shown(str(path))} cannot be read: {error.strerror or error}.") from error
    kind = "application/json" if path.suffix.lower() == ".json" else "text/csv"
    headers = {"Authorization": f"Bearer {token}", "Content-Type": kind}
    return _answer(lambda client: client.post(f"{base}/v1/models/{name}/labels", content=content, headers=headers))


def posted(address: str, document: dict[str, Any], token: str) -> dict[str, Any]:
    """Send a document to the monitor; give its answer.

    Raises
    ------
    CliError
        What the monitor says.
    """
    headers = {"Authorization": f"Bearer {token}"}
    return _answer(lambda client: client.post(address, json=document, headers=headers))


def _answer(ask: Callable[[httpx.Client], httpx.Response]) -> dict[str, Any]:
    try:
        with httpx.Client(timeout=_TIMEOUT, trust_env=False) as client:
            answer = ask(client)
            document: dict[str, Any] = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise unreachable(
            "MonitorSilent",
            f"the monitor does not answer: {error or type(error).__name__}.",
            remedy="try again; see kubectl logs deployment/andon-monitor",
        ) from error
    if answer.is_error:
        told = {key: str(document.get(key) or "") for key in ("reason", "message", "allowed", "remedy")}
        raise CliError(
            told["reason"] or "Refused",
            (told["message"] or f"the monitor answers {answer.status_code}").rstrip(".") + ".",
            allowed=told["allowed"],
            remedy=told["remedy"],
        )
    return document


def told_queue(document: dict[str, Any], name: str) -> str:
    """Say in words, one line a case, what is to be inspected."""
    items = document["items"]
    if not items:
        return f"Nothing of {name} waits for a person."
    lines = [f"{document['pending']:,} of {name} wait for a person; the most telling first:"]
    for item in items:
        raised = "the version that serves" if item["alarm"] == "onlyOld" else "the new version"
        asset = f", asset {item['asset']}" if item.get("asset") else ""
        lines.append(
            f"  {item['time']}{asset}, request {item['requestId']} row {item['row']}: only {raised} raised an alarm"
            f" (scores {_score(item['oldScore'])} and {_score(item['newScore'])})"
        )
    return "\n".join(lines)


def told_outcome(document: dict[str, Any], name: str) -> str:
    """Say what became of labels."""
    counts = ", ".join(f"{document.get(key, 0):,} {key}" for key in ("accepted", "replaced", "unchanged", "refused"))
    lines = [f"Labels of {name}: {counts}."]
    for refusal in document.get("refusals", ()):
        message = str(refusal.get("message", "")).rstrip(".")
        lines.append(f"  label {int(refusal['index']) + 1} ({refusal.get('reason', 'Refused')}): {message}.")
    return "\n".join(lines)


def _score(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"


def _ready(pod: Manifest) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    gone = "deletionTimestamp" in pod["metadata"]
    return not gone and any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
