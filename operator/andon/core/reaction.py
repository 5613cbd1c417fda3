"""What follows when inputs drift or a version loses accuracy.

Alert changes nothing here. Hold keeps new versions from traffic (`andon.core.causes`). RollBack gives the line back to
the version before, as a person would by `andon.dev/rollback`; the one that left is not tried again under this
spec, so no two versions can chase each other.
"""

from dataclasses import replace
from datetime import datetime

from andon.api.conditions import Phase, Reason
from andon.api.durations import parse_duration
from andon.core.causes import Cause, cause_to_go_back
from andon.core.decision import Decision, Progress
from andon.core.observed import Observed, Version
from andon.core.signals import Signals
from andon.core.switching import left, switch


def place_to_go(observed: Observed, failed: tuple[str, ...], cause: Cause) -> Version | None:
    """Give the latest version before the one that serves that is proven and may take over; None where there is none.

    It has held all traffic and was not taken off the line for anything, takes the same inputs, has not failed under
    this spec, was not called off, and is not known to have been no better.
    """
    stable = observed.router.stable
    serving = observed.version(stable) if stable is not None else None
    if stable is None or serving is None:
        return None
    barred = {*failed, observed.abort, cause.reading.no_better if cause.reason == Reason.ACCURACY_LOST else ""}
    able = [
        version
        for version in observed.versions
        if version.spec.version in observed.router.promoted
        and version.spec.version < stable
        and version.spec.digest not in barred
        and version.spec.signature.digest == serving.spec.signature.digest
    ]
    return max(able, key=lambda version: version.spec.version, default=None)


def next_roll_back(observed: Observed, noted: Signals | None) -> datetime | None:
    """Give the time from which on a roll-back by reaction may follow; None where none came before."""
    if noted is None or noted.rolled_back is None:
        return None
    return noted.rolled_back + parse_duration(observed.spec.monitoring.damping.cooldown)


def react(observed: Observed, base: Decision, now: datetime) -> Decision | None:
    """Go back to the version before, where that is wanted and may be; None else."""
    cause, stable = cause_to_go_back(observed, base.signals), observed.router.stable
    ready = next_roll_back(observed, base.signals)
    if cause is None or stable is None or (ready is not None and now < ready):
        return None
    back = place_to_go(observed, base.failed_digests, cause)
    if back is None:
        return None
    number = back.spec.version
    spec = observed.spec.model_copy(update={"suspend": False})
    decision = switch(replace(observed, spec=spec, frozen=False), base, back, stable, now)
    if back.spec.digest in decision.failed_digests:
        return decision  # it did not come up, and that is what is to be said
    message = f"Version {stable}: {cause.reading.message} Version {number} takes its traffic back."
    if not (decision.route is not None and decision.route.weight(number) == 100):
        message = f"{message} {decision.progress.message}"
        return replace(decision, progress=_going_back(cause, message, decision))
    message = f"{message} Change the spec or the data to try again."
    gone = left(observed, replace(decision, progress=_going_back(cause, message, decision)), stable, cause.reason, now)
    noted = replace(decision.signals or Signals(stable), rolled_back=now)
    return replace(gone, watch=None, signals=noted)


def _going_back(cause: Cause, message: str, decision: Decision) -> Progress:
    return Progress(Phase.ROLLING_BACK, cause.reason, message, look_again=decision.progress.look_again)
