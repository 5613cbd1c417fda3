"""What is known of a FaultModel, read from its manifests. What is not known is None, never a guess.

Manifests are read by hand and not with the API's types: an operator newer or older than this command must not make it
fail.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from andon.api.conditions import ConditionType
from andon.api.v1alpha1 import Manifest


@dataclass(frozen=True)
class VersionFacts:
    """A version, from the FaultModel's status and from its FaultModelVersion, whichever knows.

    Attributes
    ----------
    weight
        Per cent of the requests that it answers.
    """

    version: int
    digest: str | None = None
    weight: int | None = None
    bytes: int | None = None
    f1: float | None = None
    created: str | None = None


@dataclass(frozen=True)
class ConditionFacts:
    """A condition. ``current`` says whether it speaks of the spec as it is now."""

    type: str
    status: str
    reason: str
    message: str
    since: str | None
    current: bool


@dataclass(frozen=True)
class EventFacts:
    """An Event about the FaultModel."""

    type: str
    reason: str
    message: str
    last_seen: str | None
    count: int


@dataclass(frozen=True)
class EvidenceFacts:
    """What was seen of a candidate, or of the last one."""

    version: int
    verdict: str
    message: str
    at: str | None


@dataclass(frozen=True)
class Facts:
    """All that `andon status` shows.

    Attributes
    ----------
    observed_generation
        The generation that the status speaks of; None where the operator has not written one.
    versions, events
        None where they could not be read; ``gaps`` then says why.
    """

    namespace: str
    name: str
    generation: int
    observed_generation: int | None
    phase: str | None
    suspended: bool
    deleting: bool
    stable: VersionFacts | None
    candidate: VersionFacts | None
    conditions: tuple[ConditionFacts, ...]
    http: str | None
    grpc: str | None
    failed_digests: tuple[str, ...]
    evidence: EvidenceFacts | None
    versions: tuple[VersionFacts, ...] | None
    events: tuple[EventFacts, ...] | None
    gaps: tuple[str, ...]

    @property
    def current(self) -> bool:
        """Whether the status speaks of the spec as it is now."""
        return self.observed_generation == self.generation

    def condition(self, kind: str) -> ConditionFacts | None:
        """Give a condition by its type."""
        return next((condition for condition in self.conditions if condition.type == kind), None)

    @property
    def ready(self) -> bool | None:
        """Whether this generation is fully rolled out; None where nobody knows."""
        return self._holds(ConditionType.READY) if self.current else None

    @property
    def available(self) -> bool | None:
        """Whether the model answers, whatever generation was looked at last; None where nobody knows."""
        return self._holds(ConditionType.AVAILABLE)

    def _holds(self, kind: ConditionType) -> bool | None:
        condition = self.condition(kind)
        return None if condition is None else {"True": True, "False": False}.get(condition.status)


def read(
    manifest: Manifest,
    versions: Sequence[Manifest] | None,
    events: Sequence[Manifest] | None,
    gaps: Sequence[str] = (),
) -> Facts:
    """Read the facts from a FaultModel, its FaultModelVersions and the Events about it."""
    meta, spec, status = manifest["metadata"], manifest.get("spec") or {}, manifest.get("status") or {}
    generation = int(meta.get("generation", 0))
    observed = status.get("observedGeneration", -1)
    known = None if versions is None else tuple(_version(version) for version in versions)
    stable = _track(status.get("stable"), known, status.get("artifact") or {})
    candidate = _track(status.get("candidate"), known, {})
    weights = {track.version: track.weight for track in (stable, candidate) if track is not None}
    endpoints = status.get("endpoints") or {}
    return Facts(
        namespace=meta.get("namespace", ""),
        name=meta["name"],
        generation=generation,
        observed_generation=observed if observed >= 0 else None,
        phase=status.get("phase"),
        suspended=bool(spec.get("suspend", False)),
        deleting="deletionTimestamp" in meta,
        stable=stable,
        candidate=candidate,
        conditions=tuple(_condition(condition, generation) for condition in status.get("conditions") or ()),
        http=endpoints.get("http"),
        grpc=endpoints.get("grpc"),
        failed_digests=tuple(status.get("failedDigests") or ()),
        evidence=_evidence(status.get("evidence")),
        versions=None if known is None else tuple(_weighed(version, weights) for version in known),
        events=None if events is None else _events(events),
        gaps=tuple(gaps),
    )


def _version(manifest: Manifest) -> VersionFacts:
    spec = manifest["spec"]
    return VersionFacts(
        version=int(spec["version"]),
        digest=spec.get("digest"),
        bytes=(spec.get("artifact") or {}).get("bytes"),
        f1=(spec.get("metrics") or {}).get("f1"),
        created=manifest["metadata"].get("creationTimestamp"),
    )


def _evidence(told: dict[str, Any] | None) -> EvidenceFacts | None:
    if not told:
        return None
    words = {key: str(told.get(key) or "") for key in ("verdict", "message")}
    return EvidenceFacts(int(told.get("version", 0)), words["verdict"], words["message"], told.get("at"))


def _weighed(version: VersionFacts, weights: dict[int, int | None]) -> VersionFacts:
    weight = weights.get(version.version, 0) if weights else None
    return VersionFacts(
        version=version.version,
        digest=version.digest,
        weight=weight,
        bytes=version.bytes,
        f1=version.f1,
        created=version.created,
    )


def _track(
    track: dict[str, Any] | None, versions: Sequence[VersionFacts] | None, artifact: dict[str, Any]
) -> VersionFacts | None:
    if not track:
        return None
    number, digest = int(track["version"]), track.get("digest")
    known = next((v for v in versions or () if v.version == number and v.digest == digest), None)
    return VersionFacts(
        version=number,
        digest=digest,
        weight=track.get("weight"),
        bytes=known.bytes if known is not None else artifact.get("bytes"),
        f1=known.f1 if known is not None else _number(artifact.get("f1")),
        created=known.created if known is not None else None,
    )


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def _condition(condition: dict[str, Any], generation: int) -> ConditionFacts:
    return ConditionFacts(
        type=str(condition.get("type", "")),
        status=str(condition.get("status", "Unknown")),
        reason=str(condition.get("reason", "")),
        message=str(condition.get("message", "")),
        since=condition.get("lastTransitionTime"),
        current=condition.get("observedGeneration") == generation,
    )


def _events(events: Sequence[Manifest]) -> tuple[EventFacts, ...]:
    """Read Events of both forms, core/v1 and events.k8s.io, the newest first."""
    found = [
        EventFacts(
            type=str(event.get("type") or "Normal"),
            reason=str(event.get("reason") or ""),
            message=str(event.get("message") or ""),
            last_seen=_last_seen(event),
            count=int((event.get("series") or {}).get("count") or event.get("count") or 1),
        )
        for event in events
    ]
    return tuple(sorted(found, key=lambda event: event.last_seen or "", reverse=True))


def _last_seen(event: Manifest) -> str | None:
    stamps = (
        (event.get("series") or {}).get("lastObservedTime"),
        event.get("lastTimestamp"),
        event.get("eventTime"),
        event["metadata"].get("creationTimestamp"),
    )
    return next((str(stamp) for stamp in stamps if stamp), None)
