"""The chart as Helm renders it: parsed YAML, no golden files."""

import json
import subprocess
from copy import deepcopy
from functools import cache
from typing import Any

import yaml

from lab import build, versions
from lab.parts import HELM
from lab.paths import REPOSITORY, Paths

CHART = REPOSITORY / "charts" / "andon"
RELEASE, NAMESPACE = "andon", "andon-system"

Manifest = dict[str, Any]


@cache
def helm() -> str:
    """The lab's Helm; built where the cache has none."""
    return str(build.ensure(Paths.from_environment(), HELM) / "helm")


def template(values: Manifest | None) -> subprocess.CompletedProcess[str]:
    """Run `helm template`, for the Kubernetes of the lab whatever Helm this is."""
    words = ("template", RELEASE, str(CHART), "--namespace", NAMESPACE, "--kube-version", versions.KUBERNETES)
    return run(*words, values=values)


def run(*words: str, values: Manifest | None = None) -> subprocess.CompletedProcess[str]:
    """Run Helm with values on top of the chart's own."""
    command = [helm(), *words, *(["--values", "-"] if values else [])]
    return subprocess.run(command, input=json.dumps(values), text=True, capture_output=True, check=False)


def render(values: Manifest | None = None) -> list[Manifest]:
    """Give all manifests of a release, its CRDs included."""
    return deepcopy(_rendered(json.dumps(values or {})))


@cache
def _rendered(values: str) -> list[Manifest]:
    done = template(json.loads(values))
    assert done.returncode == 0, done.stderr
    return [manifest for manifest in yaml.safe_load_all(done.stdout) if manifest]


def refusal(values: Manifest) -> str:
    """Give what Helm says to values that it must refuse."""
    done = template(values)
    assert done.returncode != 0, f"accepted: {values}"
    return done.stderr


def of_kind(manifests: list[Manifest], kind: str) -> list[Manifest]:
    return [manifest for manifest in manifests if manifest["kind"] == kind]


def the(manifests: list[Manifest], kind: str) -> Manifest:
    """Give the only manifest of a kind."""
    (manifest,) = of_kind(manifests, kind)
    return manifest


def container(manifests: list[Manifest]) -> Manifest:
    """Give the operator's container."""
    (only,) = the(manifests, "Deployment")["spec"]["template"]["spec"]["containers"]
    return dict(only)


def environment(manifests: list[Manifest]) -> dict[str, str]:
    """Give the operator's environment; what only the kubelet knows is called by its path."""
    return {
        entry["name"]: entry["value"] if "value" in entry else entry["valueFrom"]["fieldRef"]["fieldPath"]
        for entry in container(manifests)["env"]
    }
