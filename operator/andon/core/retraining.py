"""A build of the same manifest from the data as they are now: on a schedule, or because of what is seen on the line.

The data is read again where the build plan is another one (docs/adr/0002), so a retraining is a time that goes into the
plan. It is noted beside the route, and follows from what is noted there and from the spec alone: an operator that is
killed between a Job and its note starts the same build again, and one that was away for a month starts one.
"""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime

from andon.api.conditions import Reason
from andon.api.durations import parse_duration
from andon.api.retrain import Retrain
from andon.core.causes import causes, readings
from andon.core.cron import Cron, CronError
from andon.core.notes import Retraining
from andon.core.observed import Observed, Route
from andon.core.signals import Signals

_ACTIONS = {Reason.DRIFTED: "Drift", Reason.ACCURACY_LOST: "AccuracyLoss"}


@dataclass(frozen=True)
class Due:
    """A retraining that is to begin.

    Attributes
    ----------
    waits
        Why it does not yet; empty where it may.
    """

    at: datetime
    because: str
    waits: str = ""


def _read(asked: Retrain | None) -> tuple[Cron | None, str]:
    """Give the schedule, or why it cannot be kept; neither where there is none."""
    try:
        return (Cron(asked.schedule, asked.time_zone) if asked is not None else None), ""
    except CronError as error:
        return None, f"spec.retrain: {error}."


def scheduled(asked: Retrain | None) -> Cron | None:
    """Give the schedule; None where there is none, or none that can be read."""
    return _read(asked)[0]


def trouble(asked: Retrain | None) -> str:
    """Say why a schedule cannot be kept; empty where it can."""
    return _read(asked)[1]


def next_time(observed: Observed, now: datetime) -> datetime | None:
    """Give the next time of the schedule; None where there is none."""
    cron = scheduled(observed.spec.retrain)
    return cron.next(now) if cron is not None else None


def noted(observed: Observed, now: datetime) -> Retraining | None:
    """Give the note with the schedule as it is now asked for: times before it was asked for are not made up for."""
    note, asked = observed.router.retraining, observed.spec.retrain
    mark = hashlib.sha256(f"{asked.schedule} {asked.time_zone}".encode()).hexdigest()[:8] if asked is not None else ""
    known = note or Retraining()
    if known.schedule == mark:
        return note
    changed = replace(known, schedule=mark, since=now if mark else None)
    return changed if changed != Retraining() else None


def due(observed: Observed, note: Retraining | None, signals: Signals | None, now: datetime) -> Due | None:
    """Give the retraining that is to begin now, or waits; None where none is due.

    Parameters
    ----------
    note, signals
        The notes as they are to be now.
    """
    found = _by_reaction(observed, note, signals, now) or _by_schedule(observed, note, now)
    return replace(found, waits=_waits(observed)) if found is not None else None


def _by_schedule(observed: Observed, note: Retraining | None, now: datetime) -> Due | None:
    cron = scheduled(observed.spec.retrain)
    if cron is None or note is None or note.since is None:
        return None
    last = cron.last(now)
    known = max(note.since, note.at) if note.at is not None else note.since
    return Due(last, "Schedule") if last is not None and last > known else None


def _by_reaction(observed: Observed, note: Retraining | None, signals: Signals | None, now: datetime) -> Due | None:
    damping = observed.spec.monitoring.damping
    after, cooldown = parse_duration(damping.after), parse_duration(damping.cooldown)
    for cause in causes(observed, signals):
        if cause.reaction != "Retrain" or not cause.active or cause.signal is None:
            continue
        at = cause.signal.since + after
        if note is not None and note.at is not None:
            at = max(at, note.at + cooldown)
        if at <= now:
            return Due(at, _ACTIONS[cause.reason])
    return None


def _waits(observed: Observed) -> str:
    found = readings(observed)
    if found is not None and found[0].sensors:
        return f"sensors look broken ({', '.join(found[0].sensors[:8])}), so the data would be wrong"
    if observed.spec.suspend:
        return "spec.suspend is true"
    if observed.rollback:
        return "the annotation andon.dev/rollback says what serves"
    stable = observed.router.stable
    if stable is None or observed.router.configured != Route.of({stable: 100}):
        return "a rollout is under way"
    if any(job.state == "Running" for job in observed.builds):
        return "a build is under way"
    return ""


def begun(note: Retraining | None, found: Due | None) -> Retraining | None:
    """Give the note once a retraining that may begin has begun."""
    if found is None or found.waits:
        return note
    return replace(note or Retraining(), at=found.at, because=found.because)
