"""The Prometheus Operator itself, built from its Go module, and what it makes of the objects that it selects."""

import base64
import gzip
import os
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from andon.api.v1alpha1 import Manifest
from benchmarks.servers import free_ports
from lab import build, parts
from lab.paths import Paths
from tests.support import promtool
from tests.support.kubectl import Kubectl, eventually
from tests.support.prometheus import prometheus, running

_MANAGED = re.compile(
    r'^prometheus_operator_managed_resources\{controller="prometheus",resource="(\w+)",state="(\w+)"\} (\d+)$',
    re.MULTILINE,
)


@dataclass(frozen=True)
class PrometheusOperator:
    """One that runs.

    Attributes
    ----------
    address
        Host and port of its own metrics.
    log
        What it says.
    """

    address: str
    log: Path

    def managed(self) -> dict[tuple[str, str], int]:
        """Give how many objects it holds, by kind and state (`selected` or `rejected`)."""
        with urllib.request.urlopen(f"http://{self.address}/metrics") as answer:
            return {(kind, state): int(count) for kind, state, count in _MANAGED.findall(answer.read().decode())}

    def complaints(self) -> list[str]:
        """Give the warnings and errors of its log."""
        return [line for line in self.log.read_text().splitlines() if re.search(r"level=(WARN|ERROR)", line, re.I)]

    def answers(self) -> bool:
        with suppress(OSError), urllib.request.urlopen(f"http://{self.address}/healthz") as answer:
            return bool(answer.status == 200)
        return False


@contextmanager
def prometheus_operator(folder: Path) -> Iterator[PrometheusOperator]:
    """Run one on loopback against the kubeconfig's cluster, for as long as a block lasts."""
    program = build.ensure(Paths.from_environment(), parts.PROMETHEUS_OPERATOR) / "operator"
    address = f"127.0.0.1:{free_ports(1)[0]}"
    made = PrometheusOperator(address, folder / "prometheus-operator.log")
    with running([str(program), f"--web.listen-address={address}"], made.log):
        eventually(made.answers, 60, "the Prometheus Operator answers")
        yield made


def selecting(name: str, labels: dict[str, str]) -> Manifest:
    """Write a Prometheus that selects by these labels in all namespaces, of the version of our promtool.

    It has no replica: what is wanted of it is its configuration, and no image has to be had. Newer ones read it too.
    """
    told = subprocess.run([promtool.program("promtool"), "--version"], capture_output=True, text=True, check=True)
    version = re.search(r"version (\d+\.\d+\.\d+)", told.stdout + told.stderr)
    assert version is not None, told
    kinds = ("podMonitor", "serviceMonitor", "rule")
    selectors: dict[str, Any] = {f"{kind}Selector": {"matchLabels": labels} for kind in kinds}
    everywhere: dict[str, Any] = {f"{kind}NamespaceSelector": {} for kind in kinds}
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "Prometheus",
        "metadata": {"name": name},
        "spec": {"replicas": 0, "version": f"v{version[1]}", **selectors, **everywhere},
    }


def configuration(kubectl: Kubectl, name: str) -> dict[str, Any] | None:
    """Give the configuration that was made for a Prometheus; None where there is none yet."""
    secret = kubectl.get("secret", f"prometheus-{name}")
    if secret is None:
        return None
    text = gzip.decompress(base64.b64decode(secret["data"]["prometheus.yaml.gz"]))
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def scrape_jobs(kubectl: Kubectl, name: str) -> dict[str, dict[str, Any]]:
    """Give the scrape jobs of that configuration by their names."""
    jobs = (configuration(kubectl, name) or {}).get("scrape_configs") or ()
    return {each["job_name"]: each for each in jobs}


def rule_files(kubectl: Kubectl, name: str) -> dict[str, list[dict[str, Any]]]:
    """Give the groups of the rule files that were made for a Prometheus, by NAMESPACE-NAME of their PrometheusRule."""
    found = kubectl.get("configmap", f"prometheus-{name}-rulefiles-0") or {}
    files = (found.get("data") or {}).items()
    # A file's name ends with the object's UID, which has five parts.
    return {file.rsplit("-", 5)[0]: yaml.safe_load(text)["groups"] for file, text in files}


@contextmanager
def as_configured(kubectl: Kubectl, name: str, folder: Path) -> Iterator[str]:
    """Run a Prometheus by the configuration and the rule files that were made for it; give host and port.

    It runs outside of the cluster, so it is told whom to ask, and asks more often than a plant's. Targets it finds by
    itself, by the discovery of Kubernetes.
    """
    written = configuration(kubectl, name)
    assert written is not None
    # What the config reloader beside a Prometheus fills in: which of the shards it is.
    config = yaml.safe_load(yaml.safe_dump(written).replace("$(SHARD)", "0"))
    for job in config["scrape_configs"]:
        job["scrape_interval"], job["scrape_timeout"] = "2s", "2s"
        for discovery in job["kubernetes_sd_configs"]:
            discovery["kubeconfig_file"] = os.environ["KUBECONFIG"]
    rules = folder / "rules"
    rules.mkdir()
    for file, groups in rule_files(kubectl, name).items():
        for group in groups:
            group.pop("interval", None)
        (rules / f"{file}.yaml").write_text(yaml.safe_dump({"groups": groups}))
    config["rule_files"] = [str(rules / "*.yaml")]
    config["global"]["evaluation_interval"] = "2s"
    program = build.ensure(Paths.from_environment(), parts.PROMETHEUS) / "prometheus"
    with prometheus(folder, config, program) as address:
        yield address
