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
from andon.api.status import BuildResult
from andon.api.versions import ArtifactReference, BuiltFrom, FaultModelVersionSpec
from andon.core.build import BuildPlan, BuildVerdict, judge, plan
from andon.core.canary import note_of
from andon.core.causes import signals
from andon.core.decision import ROUTER_POLL, Decision, Progress
from andon.core.judgement import ANALYSIS_POLL, judged
from andon.core.observed import Observed, Route, Version
from andon.core.preflight import prove
from andon.core.reaction import react
from andon.core.reported_loss import losses
from andon.core.retraining import begun, due, next_time, noted
from andon.core.rollback import go_back
from andon.core.settling import converge_on, settle
from andon.core.switching import DISPROVED, FAILURES, abort, fall_back, overdue, rolled_back, saying, starting, switch
from andon.core.watching import breach, soonest


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
    if decision.assessment is not None:  # counts grow without an event
        told = replace(decision.progress, look_again=soonest(decision.progress.look_again, ANALYSIS_POLL))
        decision = replace(decision, progress=told)
    following = next_time(observed, now)
    if following is not None:
        told = replace(decision.progress, look_again=soonest(decision.progress.look_again, following - now))
        decision = replace(decision, progress=told)
    return replace(decision, promoted=_promoted(observed, decision))


def _promoted(observed: Observed, decision: Decision) -> frozenset[int]:
    """Give the versions that have held all traffic: not yet while they are watched, not any more once they failed."""
    weights = decision.route.weights if decision.route is not None and decision.watch is None else ()
    proven = frozenset(version for version, weight in weights if weight == 100)
    note = decision.canary
    failed = {note.version} if note is not None and note.ended in DISPROVED else set()
    return (observed.router.promoted | proven) - failed


def _decide(observed: Observed, now: datetime) -> Decision:
    seen = signals(observed, now)
    note = noted(observed, now)
    again = due(observed, note, seen, now)
    observed = replace(observed, router=replace(observed.router, retraining=begun(note, again)))
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
        watch=observed.router.watch,
        signals=seen,
        retraining=observed.router.retraining,
        assessment=judged(observed, now),
        failed_digests=_failed_digests(observed),
    )
    fallen = breach(observed, base.assessment, now)
    if fallen is not None:
        return fall_back(observed, base, *fallen, now)
    if observed.rollback and observed.router.stable is not None:
        return go_back(observed, base, observed.router.stable, now)
    reaction = react(observed, base, now)
    if reaction is not None:
        return reaction
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
    # A new spec may have mended what made a version fail, so it gets another chance.
    revision, note = observed.identity.revision, observed.router.canary
    failed = observed.status.failed_digests if observed.status.revision == revision else ()
    if note is None or note.ended not in FAILURES or note.revision != revision:
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
        return saying(refusal, settle(observed, base, now))
    if observed.abort == target.spec.digest:
        return abort(observed, base, target, stable, now)
    return switch(observed, base, target, stable, now)


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
    progress = starting(observed, number, server, now)
    if server is not None and progress.look_again == timedelta(0):
        # There is nothing to go back to: leave the server as it is, so that it can still come up, and say so.
        return replace(base, progress=overdue(observed, number, server))
    return replace(base, progress=progress)


def _refusal(observed: Observed, base: Decision, target: Version, stable: int) -> Progress | None:
    spec = target.spec
    if spec.digest in base.failed_digests:
        return _failed_before(observed, target, stable)
    if _withdrawn(observed, target):
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


def _withdrawn(observed: Observed, target: Version) -> bool:
    """Whether a version left for lack of evidence under this spec; a person may promote it all the same."""
    note = observed.router.canary
    if note is None or note.version != target.spec.version or observed.promote == target.spec.digest:
        return False
    return note.ended == Reason.EVIDENCE_MISSING and note.revision == observed.identity.revision


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
        return rolled_back(observed, stable, note.ended, told.message if known and told is not None else message)
    message = (
        f"Version {spec.version} ({spec.digest}) failed before; version {stable} goes on serving."
        " Change the spec or the data to try again."
    )
    return rolled_back(observed, stable, Reason.VERSION_FAILED_BEFORE, message)


def _suspended() -> Progress:
    return Progress(Phase.SUSPENDED, Reason.SUSPENDED, "spec.suspend is true: no rollout is started.")
