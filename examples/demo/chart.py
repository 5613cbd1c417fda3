"""The operator, installed by its chart."""

import json
from collections.abc import Mapping, Sequence

from examples.demo.reach import Manifest, Reach
from lab.errors import LabError
from lab.paths import REPOSITORY

RELEASE = "andon"
NAMESPACE = "andon-system"
CHART = REPOSITORY / "charts" / "andon"
SECONDS = 300


def install(reach: Reach, references: Mapping[str, str]) -> str:
    """Install or upgrade, wait until the operator is ready, and say which revision that is."""
    command = ["helm", "upgrade", "--install", RELEASE, str(CHART), "--values=-", "--output=json"]
    where = [f"--namespace={NAMESPACE}", "--create-namespace", "--wait", f"--timeout={SECONDS}s"]
    try:
        text = reach.run(*command, *where, given=json.dumps(values(references)), seconds=SECONDS + 60)
    except LabError as error:
        why = "".join(f"\n{line}" for line in troubles(reach.find(NAMESPACE, "pods", "app.kubernetes.io/name=andon")))
        raise LabError(error.reason, error.message + why, error.allowed, error.remedy) from error
    revision = int(json.loads(text)["version"])
    return f"{NAMESPACE}, revision {revision}" + ("" if revision == 1 else " (it was there already)")


def troubles(pods: Sequence[Manifest]) -> list[str]:
    """Say what containers wait for, which Helm does not tell."""
    return [
        f"{pod['metadata']['name']}: {waiting.get('reason', 'waiting')} {waiting.get('message', '')}".rstrip()
        for pod in pods
        for container in (pod.get("status") or {}).get("containerStatuses") or ()
        if (waiting := (container.get("state") or {}).get("waiting"))
    ]


def values(references: Mapping[str, str]) -> dict[str, object]:
    """Give the chart's values for images under these references."""
    return {"images": {name: image(reference) for name, reference in references.items()}}


def image(reference: str) -> dict[str, str]:
    """Take a reference REGISTRY/REPOSITORY:TAG apart as the chart wants it."""
    registry, _, rest = reference.partition("/")
    repository, _, tag = rest.rpartition(":")
    return {"registry": registry, "repository": repository, "tag": tag}
