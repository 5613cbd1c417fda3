"""How a new version reaches the line: (observed, now) → Decision.

Nothing is remembered between two decisions. What serves is what the router's route says, and each step of a switch
can be told from the route that is written down and from the routes that the router's pods say they follow:

    {old: 100} ─▶ {old: 100, new: 0} ─▶ {old: 0, new: 100} ─▶ {new: 100} ─▶ the old server goes

Every step waits until all router pods follow the one before, so that a request never meets a version that the router
does not know, and the old server still stands when the last request leaves it. Between the second route and the third
lie the steps of a canary (`andon.core.canary`); a version that leaves the line goes back the same way.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from andon.api.conditions import ConditionType, Phase, Reason
from andon.api.durations import parse_duration
from andon.api.status import BuildResult
from andon.api.versions import ArtifactReference, BuiltFrom, FaultModelVersionSpec
from andon.core.build import BuildPlan, BuildVerdict, judge, plan
from andon.core.canary import advance, note_of
from andon.core.comparison import losses
from andon.core.decision import ROUTER_POLL, Decision, Progress
from andon.core.observed import Canary, Observed, Route, Server, Version
from andon.core.preflight import prove
from andon.core.settling import converge_on, settle


def decide(observed: Observed, now: datetime) -> Decision:
    """Decide what is to be so for a FaultModel.

    Parameters
    ----------
    observed
        Everything that is known.
    now
        The time, with its zone.
    """
    decision = _decide(observed, now)
    weights = decision.route.weights if decision.route is not None else ()
    proven = frozenset(version for version, weight in weights if weight == 100)
    return replace(decision, promoted=observed.router.promoted | proven)


def _decide(observed: Observed, now: datetime) -> Decision:
    build_plan = plan(observed)
    verdict = judge(observed, build_plan)
    base = Decision(
        verdict=verdict,
        progress=_waiting_for_build(observed, verdict),
        build=build_plan if _job_wanted(observed, build_plan, verdict) else None,
        record=_record(build_plan, verdict) or observed.status.build,
        servers=tuple(server.version for server in observed.servers),
        route=observed.router.configured,
        canary=observed.router.canary,
        failed_digests=_failed_digests(observed),
    )
    if verdict.state != "Succeeded" or verdict.digest is None:
        return settle(observed, base, now)
    target = observed.version_of(verdict.digest)
    if target is None:
        return replace(base, create=_new_version(observed, build_plan, verdict))
    return _roll_out(observed, base, target, now)


def _job_wanted(observed: Observed, build_plan: BuildPlan, verdict: BuildVerdict) -> bool:
    # A finished Job stays as the record of its build, but one that somebody removed is not run again.
    if verdict.state == "Absent":
        return not observed.spec.suspend
    return verdict.state != "Lost" and observed.build(build_plan.job) is not None


def _suspended_before(observed: Observed, verdict: BuildVerdict) -> bool:
    return observed.spec.suspend and verdict.state == "Absent"


def _failed_digests(observed: Observed) -> tuple[str, ...]:
    # A new generation may have mended what made a version fail, so it gets another chance.
    generation, note = observed.identity.generation, observed.router.canary
    failed = observed.status.failed_digests if observed.status.observed_generation == generation else ()
    if note is None or note.ended in ("", Reason.SUPERSEDED) or note.generation != generation:
        return failed
    version = observed.version(note.version)
    if version is None or version.spec.digest in failed:
        return failed
    return (*failed, version.spec.digest)[-20:]


def _record(build_plan: BuildPlan, verdict: BuildVerdict) -> BuildResult | None:
    if verdict.state not in ("Succeeded", "Failed"):
        return None
    return BuildResult(
        plan=build_plan.digest,
        outcome=verdict.state,
        reason=verdict.reason,
        message=verdict.message,
        digest=verdict.digest,
        data_sha256=verdict.data_sha256,
    )


def _waiting_for_build(observed: Observed, verdict: BuildVerdict) -> Progress:
    if verdict.state == "Failed":
        return Progress(Phase.FAILED, verdict.reason, verdict.message, stalled=True)
    if _suspended_before(observed, verdict):
        return Progress(Phase.SUSPENDED, Reason.SUSPENDED, "spec.suspend is true: no build is started.")
    reason, message = verdict.reason or Reason.PENDING, verdict.message or "The build is about to start."
    return Progress(Phase.BUILDING, reason, message)


def _new_version(observed: Observed, build_plan: BuildPlan, verdict: BuildVerdict) -> FaultModelVersionSpec | None:
    report = verdict.report
    if report is None or report.signature is None or report.metrics is None or report.runtime is None:
        return None
    return FaultModelVersionSpec(
        fault_model_name=observed.identity.name,
        version=_next_number(observed),
        digest=report.digest or "",
        artifact=ArtifactReference(uri=report.uri or "", bytes=report.bytes or 0, plain_bytes=report.plain_bytes),
        built_from=BuiltFrom(
            plan=build_plan.digest,
            inputs_digest=report.build_inputs_digest or "",
            data_sha256=report.data_sha256 or "",
            generation=observed.identity.generation,
        ),
        signature=report.signature,
        runtime=report.runtime,
        metrics=report.metrics,
    )


def _next_number(observed: Observed) -> int:
    # Also past what serves but has lost its FaultModelVersion: a number never stands for two artifacts.
    route = observed.router.configured
    numbers = {version.spec.version for version in observed.versions}
    numbers |= {server.version for server in observed.servers} | set(route.versions if route is not None else ())
    return max(numbers, default=0) + 1


def _roll_out(observed: Observed, base: Decision, target: Version, now: datetime) -> Decision:
    number, stable = target.spec.version, observed.router.stable
    if stable is None:
        return _first_version(observed, base, number, now)
    if number == stable:
        return converge_on(observed, base, number, now, complete=True)
    refusal = _refusal(observed, base, target, stable)
    if refusal is not None:
        return _saying(refusal, settle(observed, base, now))
    if observed.abort == target.spec.digest:
        return _abort(observed, base, target, stable, now)
    return _switch(observed, base, target, stable, now)


def _first_version(observed: Observed, base: Decision, number: int, now: datetime) -> Decision:
    server = observed.server(number)
    if server is None and observed.spec.suspend:
        return replace(base, servers=(), progress=_suspended())
    base = replace(base, servers=(number,), candidate=number)
    if server is not None and server.ready:
        proof = prove(observed, number)
        base = replace(base, preflight=number)
        if not proof.passed:
            return replace(base, progress=proof.progress)
        progress = Progress(Phase.SWITCHING, Reason.ROUTER_NOT_READY, "The router starts.", look_again=ROUTER_POLL)
        return replace(base, route=Route.of({number: 100}), progress=progress)
    progress = _starting(observed, number, server, now)
    if server is not None and progress.look_again == timedelta(0):
        # There is nothing to go back to: leave the server as it is, so that it can still come up, and say so.
        return replace(base, progress=_overdue(observed, number, server))
    return replace(base, progress=progress)


def _refusal(observed: Observed, base: Decision, target: Version, stable: int) -> Progress | None:
    spec = target.spec
    if spec.digest in base.failed_digests:
        return _failed_before(observed, target, stable)
    if observed.spec.suspend and observed.server(spec.version) is None:
        return _suspended()
    serving = observed.version(stable)
    if serving is None or observed.approved == spec.digest:
        return None
    if serving.spec.signature.digest == spec.signature.digest:
        return _loss(observed, target, serving)
    message = (
        f"Version {spec.version} has other columns or classes than version {stable}, which goes on serving: clients"
        f" must change with it. When they are ready, set the annotation andon.dev/approve to {spec.digest}."
    )
    return Progress(Phase.FAILED, Reason.SIGNATURE_CHANGED, message, stalled=True)


def _loss(observed: Observed, target: Version, serving: Version) -> Progress | None:
    spec, stable = target.spec, serving.spec.version
    known = spec.version in observed.router.promoted or note_of(observed, spec.version) is not None
    lost = () if known else losses(observed.spec.validation.gates, spec.metrics, serving.spec.metrics)
    if not lost:
        return None
    message = (
        f"Version {spec.version} scores worse than version {stable}, which goes on serving: {'; '.join(lost)}. Give"
        f" better data, or let it in all the same: set the annotation andon.dev/approve to {spec.digest}."
    )
    return Progress(Phase.FAILED, Reason.LOSS_TO_STABLE, message, stalled=True)


def _failed_before(observed: Observed, target: Version, stable: int) -> Progress:
    spec, note = target.spec, observed.router.canary
    if note is not None and note.version == spec.version and note.ended:
        told = observed.status.condition(ConditionType.ROLLOUT_COMPLETE)
        known = told is not None and told.reason == note.ended  # what was found goes on being said
        message = f"Version {spec.version} left the line; version {stable} goes on serving."
        return _rolled_back(observed, stable, note.ended, told.message if known and told is not None else message)
    message = (
        f"Version {spec.version} ({spec.digest}) failed before; version {stable} goes on serving."
        " Change the spec or the data to try again."
    )
    return _rolled_back(observed, stable, Reason.VERSION_FAILED_BEFORE, message)


def _rolled_back(observed: Observed, stable: int, reason: str, message: str) -> Progress:
    if observed.router.configured == Route.of({stable: 100}):
        return Progress(Phase.ROLLED_BACK, reason, message, stalled=True)
    return Progress(Phase.ROLLING_BACK, reason, message, look_again=ROUTER_POLL)


def _suspended() -> Progress:
    return Progress(Phase.SUSPENDED, Reason.SUSPENDED, "spec.suspend is true: no rollout is started.")


def _switch(observed: Observed, base: Decision, target: Version, stable: int, now: datetime) -> Decision:
    number, server = target.spec.version, observed.server(target.spec.version)
    route = observed.router.configured
    base = replace(base, servers=tuple(sorted({stable, number, *_in_use(observed)})), candidate=number)
    if note_of(observed, number) is not None:
        trouble = _trouble(server)
        if trouble:
            message = (
                f"Version {number} failed on the line: {trouble}. Version {stable} takes its traffic."
                " Change the spec or the data to try again."
            )
            return _give_up(observed, base, target, stable, Reason.CANDIDATE_FAILED, message, now)
    elif server is None or not server.ready:
        progress = _starting(observed, number, server, now)
        if server is not None and progress.look_again == timedelta(0):
            message = _overdue(observed, number, server).message
            return _give_up(observed, base, target, stable, Reason.PROGRESS_DEADLINE_EXCEEDED, message, now)
        return replace(base, progress=progress)
    if route is not None and not set(route.versions) <= {stable, number}:
        return settle(observed, base, now)  # an earlier switch comes to its end first
    if _unproven(observed, number):
        proof = prove(observed, number)
        base = replace(base, preflight=number)
        if proof.differs:
            return _give_up(observed, base, target, stable, Reason.GOLDEN_SAMPLES_DIFFER, proof.differs, now)
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


def _trouble(server: Server | None) -> str:
    """Say why a version that gets requests cannot answer them; empty where it can."""
    if server is None:
        return "its server is gone"
    if server.ready_replicas == 0 or "CrashLoopBackOff" in server.trouble:
        return server.trouble or "none of its replicas is ready"
    return ""


def _abort(observed: Observed, base: Decision, target: Version, stable: int, now: datetime) -> Decision:
    number, route = target.spec.version, observed.router.configured
    message = (
        f"Version {number} was called off by the annotation andon.dev/abort; version {stable} goes on serving."
        " To try it again, take the annotation away and change the spec or the data."
    )
    if observed.server(number) is not None or (route is not None and number in route.versions):
        return _give_up(observed, base, target, stable, Reason.ABORTED, message, now)
    return _saying(_rolled_back(observed, stable, Reason.ABORTED, message), settle(observed, base, now))


def _give_up(
    observed: Observed, base: Decision, target: Version, stable: int, reason: Reason, message: str, now: datetime
) -> Decision:
    """Take a version off the line, and note beside the route why: the status may not get that far."""
    spec, note = target.spec, note_of(observed, target.spec.version)
    step = note.step if note is not None else 0
    ended = Canary(spec.version, step, now, ended=reason, generation=observed.identity.generation)
    failed = (*base.failed_digests, spec.digest)[-20:]
    given_up = replace(base, candidate=None, preflight=None, canary=ended, failed_digests=failed)
    settled = settle(observed, given_up, now)
    return _saying(_rolled_back(observed, stable, reason, message), settled)


def _saying(progress: Progress, settled: Decision) -> Decision:
    """Say something else of a decision, but look again as soon as it wants to: routers tell nobody when they follow."""
    return replace(settled, progress=replace(progress, look_again=settled.progress.look_again))


def _starting(observed: Observed, number: int, server: Server | None, now: datetime) -> Progress:
    """Progress of a server that is not ready; looking again after zero time means that its time is over."""
    deadline = parse_duration(observed.spec.rollout.progress_deadline)
    message = f"Version {number} starts."
    if server is None:
        return Progress(Phase.STARTING, Reason.VERSION_STARTING, message, look_again=deadline)
    if server.trouble:
        message = f"Version {number} is not ready: {server.trouble}"
    left = max(server.since + deadline - now, timedelta(0))
    return Progress(Phase.STARTING, Reason.VERSION_STARTING, message, look_again=left)


def _overdue(observed: Observed, number: int, server: Server) -> Progress:
    trouble = f" ({server.trouble})" if server.trouble else ""
    message = (
        f"Version {number} was not ready within {observed.spec.rollout.progress_deadline}{trouble}."
        f" See kubectl describe pod -l andon.dev/faultmodel={observed.identity.name},andon.dev/version={number};"
        " mend the spec (serving.resources, serving.image, rollout.progressDeadline) to try again."
    )
    return Progress(Phase.FAILED, Reason.PROGRESS_DEADLINE_EXCEEDED, message, stalled=True)
