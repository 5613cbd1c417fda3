"""The conditions InputsSteady and AccuracyKept: what is seen of the version that serves, and what follows."""

from datetime import datetime

from andon.api.conditions import ConditionType
from andon.api.durations import parse_duration
from andon.api.status import FaultModelStatus
from andon.core.causes import Cause, causes
from andon.core.decision import Decision
from andon.core.facts import Fact, Truth, with_facts
from andon.core.observed import Observed
from andon.core.reaction import next_roll_back, place_to_go
from andon.core.retraining import due
from andon.core.times import utc_text

_TYPES = {"onDrift": ConditionType.INPUTS_STEADY, "onAccuracyLoss": ConditionType.ACCURACY_KEPT}


def with_live(status: FaultModelStatus, observed: Observed, decision: Decision, now: datetime) -> FaultModelStatus:
    """Give the status with both conditions; without them where nothing is watched, or nothing serves."""
    told = [_fact(one, observed, decision, now) for one in causes(observed, decision.signals)]
    return with_facts(status, observed, _TYPES.values(), told, now)


def _fact(cause: Cause, observed: Observed, decision: Decision, now: datetime) -> Fact:
    message = f"{cause.reading.message} {_follows(cause, observed, decision, now)}".strip()
    return Fact(_TYPES[cause.field], _truth(cause), cause.reading.reason, message)


def _truth(cause: Cause) -> Truth:
    if cause.reading.seen or cause.reading.sensors:
        return "False"
    return "Unknown" if cause.reading.seen is None else "True"


def _follows(cause: Cause, observed: Observed, decision: Decision, now: datetime) -> str:
    """Say what is done about it, from when on, or why nothing is."""
    if cause.signal is None or cause.reaction == "Alert":
        return ""
    wanted = f"monitoring.{cause.field} is {cause.reaction}"
    if not cause.active:
        due = cause.signal.since + parse_duration(observed.spec.monitoring.damping.after)
        return f"If it lasts until {utc_text(due)}, something is done: {wanted}."
    if cause.reaction == "Hold":
        return f"No new version gains traffic while it lasts: {wanted}."
    if cause.reaction == "Retrain":
        return _builds_anew(observed, decision, now, wanted)
    return _goes_back(cause, observed, decision, now, wanted)


def _builds_anew(observed: Observed, decision: Decision, now: datetime, wanted: str) -> str:
    waiting, note = due(observed, decision.retraining, decision.signals, now), decision.retraining
    if waiting is not None and waiting.waits:
        return f"{wanted}, but not yet: {waiting.waits}."
    at = note.at if note is not None else None
    if at is None:
        return f"The model is built anew: {wanted}."
    until = utc_text(at + parse_duration(observed.spec.monitoring.damping.cooldown))
    return f"The data was last read again for {utc_text(at)}; by reaction not before {until}: {wanted}."


def _goes_back(cause: Cause, observed: Observed, decision: Decision, now: datetime, wanted: str) -> str:
    if observed.rollback:
        return "The annotation andon.dev/rollback says which version serves, so nothing is done."
    ready = next_roll_back(observed, decision.signals)
    if ready is not None and now < ready and decision.stable == observed.router.stable:
        return f"{wanted}, but the last roll-back is not long ago: none follows before {utc_text(ready)}."
    back = place_to_go(observed, observed.status.failed_digests, cause)
    if back is None:
        return f"{wanted}, but there is no earlier version to go back to that is proven, fits and was any better."
    return f"Version {back.spec.version} takes the traffic back: {wanted}."
