"""The operator, installed by its chart."""

import json
from collections.abc import Mapping

from examples.demo.reach import Reach
from lab.paths import REPOSITORY

RELEASE = "andon"
NAMESPACE = "andon-system"
CHART = REPOSITORY / "charts" / "andon"
SECONDS = 300


def install(reach: Reach, references: Mapping[str, str]) -> str:
    """Install or upgrade, wait until the operator is ready, and say which revision that is."""
    command = ["helm", "upgrade", "--install", RELEASE, str(CHART), "--values=-", "--output=json"]
    where = [f"--namespace={NAMESPACE}", "--create-namespace", "--wait", f"--timeout={SECONDS}s"]
    text = reach.run(*command, *where, given=json.dumps(values(references)), seconds=SECONDS + 60)
    revision = int(json.loads(text)["version"])
    return f"{NAMESPACE}, revision {revision}" + ("" if revision == 1 else " (it was there already)")


def values(references: Mapping[str, str]) -> dict[str, object]:
    """Give the chart's values for images under these references."""
    return {"images": {name: image(reference) for name, reference in references.items()}}


def image(reference: str) -> dict[str, str]:
    """Take a reference REGISTRY/REPOSITORY:TAG apart as the chart wants it."""
    registry, _, rest = reference.partition("/")
    repository, _, tag = rest.rpartition(":")
    return {"registry": registry, "repository": repository, "tag": tag}
