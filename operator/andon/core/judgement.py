"""What the analysis says of the version on trial, and what follows for its rollout.

A limit that is broken takes the version off the line, at any step and whatever else it waits for. That all limits are
kept lets it have more traffic. Anything else holds it, for as long as `maxHold` says; then a person decides, or it is
withdrawn, which is no failure of the version. Waiting never promotes.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from andon.api.analysis import Analysis
from andon.api.conditions import Phase, Reason
from andon.api.durations import parse_duration
from andon.api.rollout import Step
from andon.core.analysis import Assessment, Verdict, assess
from andon.core.decision import Progress
from andon.core.evidence import Limits
from andon.core.notes import Canary
from andon.core.observed import Observed, Version
from andon.core.times import utc_text

ANALYSIS_POLL = timedelta(seconds=10)
"""How often to look at the evidence about a version on trial."""

PATIENCE = timedelta(minutes=5)
"""How long data may be missing before `onNoData: RollBack` acts: a source that starts again is no reason."""


@dataclass(frozen=True)
class Pair:
    """Two versions that get the same inputs: the proven one, and the one that is to be judged against it."""

    old: Version
    new: Version


def compared(observed: Observed) -> Pair | None:
    """Give the versions whose evidence is to be gathered; None where nothing is to be judged."""
    router, note = observed.router, observed.router.canary
    if observed.spec.rollout.analysis is None or router.stable is None or router.configured is None:
        return None
    if router.watch is not None:
        return _pair(observed, router.watch.former, router.stable)
    if note is None or note.ended or router.configured.trial_beside(router.stable) != note.version:
        return None  # without a request of its own nothing can be known of it
    return _pair(observed, router.stable, note.version)


def _pair(observed: Observed, old: int, new: int) -> Pair | None:
    pair = observed.version(old), observed.version(new)
    return Pair(*pair) if pair[0] is not None and pair[1] is not None else None  # type: ignore[arg-type]


def limits_of(analysis: Analysis) -> Limits:
    """Give the limits of a spec as the analysis takes them."""
    asked = analysis.limits

    def share(text: str | None) -> float | None:
        return float(text) if text is not None else None

    return Limits(
        error_rate=share(asked.error_rate),
        slow_rate=share(asked.latency.share if asked.latency is not None else None),
        disagreement=share(asked.disagreement),
        recall_loss=share(asked.recall_loss),
        false_alarm_gain=share(asked.false_alarm_gain),
        min_requests=analysis.min_requests,
        min_positives=analysis.min_positives,
        on_no_data=analysis.on_no_data,
    )


def latency_limit(analysis: Analysis) -> float | None:
    """Give the limit of latency in seconds, where there is one."""
    latency = analysis.limits.latency
    return parse_duration(latency.limit).total_seconds() if latency is not None else None


def judged(observed: Observed, now: datetime) -> Assessment | None:
    """Judge the version on trial, or the one that is watched; None where none is to be judged."""
    analysis = observed.spec.rollout.analysis
    if analysis is None or compared(observed) is None:
        return None
    return assess(limits_of(analysis), observed.evidence, now)


def noted(observed: Observed, note: Canary, found: Assessment, now: datetime) -> Canary:
    """Keep in the note since when data has been missing, where that is to be acted on."""
    blind = observed.spec.rollout.analysis is not None and found.withdraw
    if blind == (note.blind is not None):
        return note
    return replace(note, blind=now if blind else None)


def withdrawal(observed: Observed, note: Canary, found: Assessment, now: datetime) -> str:
    """Say why a version is to be taken off the line for lack of evidence; empty where it is not."""
    analysis = observed.spec.rollout.analysis
    if analysis is None or found.verdict != Verdict.INCONCLUSIVE or observed.promote == _digest(observed, note):
        return ""
    due = _due(observed, analysis, note)
    if note.blind is not None and now >= max(due, note.blind + PATIENCE):
        return f"There has been no data about version {note.version} since {utc_text(note.blind)}"
    if analysis.on_exhausted == "RollBack" and now >= due + parse_duration(analysis.max_hold):
        return f"The evidence about version {note.version} did not settle it within {analysis.max_hold}"
    return ""


def evidence_holds(observed: Observed, note: Canary, found: Assessment, where: str, now: datetime) -> Progress | None:
    """Say why a version may not have more traffic for now; None where the evidence lets it."""
    analysis = observed.spec.rollout.analysis
    if analysis is None or found.verdict == Verdict.PASS:
        return None
    ends = _due(observed, analysis, note) + parse_duration(analysis.max_hold)
    digest = _digest(observed, note)
    if now < ends or analysis.on_exhausted == "RollBack":
        after = "a person is asked" if analysis.on_exhausted == "AwaitApproval" else "it is withdrawn"
        message = (
            f"{where}; the evidence does not settle yet whether it may have more. From {utc_text(ends)} on {after}."
        )
        return Progress(Phase.AWAITING_EVIDENCE, Reason.AWAITING_EVIDENCE, message, held=True, evidence=True)
    if observed.approved == digest:
        return None
    message = (
        f"{where}; the evidence did not settle within {analysis.max_hold} whether it may have more, so a person has to"
        f" decide: set the annotation andon.dev/approve to {digest} to let it go on, or andon.dev/abort to the same."
    )
    return Progress(Phase.AWAITING_APPROVAL, Reason.EVIDENCE_EXHAUSTED, message, held=True, evidence=True)


def _due(observed: Observed, analysis: Analysis, note: Canary) -> datetime:
    """When the step's own time is over and its labels may be expected."""
    steps = observed.spec.rollout.steps
    own = own_time(steps[note.step]) if note.step < len(steps) else timedelta(0)
    late = analysis.label_delay if analysis.limits.needs_labels else None
    return note.since + own + (parse_duration(late) if late is not None else timedelta(0))


def own_time(step: Step) -> timedelta:
    """How long a step lasts by itself."""
    text = step.pause or step.shadow
    return parse_duration(text) if text is not None else timedelta(0)


def _digest(observed: Observed, note: Canary) -> str:
    version = observed.version(note.version)
    return version.spec.digest if version is not None else ""
