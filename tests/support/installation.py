"""Andon on the test cluster: its images, and its chart installed as users do."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.kubectl import Kubectl

ROOT = Path(__file__).parents[2]
OPERATOR_NAMESPACE = "andon-system"


@pytest.fixture(scope="session")
def images() -> dict[str, str]:
    """References of the project's images, which the cluster has."""
    given = os.environ.get("ANDON_IMAGES")
    if given is None:
        printed = [sys.executable, "-m", "lab", "images", "--print"]
        given = subprocess.run(printed, cwd=ROOT, capture_output=True, check=True, timeout=60).stdout.decode()
    found: dict[str, str] = json.loads(given)
    return found


@pytest.fixture(scope="session")
def operator(images: dict[str, str]) -> Kubectl:
    """The operator, installed by its chart as users do."""
    install_chart(images)
    return Kubectl(OPERATOR_NAMESPACE)


def install_chart(images: dict[str, str], **more: object) -> None:
    """Install or upgrade the chart with these values beside the images, and wait until the operator is ready."""
    values: dict[str, object] = {"images": {name: _image(reference) for name, reference in images.items()}, **more}
    command = ["helm", "upgrade", "--install", "andon", "charts/andon", "--values=-", "--wait", "--timeout=5m"]
    where = ["--namespace", OPERATOR_NAMESPACE, "--create-namespace"]
    done = subprocess.run(
        [*command, *where], cwd=ROOT, input=json.dumps(values).encode(), capture_output=True, check=False, timeout=400
    )
    if done.returncode:
        kubectl = Kubectl(OPERATOR_NAMESPACE)
        state = kubectl.run("describe", "pods", check=False) + kubectl.run("logs", "deploy/andon-operator", check=False)
        pytest.fail(f"helm: {done.stderr.decode()}\n{state}")


def _image(reference: str) -> dict[str, str]:
    registry, _, rest = reference.partition("/")
    repository, _, tag = rest.rpartition(":")
    return {"registry": registry, "repository": repository, "tag": tag}
