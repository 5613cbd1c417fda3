"""`andon approve`, `promote` and `abort`: a person's word on a candidate, as annotations bound to its digest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from andon.api.conditions import ConditionType, Reason
from andon.api.meta import ANNOTATION_ABORT, ANNOTATION_APPROVE, ANNOTATION_PROMOTE
from andon.api.v1alpha1 import Manifest
from andon.cli.errors import CliError, shown
from andon.cli.words import short_digest

Annotations = Mapping[str, "str | None"]


class Target(Protocol):
    """Where FaultModels are read, and annotations set."""

    def fault_model(self, namespace: str, name: str) -> Manifest: ...

    def versions(self, namespace: str, name: str) -> list[Manifest]: ...

    def annotate(self, manifest: Manifest, annotations: Annotations) -> None: ...


@dataclass(frozen=True)
class Candidate:
    """The version that a person speaks of."""

    version: int
    digest: str


@dataclass(frozen=True)
class Verb:
    """What a command sets, given the candidate's digest, and what it says then."""

    name: str
    annotations: Callable[[str], Annotations]
    done: str


APPROVE = Verb("approve", lambda digest: {ANNOTATION_APPROVE: digest}, "approved")
PROMOTE = Verb(
    "promote",
    lambda digest: {ANNOTATION_PROMOTE: digest, ANNOTATION_ABORT: None},
    "to be promoted without the rest of its steps",
)
ABORT = Verb("abort", lambda digest: {ANNOTATION_ABORT: digest, ANNOTATION_PROMOTE: None}, "called off")


def say(verb: Verb, target: Target, namespace: str, name: str, digest: str | None) -> str:
    """Set what a person says of the candidate, and give a sentence about it.

    Parameters
    ----------
    digest
        The digest, or its beginning, that the person means; None: whatever the candidate is.

    Raises
    ------
    CliError
        ``NoCandidate`` where nothing is on its way; ``OtherCandidate`` where it is another one.
    """
    manifest = target.fault_model(namespace, name)
    candidate = _candidate(manifest, lambda: target.versions(namespace, name))
    if candidate is None:
        raise CliError(
            "NoCandidate",
            f"no version of {shown(name)} is on its way to the line, so there is nothing to {verb.name}.",
            remedy=f"see what is so: andon status {name} -n {namespace}",
        )
    if digest is not None and not candidate.digest.removeprefix("sha256:").startswith(digest.removeprefix("sha256:")):
        raise CliError(
            "OtherCandidate",
            f"the candidate is version {candidate.version}, {candidate.digest}, and not {shown(digest, 80)}.",
            remedy="look at that one first, then name its digest, or none",
        )
    target.annotate(manifest, verb.annotations(candidate.digest))
    return f"Version {candidate.version} ({short_digest(candidate.digest)}) of {name} is {verb.done}."


def _candidate(manifest: Manifest, versions: Callable[[], list[Manifest]]) -> Candidate | None:
    status = manifest.get("status") or {}
    track = status.get("candidate")
    if track:
        return Candidate(int(track["version"]), str(track["digest"]))
    ready = {condition["type"]: condition for condition in status.get("conditions") or ()}.get(ConditionType.READY, {})
    # Before its approval a version with other columns or worse scores is no candidate yet: it is the newest one.
    if ready.get("reason") not in (Reason.SIGNATURE_CHANGED, Reason.LOSS_TO_STABLE):
        return None
    newest = next(iter(versions()), None)
    return Candidate(int(newest["spec"]["version"]), str(newest["spec"]["digest"])) if newest is not None else None
