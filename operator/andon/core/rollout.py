"""How a new version reaches the line: (observed, now) → Decision.

Nothing is remembered between two decisions. What serves is what the router's route says, and each step of a switch
can be told from the route that is written down and from the routes that the router's pods say they follow:

    {old: 100} ─▶ {old: 100, new: 0} ─▶ {old: 0, new: 100} ─▶ {new: 100} ─▶ the old server goes

Every step waits until all router pods follow the one before, so that a request never meets a version that the router
does not know, and the old server still stands when the last request leaves it.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from andon.api.conditions import ConditionType, Phase, Reason
from andon.api.v1alpha1 import (
    ArtifactReference,
    BuildResult,
    BuiltFrom,
    FaultModelVersionSpec,
    parse_duration,
)
from andon.core.build import BuildPlan, BuildVerdict, judge, plan
from andon.core.observed import Observed, Route, Server, Version

DRAIN = timedelta(seconds=5)
"""How long a server that gets no more requests still stands, for those that it is answering."""

ROUTER_POLL = timedelta(seconds=1)
"""How often to ask the router's pods which route they follow, while they are to change it."""


@dataclass(frozen=True)
class Progress:
    """How far the rollout is, and why it is not further.

    Attributes
    ----------
    complete
        Whether the version that the spec asks for holds all traffic and no other is left.
    stalled
        Whether nothing will happen until a person changes something.
    """

    phase: Phase
    reason: str
    message: str
    complete: bool = False
    stalled: bool = False
    look_again: timedelta | None = None


@dataclass(frozen=True)
class Decision:
    """What is to be so, all of it, as of now.

    Attributes
    ----------
    build
        The plan whose Job is to exist (at work, or as the record of how it went); None: no Job.
    record
        What the status is to keep of the build.
    create
        A version to create, made of the build's report.
    servers
        Versions whose servers are to stand; all others go.
    route
        The route to write down; None: no router yet.
    failed_digests
        Artifacts that failed in their rollout under this generation.
    """

    verdict: BuildVerdict
    progress: Progress
    build: BuildPlan | None = None
    record: BuildResult | None = None
    create: FaultModelVersionSpec | None = None
    servers: tuple[int, ...] = ()
    route: Route | None = None
    candidate: int | None = None
    failed_digests: tuple[str, ...] = ()


def decide(observed: Observed, now: datetime) -> Decision:
    """Decide what is to be so for a FaultModel.

    Parameters
    ----------
    observed
        Everything that is known.
    now
        The time, with its zone.
    """
    build_plan = plan(observed)
    verdict = judge(observed, build_plan)
    base = Decision(
        verdict=verdict,
        progress=_waiting_for_build(observed, verdict),
        build=build_plan if _job_wanted(observed, build_plan, verdict) else None,
        record=_record(build_plan, verdict) or observed.status.build,
        servers=tuple(server.version for server in observed.servers),
        route=observed.router.configured,
        failed_digests=_failed_digests(observed),
    )
    if verdict.state != "Succeeded" or verdict.digest is None:
        return _settle(observed, base, now)
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
    if observed.status.observed_generation != observed.identity.generation:
        return ()
    return observed.status.failed_digests


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


def _settle(observed: Observed, base: Decision, now: datetime) -> Decision:
    """Let what serves hold all traffic, whatever was on its way."""
    route = observed.router.configured
    if route is None:
        return replace(base, servers=())
    return _converge_on(observed, base, route.stable, now)


def _roll_out(observed: Observed, base: Decision, target: Version, now: datetime) -> Decision:
    number, route = target.spec.version, observed.router.configured
    if route is None:
        return _first_version(observed, base, number, now)
    if number == route.stable:
        return _converge_on(observed, base, number, now, complete=True)
    refusal = _refusal(observed, base, target, route.stable)
    if refusal is not None:
        return replace(_settle(observed, base, now), progress=refusal)
    return _switch(observed, base, target, route, now)


def _first_version(observed: Observed, base: Decision, number: int, now: datetime) -> Decision:
    server = observed.server(number)
    if server is None and observed.spec.suspend:
        return replace(base, servers=(), progress=_suspended())
    base = replace(base, servers=(number,), candidate=number)
    if server is not None and server.ready:
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
        told = observed.status.condition(ConditionType.ROLLOUT_COMPLETE)
        if told is not None and told.reason == Reason.PROGRESS_DEADLINE_EXCEEDED:
            return Progress(Phase.FAILED, told.reason, told.message, stalled=True)  # what was found goes on being said
        message = (
            f"Version {spec.version} ({spec.digest}) failed before; version {stable} goes on serving."
            " Change the spec or the data to try again."
        )
        return Progress(Phase.FAILED, Reason.VERSION_FAILED_BEFORE, message, stalled=True)
    if observed.spec.suspend and observed.server(spec.version) is None:
        return _suspended()
    serving = observed.version(stable)
    if serving is None or serving.spec.signature.digest == spec.signature.digest or observed.approved == spec.digest:
        return None
    message = (
        f"Version {spec.version} has other columns or classes than version {stable}, which goes on serving: clients"
        f" must change with it. When they are ready, set the annotation andon.dev/approve to {spec.digest}."
    )
    return Progress(Phase.FAILED, Reason.SIGNATURE_CHANGED, message, stalled=True)


def _suspended() -> Progress:
    return Progress(Phase.SUSPENDED, Reason.SUSPENDED, "spec.suspend is true: no rollout is started.")


def _switch(observed: Observed, base: Decision, target: Version, route: Route, now: datetime) -> Decision:
    number, stable = target.spec.version, route.stable
    server = observed.server(number)
    base = replace(base, servers=tuple(sorted({stable, number, *base.servers})), candidate=number)
    if server is None or not server.ready:
        progress = _starting(observed, number, server, now)
        if server is not None and progress.look_again == timedelta(0):
            given_up = replace(base, candidate=None, failed_digests=(*base.failed_digests, target.spec.digest)[-20:])
            return replace(_settle(observed, given_up, now), progress=_overdue(observed, number, server))
        return replace(base, progress=progress)
    known, router = Route.of({stable: 100, number: 0}), observed.router
    if route not in (known, Route.of({stable: 100})):
        return _settle(observed, base, now)  # an earlier switch comes to its end first
    wanted = Route.of({stable: 0, number: 100}) if router.follows(known) and router.reaches(number) else known
    progress = Progress(
        Phase.SWITCHING,
        Reason.SWITCHING_TRAFFIC,
        f"Traffic moves from version {stable} to version {number}.",
        look_again=ROUTER_POLL,
    )
    return replace(base, route=wanted, progress=progress)


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


def _converge_on(observed: Observed, base: Decision, number: int, now: datetime, *, complete: bool = False) -> Decision:
    """Give all traffic to one version that already has it by the route's weights, then let the others go."""
    router, final = observed.router, Route.of({number: 100})
    keep_all = tuple(sorted({number, *base.servers}))
    if router.configured != final:
        drained = router.configured_since is not None and now - router.configured_since >= DRAIN
        follows = router.configured is not None and router.follows(router.configured)
        base = replace(base, servers=keep_all, route=final if follows and drained else router.configured)
        return replace(base, progress=_draining(base.progress, number, complete=complete))
    if not router.follows(final):
        base = replace(base, servers=keep_all)
        progress = _draining(base.progress, number, complete=complete)
        return replace(base, progress=progress)
    base = replace(base, servers=(number,))
    if not complete:
        return base
    return replace(base, progress=_arrived(observed, number))


def _draining(progress: Progress, number: int, *, complete: bool) -> Progress:
    if not complete:  # something else is to be said; only look again soon
        return replace(progress, look_again=ROUTER_POLL)
    message = f"Version {number} takes all traffic; the router's pods follow."
    return Progress(Phase.SWITCHING, Reason.SWITCHING_TRAFFIC, message, look_again=ROUTER_POLL)


def _arrived(observed: Observed, number: int) -> Progress:
    server = observed.server(number)
    if server is not None and server.ready:
        return Progress(Phase.STABLE, Reason.ROLLED_OUT, f"Version {number} serves all traffic.", complete=True)
    trouble = f": {server.trouble}" if server is not None and server.trouble else "."
    message = f"Version {number} holds all traffic, but not all its replicas are ready{trouble}"
    return Progress(Phase.STARTING, Reason.VERSION_NOT_READY, message)
