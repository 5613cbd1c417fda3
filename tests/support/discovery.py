"""Targets of a cluster, told to a Prometheus that was built without Kubernetes, as Debian's is.

The labels are those of its own `kubernetes_sd_configs`, so that relabeling is what a plant would write.
"""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from andon.api.v1alpha1 import Manifest
from lab.paths import REPOSITORY
from tests.support.kubectl import Kubectl

Target = dict[str, Any]


def documented() -> dict[str, Any]:
    """Give the configuration that the docs have for a Prometheus without its operator."""
    page = (REPOSITORY / "docs" / "monitoring.md").read_text()
    (text,) = [found for found in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if "scrape_configs" in found]
    config: dict[str, Any] = yaml.safe_load(text)
    return config


def from_files(config: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Let each job of a configuration find its targets in a file of its role's name, instead of asking Kubernetes."""
    jobs = []
    for job in config["scrape_configs"]:
        (asked,) = job["kubernetes_sd_configs"]
        kept = {key: value for key, value in job.items() if key != "kubernetes_sd_configs"}
        jobs.append({**kept, "file_sd_configs": [{"files": [str(folder / f"{asked['role']}.json")]}]})
    return {**config, "scrape_configs": jobs}


@contextmanager
def discovering(kubectl: Kubectl, folder: Path, seconds: float = 2.0) -> Iterator[None]:
    """Write Andon's pods and endpoints of all namespaces into a folder, again and again while the block lasts."""
    stop = threading.Event()

    def look() -> None:
        while True:
            for role, targets in (("pod", pods(kubectl)), ("endpoints", endpoints(kubectl))):
                fresh = folder / f"{role}.new"
                fresh.write_text(json.dumps(targets))
                fresh.rename(folder / f"{role}.json")
            if stop.wait(seconds):
                return

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)


def pods(kubectl: Kubectl) -> list[Target]:
    """Give a target for each port of each pod that has an address, as role pod does."""
    targets = []
    for pod in _all(kubectl, "pods"):
        address = pod["status"].get("podIP")
        for container in pod["spec"]["containers"] if address else ():
            for port in container.get("ports", ()):
                labels = {
                    "__meta_kubernetes_pod_name": pod["metadata"]["name"],
                    "__meta_kubernetes_pod_container_port_number": str(port["containerPort"]),
                    "__meta_kubernetes_pod_container_port_name": port.get("name", ""),
                    **_told("pod", pod),
                }
                targets.append({"targets": [f"{address}:{port['containerPort']}"], "labels": labels})
    return targets


def endpoints(kubectl: Kubectl) -> list[Target]:
    """Give a target for each ready address of each Service, as role endpoints does."""
    services = {_place(one): one for one in _all(kubectl, "services")}
    targets = []
    for found in _all(kubectl, "endpoints"):
        service = services.get(_place(found))
        for part in found.get("subsets") or () if service is not None else ():
            for address in part.get("addresses") or ():
                for port in part["ports"]:
                    labels = {"__meta_kubernetes_endpoint_port_name": port.get("name", ""), **_told("service", service)}
                    labels["__meta_kubernetes_pod_name"] = (address.get("targetRef") or {}).get("name", "")
                    targets.append({"targets": [f"{address['ip']}:{port['port']}"], "labels": labels})
    return targets


def _all(kubectl: Kubectl, kind: str) -> list[Manifest]:
    text = kubectl.run("get", kind, "--all-namespaces", "--output=json", "--selector=app.kubernetes.io/name=andon")
    found: list[Manifest] = json.loads(text)["items"]
    return found


def _place(one: Manifest) -> tuple[str, str]:
    return one["metadata"]["namespace"], one["metadata"]["name"]


def _told(what: str, one: Manifest | None) -> dict[str, str]:
    meta = (one or {}).get("metadata", {})
    labels = {"__meta_kubernetes_namespace": meta.get("namespace", "")}
    for kind in ("label", "annotation"):
        for name, value in (meta.get(f"{kind}s") or {}).items():
            if len(value) < 500:  # a whole manifest is no label
                plain = re.sub(r"[^a-zA-Z0-9_]", "_", name)
                labels[f"__meta_kubernetes_{what}_{kind}_{plain}"] = value
                labels[f"__meta_kubernetes_{what}_{kind}present_{plain}"] = "true"
    return labels
