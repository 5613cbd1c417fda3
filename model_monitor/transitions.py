"""What has changed between two reports of a model's inputs, as events for people. Pure."""

from __future__ import annotations

from datetime import datetime

from model_monitor.drift.report import Finding, Report, State
from model_monitor.listing import listed
from model_monitor.storage.events import Event, Happened

NAMED = 10
"""Inputs that an event names; a thousand that drift at once are one event too."""

_UNKNOWN = Finding("")


def transitions(before: Report | None, after: Report, at: datetime) -> list[Event]:
    """Give the events that lead from one report to the next.

    Parameters
    ----------
    before
        None at the first report. A version that comes to serve, or a new baseline, knows nothing yet: no drift ends so.
    """
    known = {one.name: one for one in before.findings} if before is not None else {}
    found: dict[Happened, list[str]] = {}
    for finding in after.findings:
        what = _what(known.get(finding.name, _UNKNOWN), finding)
        if what is not None:
            broken = what is Happened.SENSOR_BROKE
            found.setdefault(what, []).append(f"{finding.name} ({finding.fault})" if broken else finding.name)
    return [Event(at, what, listed(names, NAMED)) for what, names in found.items()]


def _what(before: Finding, after: Finding) -> Happened | None:
    if after.state == State.SENSOR_FAULT:
        return Happened.SENSOR_BROKE if (before.state, before.fault) != (after.state, after.fault) else None
    if after.state == State.DRIFTED:
        return Happened.DRIFT_BEGAN if before.state != State.DRIFTED else None
    if after.state != State.STEADY:
        return None
    ended = {State.DRIFTED: Happened.DRIFT_ENDED, State.SENSOR_FAULT: Happened.SENSOR_WELL}
    return ended.get(before.state)
