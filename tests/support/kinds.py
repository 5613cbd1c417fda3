"""Kinds of other people's operators in a real cluster."""

from collections.abc import Iterator
from contextlib import contextmanager

import yaml

from lab import monitoring_kinds
from tests.support.kubectl import Kubectl


@contextmanager
def monitoring_kinds_installed(kubectl: Kubectl) -> Iterator[None]:
    """Have the kinds of the Prometheus Operator and the Grafana Operator while the block lasts."""
    files = monitoring_kinds.definitions()
    names = [f"customresourcedefinition/{yaml.safe_load(file.read_text())['metadata']['name']}" for file in files]
    for file in files:
        kubectl.run("apply", "--server-side", f"--filename={file}")
    try:
        kubectl.run("wait", "--for=condition=Established", "--timeout=60s", *names)
        yield
    finally:
        kubectl.run("delete", "--ignore-not-found", *names)
