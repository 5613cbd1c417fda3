"""Says in words how a model is: what people should look at first, and no more than is known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from model_builder.intervals import wilson
from model_monitor.drift.faults import Fault
from model_monitor.drift.report import Finding, Report, State
from model_monitor.listing import listed
from model_monitor.metrics import SLICE_METRICS
from model_monitor.page.facts import ModelFacts
from model_monitor.quality import Score
from model_monitor.storage.events import Event, Happened
from model_monitor.storage.quality import VersionQuality

UNKNOWN = "not enough data"

NAMED = 5
"""Inputs that a headline names."""

BAD, UNSURE, TRIAL, GOOD, SILENT = "bad", "unsure", "trial", "good", "silent"
"""How urgent a state is, the most urgent first."""
URGENCY = (BAD, UNSURE, TRIAL, SILENT, GOOD)

METRICS = {
    "recall": "Faults caught (recall)",
    "precision": "Alarms that were right (precision)",
    "f1": "F1",
    "accuracy": "Right answers (accuracy)",
    "averagePrecision": "Average precision",
    "macroF1": "Macro-F1",
    "bestF1": "F1 at its best threshold",
    "alarmRecall": "Faults with an alarm",
    "alarmPrecision": "Alarms that were right",
    "alarmF1": "F1 of alarms",
}

_FAULTS = {
    Fault.STUCK: "stuck at one value",
    Fault.MISSING: "values are missing",
    Fault.OUT_OF_RANGE: "out of range",
    Fault.UNIT: "in other units",
}

_HAPPENED = {
    Happened.DRIFT_BEGAN: "Drift began",
    Happened.DRIFT_ENDED: "Drift ended",
    Happened.SENSOR_BROKE: "Sensor fault",
    Happened.SENSOR_WELL: "Sensor well again",
    Happened.BASELINE_BEGAN: "New baseline begun",
    Happened.BASELINE_LEARNT: "New baseline learnt",
    Happened.LABELS_CAME: "Labels came",
}


@dataclass(frozen=True)
class Verdict:
    """How a model is.

    Attributes
    ----------
    kind
        One of `URGENCY`.
    """

    kind: str
    headline: str
    detail: str


def verdict(facts: ModelFacts) -> Verdict:
    """Say what people should look at first."""
    seen, report = facts.seen, facts.report
    candidate = seen.of("candidate")
    trial = f"Version {candidate.number} is on trial." if candidate else ""
    if report is None:
        detail = " ".join(filter(None, ["No request has come since the monitor began.", trial]))
        return Verdict(SILENT, "Not enough data", detail)
    broken = [one for one in report.findings if one.state == State.SENSOR_FAULT]
    drifted = report.drifted()
    if broken:
        first = (
            f"{broken[0].name} {fault(broken[0])}" if len(broken) == 1 else listed([one.name for one in broken], NAMED)
        )
        also = f"Drift too: {listed(drifted, NAMED)}." if drifted else ""
        return Verdict(BAD, counted(len(broken), "sensor fault"), " ".join(filter(None, [f"{first}.", also, trial])))
    if drifted:
        detail = "Not as in the renewed baseline." if report.renewal else "Not as when the model was built."
        return Verdict(UNSURE, f"Drifted: {listed(drifted, NAMED)}", " ".join(filter(None, [detail, trial])))
    if report.learning:
        detail = f"A new baseline needs {report.learning:,} more rows."
        return Verdict(SILENT, "Learning a new baseline", " ".join(filter(None, [detail, trial])))
    if any(one.state == State.NOT_ENOUGH_DATA for one in report.findings) or not report.findings:
        return Verdict(SILENT, "Not enough data", " ".join(filter(None, ["Too few rows have come to tell.", trial])))
    if candidate:
        return Verdict(TRIAL, f"Version {candidate.number} is on trial", "No drift found, no sensor fault found.")
    return Verdict(GOOD, "Steady", "No drift found, no sensor fault found.")


def fault(finding: Finding) -> str:
    """Say how a sensor is broken."""
    if finding.fault is None:
        return ""
    return _FAULTS[finding.fault] + (f" ({finding.units})" if finding.units else "")


def state(finding: Finding) -> tuple[str, str]:
    """Give the kind and the words of an input's state."""
    if finding.state == State.SENSOR_FAULT:
        return BAD, f"Sensor fault: {fault(finding)}"
    if finding.state == State.DRIFTED:
        return UNSURE, "Drifted"
    return (GOOD, "Steady") if finding.state == State.STEADY else (SILENT, UNKNOWN)


def measures(version: VersionQuality) -> tuple[str, ...]:
    """Give the scores by slice that anything is known of, in the order in which they are shown."""
    known = {score.metric for one in version.slices for score in one.scores}
    return tuple(metric for metric in METRICS if metric in SLICE_METRICS and metric in known)


def ordered(report: Report) -> list[Finding]:
    """Put first what is to be looked at."""
    order = {State.SENSOR_FAULT: 0, State.DRIFTED: 1, State.NOT_ENOUGH_DATA: 2, State.STEADY: 3}
    return sorted(report.findings, key=lambda one: order[one.state])


def score(found: Score | None) -> str:
    """Write a score with its interval."""
    return UNKNOWN if found is None else f"{found.value:.1%} ({found.lower:.1%} to {found.upper:.1%})"


def share(hits: int, total: int) -> str:
    """Write a share with its interval, and what it is made of."""
    if not total:
        return UNKNOWN
    lower, upper = wilson(hits, total)
    return f"{hits / total:.1%} ({lower:.1%} to {upper:.1%}), {hits:,} of {total:,}"


def happened(event: Event) -> tuple[str, str]:
    """Give what happened, and more about it."""
    if event.kind is Happened.LABELS_CAME:
        return _HAPPENED[event.kind], counted(event.count, "label")
    return _HAPPENED[event.kind], event.text


def lasting(time: timedelta) -> str:
    """Write a time roughly, as people say it."""
    seconds = max(0.0, time.total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def at(moment: datetime) -> str:
    """Write a time of UTC to the minute."""
    return f"{moment:%Y-%m-%d %H:%M}"


def counted(count: int, what: str) -> str:
    """Count things, of which more than one take an s."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
