"""Kinds of other people's operators in a real cluster."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lab import monitoring_kinds
from tests.support.kubectl import Kubectl


@contextmanager
def monitoring_kinds_installed(kubectl: Kubectl, more: Sequence[Path] = ()) -> Iterator[None]:
    """Have the kinds of the Prometheus Operator and the Grafana Operator that Andon writes, and more, in a block."""
    files = sorted({*monitoring_kinds.definitions(), *more})
    names = [f"customresourcedefinition/{_name(file)}" for file in files]
    for file in files:
        kubectl.run("apply", "--server-side", f"--filename={file}")
    try:
        kubectl.run("wait", "--for=condition=Established", "--timeout=60s", *names)
        yield
    finally:
        kubectl.run("delete", "--ignore-not-found", *names)


def _name(file: Path) -> str:
    # Both projects name their files GROUP_PLURAL.yaml.
    group, plural = file.stem.split("_")
    return f"{plural}.{group}"
