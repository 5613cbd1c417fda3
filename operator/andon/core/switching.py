"""One version takes over from another, step by step, and leaves the line again where it must."""

from dataclasses import replace
from datetime import datetime, timedelta

from andon.api.conditions import Phase, Reason
from andon.api.durations import parse_duration
from andon.core.analysis import Verdict
from andon.core.canary import advance, note_of
from andon.core.decision import ROUTER_POLL, Decision, Progress
from andon.core.judgement import noted, withdrawal
from andon.core.notes import Canary
from andon.core.observed import Observed, Route, Server, Version
from andon.core.preflight import prove
from andon.core.settling import converge_on, settle
from andon.core.watching import breakdown

FAILURES = frozenset(
    {
        Reason.PROGRESS_DEADLINE_EXCEEDED,
        Reason.GOLDEN_SAMPLES_DIFFER,
        Reason.LATENCY_OVER_LIMIT,
        Reason.CANDIDATE_FAILED,
        Reason.ANALYSIS_FAILED,
        Reason.ABORTED,
        Reason.ROLLBACK_ASKED,
        Reason.DRIFTED,
        Reason.ACCURACY_LOST,
    }
)
"""How a version may end so that it is not tried again under the same spec; for others it may."""

DISPROVED = frozenset(
    {
        Reason.CANDIDATE_FAILED,
        Reason.ANALYSIS_FAILED,
        Reason.ROLLBACK_ASKED,
        Reason.DRIFTED,
        Reason.ACCURACY_LOST,
    }
)
"""Those after which a version that has held all traffic has to take the steps again."""

_AGAIN = {
    Reason.CANDIDATE_FAILED: "Change the spec or the data to try again.",
    Reason.ANALYSIS_FAILED: "Change the spec or the data to try again.",
    Reason.EVIDENCE_MISSING: (
        "That is no failure of the version: it is tried again after the next change of the spec, or set the annotation"
        " andon.dev/promote to its digest to take it as it is."
    ),
}


def switch(observed: Observed, base: Decision, target: Version, stable: int, now: datetime) -> Decision:
    number, server = target.spec.version, observed.server(target.spec.version)
    route = observed.router.configured
    base = replace(base, servers=tuple(sorted({stable, number, *_in_use(observed)})), candidate=number)
    note = note_of(observed, number)
    if note is not None:
        ended = _ended(observed, base, note, server, now)
        if ended is not None:
            message = f"{ended[1]} Version {stable} takes its traffic. {_AGAIN[ended[0]]}"
            return give_up(observed, base, target, stable, ended[0], message, now)
        if base.assessment is not None:
            base = replace(base, canary=noted(observed, note, base.assessment, now))
    elif server is None or not server.ready:
        progress = starting(observed, number, server, now)
        if server is not None and progress.look_again == timedelta(0):
            message = overdue(observed, number, server).message
            return give_up(observed, base, target, stable, Reason.PROGRESS_DEADLINE_EXCEEDED, message, now)
        return replace(base, progress=progress)
    if route is not None and not set(route.versions) <= {stable, number}:
        return settle(observed, base, now, hurry=True)  # an earlier switch comes to its end first
    if _unproven(observed, number):
        proof = prove(observed, number)
        base = replace(base, preflight=number)
        if proof.refused is not None:
            return give_up(observed, base, target, stable, proof.refused, proof.progress.message, now)
        if not proof.passed:
            return replace(base, progress=proof.progress)
    if server is not None and not server.ready:
        message = f"Version {number} goes no further while not all its replicas are ready."
        return replace(base, progress=Progress(Phase.CANARY, Reason.VERSION_NOT_READY, message))
    return advance(observed, base, target, stable, now)


def _unproven(observed: Observed, number: int) -> bool:
    """Whether a version has yet to answer its golden samples. Suspended, nothing new is started for it."""
    router = observed.router
    fresh = number not in router.promoted and note_of(observed, number) is None
    return fresh and not observed.spec.suspend and (router.configured is None or not router.configured.weight(number))


def _in_use(observed: Observed) -> set[int]:
    """Versions to which a request may still go; every server where a router pod does not say what it follows."""
    routes = [observed.router.configured, *(pod.live for pod in observed.router.pods)]
    if not observed.router.pods or None in routes:
        return {server.version for server in observed.servers}
    return {version for route in routes if route is not None for version in route.versions}


def _ended(
    observed: Observed, base: Decision, note: Canary, server: Server | None, now: datetime
) -> tuple[Reason, str] | None:
    """Say why a version on trial has to leave the line; None where it may stay."""
    trouble, found = breakdown(server), base.assessment
    if trouble:
        return Reason.CANDIDATE_FAILED, f"Version {note.version} failed on the line: {trouble}."
    if found is None:
        return None
    if found.verdict == Verdict.FAIL:
        return Reason.ANALYSIS_FAILED, f"Version {note.version} broke a limit. {found.message}"
    missing = withdrawal(observed, note, found, now)
    return (Reason.EVIDENCE_MISSING, f"{missing}. {found.message}") if missing else None


def fall_back(observed: Observed, base: Decision, reason: Reason, message: str, now: datetime) -> Decision:
    """Give the traffic back to the version before, which stands ready, and note why."""
    watch, number = observed.router.watch, observed.router.stable
    if watch is None or number is None:
        return base
    version, revision = observed.version(number), observed.identity.revision
    failed = base.failed_digests if version is None else (*base.failed_digests, version.spec.digest)[-20:]
    ended = Canary(number, len(observed.spec.rollout.steps), now, ended=reason, revision=revision)
    back = converge_on(observed, replace(base, canary=ended, failed_digests=failed), watch.former, now)
    return saying(Progress(Phase.ROLLING_BACK, reason, message), back)


def abort(observed: Observed, base: Decision, target: Version, stable: int, now: datetime) -> Decision:
    number, route = target.spec.version, observed.router.configured
    message = (
        f"Version {number} was called off by the annotation andon.dev/abort; version {stable} goes on serving."
        " To try it again, take the annotation away and change the spec or the data."
    )
    if observed.server(number) is not None or (route is not None and number in route.versions):
        return give_up(observed, base, target, stable, Reason.ABORTED, message, now)
    return saying(rolled_back(observed, stable, Reason.ABORTED, message), settle(observed, base, now))


def give_up(
    observed: Observed, base: Decision, target: Version, stable: int, reason: Reason, message: str, now: datetime
) -> Decision:
    """Take a version off the line, and note beside the route why: the status may not get that far."""
    spec, note = target.spec, note_of(observed, target.spec.version)
    step = note.step if note is not None else 0
    ended = Canary(spec.version, step, now, ended=reason, revision=observed.identity.revision)
    failed = (*base.failed_digests, spec.digest)[-20:] if reason in FAILURES else base.failed_digests
    given_up = replace(base, candidate=None, preflight=None, canary=ended, failed_digests=failed)
    settled = settle(observed, given_up, now)
    return saying(rolled_back(observed, stable, reason, message), settled)


def left(observed: Observed, decision: Decision, number: int, reason: Reason, now: datetime) -> Decision:
    """Note why a version has left the line: it is not tried again under this spec."""
    version, failed = observed.version(number), decision.failed_digests
    if version is not None and version.spec.digest not in failed:
        failed = (*failed, version.spec.digest)[-20:]
    ended = Canary(number, 0, now, ended=reason, revision=observed.identity.revision)
    return replace(decision, canary=ended, failed_digests=failed)


def saying(progress: Progress, settled: Decision) -> Decision:
    """Say something else of a decision, but look again as soon as it wants to: routers tell nobody when they follow."""
    return replace(settled, progress=replace(progress, look_again=settled.progress.look_again))


def rolled_back(observed: Observed, stable: int, reason: str, message: str) -> Progress:
    if observed.router.configured == Route.of({stable: 100}):
        return Progress(Phase.ROLLED_BACK, reason, message, stalled=True)
    return Progress(Phase.ROLLING_BACK, reason, message, look_again=ROUTER_POLL)


def starting(observed: Observed, number: int, server: Server | None, now: datetime) -> Progress:
    """Progress of a server that is not ready; looking again after zero time means that its time is over."""
    deadline = parse_duration(observed.spec.rollout.progress_deadline)
    message = f"Version {number} starts."
    if server is None:
        return Progress(Phase.STARTING, Reason.VERSION_STARTING, message, look_again=deadline)
    if server.trouble:
        message = f"Version {number} is not ready: {server.trouble}"
    left = max(server.since + deadline - now, timedelta(0))
    return Progress(Phase.STARTING, Reason.VERSION_STARTING, message, look_again=left)


def overdue(observed: Observed, number: int, server: Server) -> Progress:
    trouble = f" ({server.trouble})" if server.trouble else ""
    message = (
        f"Version {number} was not ready within {observed.spec.rollout.progress_deadline}{trouble}."
        f" See kubectl describe pod -l andon.dev/faultmodel={observed.identity.name},andon.dev/version={number};"
        " mend the spec (serving.resources, serving.image, rollout.progressDeadline) to try again."
    )
    return Progress(Phase.FAILED, Reason.PROGRESS_DEADLINE_EXCEEDED, message, stalled=True)
