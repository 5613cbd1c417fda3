"""Samples and limits → Pass, Fail or Inconclusive, each with a reason and in plain words.

Pass: shown to keep the limit. Fail: shown to break it. Anything else, above all no data, is Inconclusive and never
promotes. Both are shown at `Limits.alpha` however often one looks, so the same counts may be judged every few seconds
and through all steps of a rollout; they must not begin anew in between.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from andon.core.evidence import Evidence, Limits
from andon.core.findings import (
    HISTORY_SHARE,
    Finding,
    Level,
    Verdict,
    Why,
    count,
    judge_disagreement,
    judge_errors,
    judge_false_alarms,
    judge_invalid,
    judge_recall,
    judge_slow,
)
from andon.core.inspection import faults_per_alarm

__all__ = ["Assessment", "Finding", "Verdict", "Why", "assess"]


@dataclass(frozen=True)
class Assessment:
    """The verdict about a candidate.

    Attributes
    ----------
    requests, positives
        How many the candidate had; faults are labelled or to be expected; None: nobody knows.
    withdraw
        Whether data that is needed is missing and `on_no_data` says to withdraw then. A source takes a while to begin,
        so this is to be acted on once it lasts. It is no failure of the candidate.
    """

    verdict: Verdict
    why: Why
    message: str
    requests: int | None = None
    positives: int | None = None
    findings: tuple[Finding, ...] = ()
    withdraw: bool = False


_Judge = Callable[[Evidence, float, Level], Finding]


def assess(limits: Limits, evidence: Evidence, now: datetime) -> Assessment:
    """Judge a candidate.

    Parameters
    ----------
    limits
        What it must keep.
    evidence
        What was seen since its first request.
    now
        The time, with its zone.
    """
    usable = evidence.usable(now, limits.max_age)
    judges: tuple[tuple[float | None, _Judge], ...] = (
        (limits.error_rate, judge_errors),
        # Only the monitor sees it; without one, golden samples and the server's errors have to do.
        (limits.error_rate if usable.invalid is not None else None, judge_invalid),
        (limits.slow_rate, judge_slow),
        (limits.disagreement, judge_disagreement),
        (limits.recall_loss, judge_recall),
        (limits.false_alarm_gain, judge_false_alarms),
    )
    asked = [(limit, judge) for limit, judge in judges if limit is not None]
    # A candidate passes only where all limits let it, so each may spend alpha; it fails where any one does not.
    level = Level(limits.alpha, limits.alpha / max(len(asked), 1))
    findings = tuple(judge(usable, limit, level) for limit, judge in asked)
    found = Assessment(
        Verdict.INCONCLUSIVE, Why.NO_DATA, "", usable.requests, _positives(usable, limits.alpha), findings
    )
    verdict, why, message = _overall(limits, found)
    withdraw = why == Why.NO_DATA and limits.on_no_data == "RollBack"
    return dataclasses.replace(found, verdict=verdict, why=why, message=message, withdraw=withdraw)


def _positives(evidence: Evidence, alpha: float) -> int | None:
    known = []
    if evidence.faults is not None:
        known.append(int(evidence.faults.total))
    if evidence.queue is not None:
        per_alarm = faults_per_alarm(evidence.queue.history, HISTORY_SHARE * alpha)
        known.append(int(evidence.queue.disagreements.old_alarms * per_alarm.lower))
    return max(known, default=None)


def _overall(limits: Limits, found: Assessment) -> tuple[Verdict, Why, str]:
    failed = [one for one in found.findings if one.verdict == Verdict.FAIL]
    if failed:
        return Verdict.FAIL, Why.LIMIT_BROKEN, _joined(failed)
    missing = [one for one in found.findings if one.why == Why.NO_DATA]
    if missing:
        return Verdict.INCONCLUSIVE, Why.NO_DATA, _joined(missing)
    if found.requests is None:
        return Verdict.INCONCLUSIVE, Why.NO_DATA, "There is no fresh count of requests."
    unsettled = [one for one in found.findings if one.verdict != Verdict.PASS]
    few = found.requests < limits.min_requests
    if few or (limits.recall_loss is not None and (found.positives or 0) < limits.min_positives):
        number, least, unit = (
            (found.requests, limits.min_requests, "request")
            if few
            else (found.positives, limits.min_positives, "fault")
        )
        told = f"{count(number or 0, unit)} until now, at least {least:,} are asked for. {_joined(unsettled)}"
        return Verdict.INCONCLUSIVE, Why.TOO_FEW_REQUESTS if few else Why.TOO_FEW_FAULTS, told.strip()
    if unsettled:
        return Verdict.INCONCLUSIVE, Why.NOT_SETTLED, _joined(unsettled)
    return Verdict.PASS, Why.WITHIN_LIMIT, _joined(found.findings) or "No limit is set."


def _joined(findings: Sequence[Finding]) -> str:
    return " ".join(f"{one.message[0].upper()}{one.message[1:]}." for one in findings)
