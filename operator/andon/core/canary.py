"""A new version's way through the steps of `spec.rollout.steps`, up to all traffic.

    {old: 100, new: 0} ─▶ step 1 ─▶ step 2 ─▶ … ─▶ {old: 0, new: 100}

The step that it is at stands in a note beside the route, in the same write, and with it since when. A step has
done its part when every router pod follows its route, its pause or shadow is over, or a person has approved the
artifact. A version gains traffic only where the evidence lets it (`andon.core.judgement`), in the plant's windows, and
not while `spec.suspend` is true or its namespace is frozen; to lose traffic needs no leave.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from andon.api.conditions import Phase, Reason
from andon.api.durations import parse_duration
from andon.api.rollout import Step
from andon.core.causes import held
from andon.core.decision import ROUTER_POLL, Decision, Progress
from andon.core.judgement import evidence_holds
from andon.core.notes import Canary, Watch
from andon.core.observed import Observed, Route, Version
from andon.core.stickiness import what_can_be_split
from andon.core.times import utc_text
from andon.core.windows import WindowError, gate

Steps = tuple[Step, ...]

FREEZE_POLL = timedelta(seconds=30)
"""How often to look whether a namespace is still frozen: namespaces are not watched."""


def weight_at(steps: Steps, index: int) -> int:
    """Give the candidate's share while it is at a step, in per cent: that of the last weight up to there."""
    return max((step.weight for step in steps[: index + 1] if step.weight is not None), default=0)


def route_at(steps: Steps, index: int, stable: int, candidate: int) -> Route:
    """Give the route of a step. Copies are sent from the first step with shadow to the first with a weight."""
    weight = weight_at(steps, index)
    shadowed = weight == 0 and any(step.shadow is not None for step in steps[: index + 1])
    return Route.of({stable: 100 - weight, candidate: weight}, candidate if shadowed else None)


def note_of(observed: Observed, version: int) -> Canary | None:
    """Give the note of a version that is on its way through the steps; None where it is not, or not any more."""
    note = observed.router.canary
    return note if note is not None and note.version == version and not note.ended else None


def advance(observed: Observed, base: Decision, target: Version, stable: int, now: datetime) -> Decision:
    """Bring a version whose server is ready one step further, where it may go.

    Parameters
    ----------
    base
        What stays so: the route and the note as they are, both servers.
    stable
        The version that serves; the route that is written down knows it, at most the target, and no other.
    """
    number, router = target.spec.version, observed.router
    here = router.configured
    if observed.spec.suspend:
        return replace(base, progress=_suspended(number, here))
    known = Route.of({stable: 100, number: 0})
    if here is None or number not in here.versions:
        # An earlier candidate may have just left the route: it has to be gone before the next one comes.
        wanted = known if here is None or router.follows(here) else here
        return replace(base, route=wanted, canary=None, progress=_switching(stable, number))
    if _goes_at_once(observed, target, stable):
        return _begin(observed, base, target, stable, now)
    at = _position(observed, number, here.weight(number))
    if at is None:
        if here != known:  # the steps have been changed, and none of them has so small a share
            return replace(base, route=known, canary=None, progress=_switching(stable, number))
        return _begin(observed, base, target, stable, now)
    return _at_step(observed, base, target, stable, at, now)


def _goes_at_once(observed: Observed, target: Version, stable: int) -> bool:
    """Whether the steps, or what is left of them, do not matter."""
    spec = target.spec
    # Of columns that differ requests fit one of the two only, so a share of them would be refused.
    return (
        _differs(observed, target, stable)
        or spec.version in observed.router.promoted
        or observed.promote == spec.digest
    )


def _position(observed: Observed, number: int, weight: int) -> int | None:
    """Give the index of the step that the candidate is at; None before the first one."""
    steps, note = observed.spec.rollout.steps, note_of(observed, number)
    if note is None:
        return None
    if note.step < len(steps) and weight_at(steps, note.step) == weight:
        return note.step
    # The steps have been changed: go on from the last one that gives no more than what the candidate has.
    within = [index for index, step in enumerate(steps) if step.weight is not None and step.weight <= weight]
    return max(within, default=None)


def _begin(observed: Observed, base: Decision, target: Version, stable: int, now: datetime) -> Decision:
    """Leave the known route, or the step that a person has cut short."""
    number, router = target.spec.version, observed.router
    if router.configured is None or not router.follows(router.configured) or not router.reaches(number):
        return replace(base, progress=_switching(stable, number))
    first = None if _goes_at_once(observed, target, stable) or not observed.spec.rollout.steps else 0
    return _enter(observed, base, target, stable, first, now)


def _at_step(observed: Observed, base: Decision, target: Version, stable: int, at: int, now: datetime) -> Decision:
    decision = _step(observed, base, target, stable, at, now)
    split = _split(observed, decision.route, target.spec.version)
    if not split:
        return decision
    return replace(decision, progress=replace(decision.progress, message=f"{decision.progress.message} {split}"))


def _split(observed: Observed, route: Route | None, number: int) -> str:
    """Say what a share means for assets, each of which stays with one version; empty where none are known."""
    assets = observed.evidence.assets
    if not assets or route is None or not 0 < route.weight(number) < 100:
        return ""
    return what_can_be_split(assets, route.weight(number)) if observed.spec.rollout.traffic.asset_header else ""


def _step(observed: Observed, base: Decision, target: Version, stable: int, at: int, now: datetime) -> Decision:
    number, router, steps = target.spec.version, observed.router, observed.spec.rollout.steps
    note = note_of(observed, number)
    wanted = route_at(steps, at, stable, number)
    if note is None or note.step != at or router.configured != wanted:
        note = Canary(number, at, _whole(now))
        return replace(base, route=wanted, canary=note, progress=_advancing(steps, note))
    if not router.follows(wanted):
        return replace(base, progress=_advancing(steps, note))
    waits = _waits(observed, target, note, now)
    if waits is not None:
        return replace(base, progress=waits)
    following = at + 1 if at + 1 < len(steps) else None
    gains = following is None or weight_at(steps, following) > wanted.weight(number)
    if gains and base.assessment is not None:
        holds = evidence_holds(observed, note, base.assessment, _where(steps, note), now)
        if holds is not None:
            return replace(base, progress=holds)
    return _enter(observed, base, target, stable, following, now)


def _waits(observed: Observed, target: Version, note: Canary, now: datetime) -> Progress | None:
    """Say what a step waits for; None where it has done its part."""
    steps = observed.spec.rollout.steps
    step, where = steps[note.step], _where(steps, note)
    if step.pause is not None:
        until = note.since + parse_duration(step.pause)
        message = f"{where}; a pause of {step.pause} until {utc_text(until)}."
        if now < until:
            return Progress(Phase.PAUSED, Reason.PAUSED, message, held=True, look_again=until - now)
    if step.shadow is not None:
        until = note.since + parse_duration(step.shadow)
        message = f"{where}, until {utc_text(until)}."
        if now < until:
            return Progress(Phase.SHADOW, Reason.SHADOWING, message, look_again=until - now)
    if step.approval is not None and observed.approved != target.spec.digest:
        message = (
            f"{where}, and waits for a person. To let it go on, set the annotation andon.dev/approve to"
            f" {target.spec.digest}; to call it off, set andon.dev/abort to the same."
        )
        return Progress(Phase.AWAITING_APPROVAL, Reason.AWAITING_APPROVAL, message, held=True)
    return None


def _enter(
    observed: Observed, base: Decision, target: Version, stable: int, index: int | None, now: datetime
) -> Decision:
    """Go to a step, or, past the last one, give the candidate all traffic."""
    number, steps = target.spec.version, observed.spec.rollout.steps
    weight = weight_at(steps, index) if index is not None else 100
    here = observed.router.configured
    if here is not None and weight > here.weight(number):
        closed = _closed(observed, base, target, here, now)
        if closed is not None:
            return replace(base, progress=closed)
    if index is None:
        route = Route.of({stable: 0, number: 100})
        watch = Watch(stable, _whole(now)) if _to_be_watched(observed, target, stable) else None
        return replace(base, route=route, canary=None, watch=watch, progress=_switching(stable, number))
    note = Canary(number, index, _whole(now))
    route = route_at(steps, index, stable, number)
    return replace(base, route=route, canary=note, progress=_advancing(steps, note))


def _to_be_watched(observed: Observed, target: Version, stable: int) -> bool:
    # Where clients have changed with a version, the one before could not answer them.
    wanted = observed.spec.rollout.watch is not None and target.spec.version not in observed.router.promoted
    return wanted and not _differs(observed, target, stable)


def _differs(observed: Observed, target: Version, stable: int) -> bool:
    serving = observed.version(stable)
    return serving is not None and serving.spec.signature.digest != target.spec.signature.digest


def _closed(observed: Observed, base: Decision, target: Version, here: Route, now: datetime) -> Progress | None:
    """Say why a version may not gain traffic now; None where it may."""
    number = target.spec.version
    if number in observed.router.promoted:
        return None  # going back to a proven version may be urgent: no window holds it
    reaction = held(observed, base.signals, target, here.weight(number))
    if reaction is not None:
        return reaction
    if observed.frozen:
        message = (
            f"Version {number} has {here.weight(number)}% of the requests; the annotation andon.dev/freeze on namespace"
            f" {observed.identity.namespace} keeps it from having more."
        )
        return Progress(Phase.FROZEN, Reason.FROZEN, message, held=True, look_again=FREEZE_POLL)
    try:
        found = gate(observed.spec.rollout.windows, now)
    except WindowError as error:
        message = f"spec.rollout.windows: {error}. Until that is mended version {number} gains no traffic."
        return Progress(Phase.WAITING_FOR_WINDOW, Reason.INVALID_WINDOW, message, stalled=True)
    if found.open:
        return None
    has = f"Version {number} has {here.weight(number)}% of the requests"
    if found.opens is None:
        message = f"{has}; no time is in sight at which the windows let it have more."
        return Progress(Phase.WAITING_FOR_WINDOW, Reason.WAITING_FOR_WINDOW, message, held=True)
    message = f"{has}; the windows let it have more from {utc_text(found.opens)} on."
    left = found.opens - now
    return Progress(
        Phase.WAITING_FOR_WINDOW, Reason.WAITING_FOR_WINDOW, message, held=True, opens=found.opens, look_again=left
    )


def _suspended(number: int, here: Route | None) -> Progress:
    has = here.weight(number) if here is not None else 0
    message = f"spec.suspend is true: version {number} stays at {has}% of the requests."
    return Progress(Phase.SUSPENDED, Reason.SUSPENDED, message, held=True)


def _switching(stable: int, number: int) -> Progress:
    message = f"Traffic moves from version {stable} to version {number}."
    return Progress(Phase.SWITCHING, Reason.SWITCHING_TRAFFIC, message, look_again=ROUTER_POLL)


def _advancing(steps: Steps, note: Canary) -> Progress:
    message = f"{_where(steps, note)}."
    phase = Phase.CANARY if weight_at(steps, note.step) else Phase.SHADOW
    return Progress(phase, Reason.CANARY_ADVANCING, message, look_again=ROUTER_POLL)


def _where(steps: Steps, note: Canary) -> str:
    share = weight_at(steps, note.step)
    shadowed = share == 0 and any(step.shadow is not None for step in steps[: note.step + 1])
    has = "gets a copy of each request" if shadowed else f"has {share}% of the requests"
    return f"Step {note.step + 1} of {len(steps)}: version {note.version} {has}"


def _whole(time: datetime) -> datetime:
    # The note is written to the second; rounded up, so that no pause is cut short.
    return time if time.microsecond == 0 else time.replace(microsecond=0) + timedelta(seconds=1)
