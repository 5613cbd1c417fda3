"""(observed, decision, now) → the status to write, after the Kubernetes API conventions and kstatus."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from andon.api.conditions import ConditionType, Phase, Reason
from andon.api.meta import COMPONENT_SERVER, GRPC_PORT, HTTP_PORT, child_labels
from andon.api.status import (
    ArtifactSummary,
    CandidateTrack,
    Endpoints,
    EvidenceStatus,
    FaultModelStatus,
    Track,
)
from andon.api.versions import FaultModelVersionSpec
from andon.core.build import BuildVerdict
from andon.core.decision import Decision, Progress
from andon.core.evidence_status import evidence_status
from andon.core.facts import Fact, Truth, conditions
from andon.core.judgement import compared
from andon.core.observed import Observed, Route
from andon.core.retraining_status import retrain_status
from andon.core.times import utc_text


@dataclass(frozen=True)
class Trouble:
    """Why a FaultModel could not be looked after: a reason and what to say to people."""

    reason: str
    message: str


def first_status(observed: Observed, now: datetime) -> FaultModelStatus:
    """Give the very first status: Ready is Unknown, because kstatus takes an object without conditions for finished."""
    facts = [
        Fact(ConditionType.READY, "Unknown", Reason.PENDING, "Not looked at yet."),
        Fact(ConditionType.RECONCILING, "True", Reason.PENDING, "Not looked at yet."),
    ]
    return FaultModelStatus(
        observed_generation=observed.identity.generation,
        phase=Phase.PENDING,
        conditions=conditions(observed.status, observed.identity.generation, facts, now),
    )


def troubled_status(before: FaultModelStatus, generation: int, trouble: Trouble, now: datetime) -> FaultModelStatus:
    """Give the status that says why nothing could be done; what was known of the rest stays as it was."""
    kept = [
        Fact(ConditionType(one.type), one.status, one.reason, one.message)
        for one in before.conditions
        if one.type not in (ConditionType.READY, ConditionType.STALLED, ConditionType.RECONCILING)
    ]
    facts = [
        *kept,
        Fact(ConditionType.READY, "False", trouble.reason, trouble.message),
        Fact(ConditionType.STALLED, "True", trouble.reason, trouble.message),
    ]
    return before.model_copy(
        update={
            "observed_generation": generation,
            "phase": Phase.FAILED,
            "conditions": conditions(before, generation, facts, now),
        }
    )


def status(observed: Observed, decision: Decision, now: datetime) -> FaultModelStatus:
    """Give the status that says what is so."""
    stable = decision.stable
    serving = observed.version(stable) if stable is not None else None
    pair = compared(observed)
    judged = pair.new.spec.version if pair is not None else None
    evidence = evidence_status(observed.status.evidence, decision, judged, now)
    facts = _facts(observed, decision, evidence)
    return FaultModelStatus(
        observed_generation=observed.identity.generation,
        phase=decision.progress.phase,
        conditions=conditions(observed.status, observed.identity.generation, facts, now),
        build=decision.record,
        stable=_track(observed, decision.route, stable),
        candidate=_candidate(observed, decision),
        next_window=utc_text(decision.progress.opens) if decision.progress.opens is not None else None,
        evidence=evidence,
        artifact=_artifact(serving.spec) if serving is not None else None,
        endpoints=_endpoints(observed) if decision.route is not None and not _by_gateway(observed) else None,
        replicas=_replicas(observed, stable),
        selector=_selector(observed, stable),
        revision=observed.identity.revision,
        retrain=retrain_status(observed, decision, now),
        failed_digests=decision.failed_digests,
    )


def _replicas(observed: Observed, stable: int | None) -> int | None:
    server = observed.server(stable) if stable is not None else None
    return server.ready_replicas if server is not None else None


def _selector(observed: Observed, stable: int | None) -> str | None:
    if stable is None:
        return None
    labels = child_labels(observed.identity.name, COMPONENT_SERVER, stable)
    return ",".join(f"{name}={value}" for name, value in sorted(labels.items()))


def _artifact(version: FaultModelVersionSpec) -> ArtifactSummary:
    size, plain = version.artifact.bytes, version.artifact.plain_bytes
    return ArtifactSummary(
        bytes=size,
        size=human_size(size),
        reduction=f"{plain / size:.1f}" if plain and size else None,
        f1=f"{version.metrics.f1:.3f}",
    )


def _track(observed: Observed, route: Route | None, number: int | None) -> Track | None:
    version = observed.version(number) if number is not None else None
    if version is None or number is None:
        return None
    weight = route.weight(number) if route is not None else 0
    return Track(version=number, digest=version.spec.digest, weight=weight)


def _candidate(observed: Observed, decision: Decision) -> CandidateTrack | None:
    note, progress = decision.canary, decision.progress
    number = decision.candidate
    if number is None and note is not None and decision.route is not None and note.version in decision.route.versions:
        number = note.version  # on its way off the line
    track = _track(observed, decision.route, number)
    if track is None or number == decision.stable:
        return None
    step = note.step + 1 if note is not None and note.version == number and not note.ended else None
    return CandidateTrack(
        version=track.version,
        digest=track.digest,
        weight=track.weight,
        step=step,
        held_because=progress.reason if progress.held else None,
    )


def _by_gateway(observed: Observed) -> bool:
    # Under which address clients reach a Gateway is the plant's own: there is no Service of the model's name.
    return observed.spec.rollout.traffic.provider == "GatewayAPI"


def _endpoints(observed: Observed) -> Endpoints:
    host = f"{observed.identity.name}.{observed.identity.namespace}.svc"
    return Endpoints(http=f"http://{host}:{HTTP_PORT}", grpc=f"{host}:{GRPC_PORT}")


def _facts(observed: Observed, decision: Decision, evidence: EvidenceStatus | None) -> list[Fact]:
    progress = decision.progress
    if progress.evidence and evidence is not None:  # in the words of the status, which change only now and then
        progress = replace(progress, message=f"{progress.message} {evidence.message}")
    available = _available(observed)
    built = _built(decision)
    facts = [available, *built]
    rolled_out: Truth = "True" if progress.complete else "False"
    message = _with_trouble(progress, observed.router.trouble)
    facts.append(Fact(ConditionType.ROLLOUT_COMPLETE, rolled_out, progress.reason, message))
    if progress.complete and available.status != "True":
        facts.append(Fact(ConditionType.READY, available.status, available.reason, available.message))
    else:
        facts.append(Fact(ConditionType.READY, rolled_out, progress.reason, message))
    if progress.stalled:
        facts.append(Fact(ConditionType.STALLED, "True", progress.reason, message))
    elif not progress.complete and not progress.held and progress.phase != Phase.SUSPENDED:
        facts.append(Fact(ConditionType.RECONCILING, "True", progress.reason, message))
    return facts


def _with_trouble(progress: Progress, trouble: str) -> str:
    """Say what keeps requests from the way that a rollout waits for."""
    return progress.message if progress.complete or not trouble else f"{progress.message} {trouble}"


def _built(decision: Decision) -> list[Fact]:
    verdict = decision.verdict
    reason, message = verdict.reason or Reason.PENDING, verdict.message or "No build has run yet."
    built, resolved, validated = _truths(verdict)
    found = f"Data with sha256 {verdict.data_sha256}." if verdict.data_sha256 else message
    return [
        Fact(ConditionType.SOURCE_RESOLVED, resolved, reason, found),
        Fact(ConditionType.BUILT, built, reason, message),
        Fact(ConditionType.VALIDATED, validated, reason, message),
    ]


def _truths(verdict: BuildVerdict) -> tuple[Truth, Truth, Truth]:
    if verdict.state == "Succeeded":
        return "True", "True", "True"
    if verdict.state == "Failed":
        # Where the data's digest is known, the data was there: what failed came after it.
        return "False", "True" if verdict.data_sha256 else "False", "Unknown"
    return "Unknown", "Unknown", "Unknown"


def _available(observed: Observed) -> Fact:
    kind, router = ConditionType.AVAILABLE, observed.router
    stable = router.stable
    if stable is None:
        return Fact(kind, "False", Reason.NOTHING_SERVES, "No version has reached the line yet.")
    server = observed.server(stable)
    if not router.ready:
        return Fact(kind, "False", Reason.ROUTER_NOT_READY, router.trouble or "No router pod is ready.")
    if server is None or server.ready_replicas == 0:
        trouble = f": {server.trouble}" if server is not None and server.trouble else "."
        return Fact(kind, "False", Reason.VERSION_NOT_READY, f"No replica of version {stable} is ready{trouble}")
    return Fact(kind, "True", Reason.SERVING, f"Version {stable} serves.")


@dataclass(frozen=True)
class Transition:
    """Something worth an Event."""

    kind: Literal["Normal", "Warning"]
    reason: str
    message: str


def transitions(before: FaultModelStatus, after: FaultModelStatus) -> list[Transition]:
    """Say what changed between two statuses, for people who read Events."""
    out: list[Transition] = []
    old = {condition.type: condition for condition in before.conditions}
    new = {condition.type: condition for condition in after.conditions}
    if after.build is not None and after.build != before.build:
        kind: Literal["Normal", "Warning"] = "Normal" if after.build.outcome == "Succeeded" else "Warning"
        out.append(Transition(kind, after.build.reason, after.build.message))
    ready, was_ready = new.get(ConditionType.READY), old.get(ConditionType.READY)
    if ready is not None and (was_ready is None or was_ready.reason != ready.reason or _step(before) != _step(after)):
        bad = ConditionType.STALLED in new or (after.phase == Phase.ROLLING_BACK and ready.reason != Reason.SUPERSEDED)
        transition = Transition("Warning" if bad else "Normal", ready.reason, ready.message)
        if all(known.reason != transition.reason for known in out):
            out.append(transition)
    for watched in (ConditionType.AVAILABLE, ConditionType.INPUTS_STEADY, ConditionType.ACCURACY_KEPT):
        now, was = new.get(watched), old.get(watched)
        # That the monitor cannot say something for a while is no Event.
        silent = watched != ConditionType.AVAILABLE and now is not None and now.status == "Unknown"
        if now is not None and was is not None and now.status != was.status and not silent:
            kind = "Normal" if now.status == "True" else "Warning"
            out.append(Transition(kind, now.reason, now.message))
    return out


def _step(status: FaultModelStatus) -> int | None:
    return status.candidate.step if status.candidate is not None else None


def human_size(size: int) -> str:
    """Write a number of bytes as people and Kubernetes do: 812, 4.7Ki, 1.2Mi."""
    amount = float(size)
    for unit in ("", "Ki", "Mi"):
        if amount < 1024:
            return f"{int(amount)}{unit}" if not unit else f"{amount:.1f}{unit}"
        amount /= 1024
    return f"{amount:.1f}Gi"
