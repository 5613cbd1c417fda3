"""The verdict about one limit, from counts, with the words for it."""

import math
from dataclasses import dataclass, replace
from enum import StrEnum

from andon.core.evidence import Evidence, Paired, Queue, Share
from andon.core.inspection import Disagreements, Inspected, LossEvidence, faults_per_alarm, loss_estimate, loss_evidence
from andon.core.statistics import (
    Sample,
    joint_log_evidence,
    mirrored,
    more_needed,
    paired_sample,
    rate_sample,
    upper_bound,
)

HISTORY_SHARE = 0.2
"""Part of alpha that is spent on not knowing the old version's precision and recall exactly."""


class Verdict(StrEnum):
    """What the evidence says."""

    PASS = "Pass"  # noqa: S105
    FAIL = "Fail"
    INCONCLUSIVE = "Inconclusive"


class Why(StrEnum):
    """Why a verdict is as it is."""

    WITHIN_LIMIT = "WithinLimit"
    LIMIT_BROKEN = "LimitBroken"
    NOT_SETTLED = "NotSettled"
    TOO_FEW_REQUESTS = "TooFewRequests"
    TOO_FEW_FAULTS = "TooFewFaults"
    NO_DATA = "NoData"


@dataclass(frozen=True)
class Finding:
    """The verdict about one limit.

    Attributes
    ----------
    value, lower, upper
        Estimate and bounds; each bound fails with probability alpha at most, at all times at once.
    more
        How many more cases would probably settle it; None: not known.
    """

    metric: str
    verdict: Verdict
    why: Why
    message: str
    limit: float
    value: float | None = None
    lower: float | None = None
    upper: float | None = None
    more: int | None = None


@dataclass(frozen=True)
class Level:
    """At which error probability a pass and a failure have to be shown."""

    passing: float
    failing: float


@dataclass(frozen=True)
class _Words:
    """How to speak of a limit: "1,240 REQUESTS, 3 FAILED; THE RATE OF ERRORS may be up to 0.1 WORSE"."""

    metric: str
    unit: str
    happened: str
    measure: str
    compared: str = ""


_ERRORS = _Words("errorRate", "request", "failed", "the rate of errors")
_SLOW = _Words("slowRate", "request", "slower than the limit of latency", "their share")
_INVALID = _Words("invalidRate", "input", "answered with NaN or infinity", "their share")
_DISAGREEMENT = _Words("disagreement", "request", "answered otherwise than by the old version", "their share")
_RECALL = _Words("recallLoss", "fault", "caught", "recall", " worse")
_FALSE_ALARMS = _Words("falseAlarmGain", "sound case", "called faults", "the rate of false alarms", " higher")


@dataclass(frozen=True)
class _Case:
    """What is to be judged: `losses` speak about the measure, `gains` about its opposite."""

    words: _Words
    seen: str
    losses: list[Sample]
    gains: list[Sample]
    value: float | None = None
    more: int | None = None
    hint: str = ""


def judge_errors(evidence: Evidence, limit: float, level: Level) -> Finding:
    """Judge the share of requests that failed."""
    return _judge_share(_ERRORS, evidence.errors, limit, level)


def judge_slow(evidence: Evidence, limit: float, level: Level) -> Finding:
    """Judge the share of requests slower than the limit."""
    return _judge_share(_SLOW, evidence.slow, limit, level)


def judge_invalid(evidence: Evidence, limit: float, level: Level) -> Finding:
    """Judge the share of inputs that were answered with no number."""
    return _judge_share(_INVALID, evidence.invalid, limit, level)


def judge_disagreement(evidence: Evidence, limit: float, level: Level) -> Finding:
    """Judge the share of inputs answered differently."""
    return _judge_share(_DISAGREEMENT, evidence.disagreement, limit, level)


def _judge_share(words: _Words, share: Share | None, limit: float, level: Level) -> Finding:
    if share is None:
        return _no_data(words, limit)
    most = rate_sample(share.most, share.total)
    rate = (share.most + 0.5) / (share.total + 1)
    case = _Case(
        words,
        f"{count(share.total, words.unit)}, {share.most:,.0f} {words.happened}",
        [most],
        [mirrored(rate_sample(share.hits, share.total))],
        share.most / share.total,
        more_needed(most, (rate, 1 - rate), limit, level.passing),
    )
    return _judge(case, limit, level)


def judge_recall(evidence: Evidence, limit: float, level: Level) -> Finding:
    """Judge the loss of recall, by labels, by the queue, or by both."""
    faults, queue = evidence.faults, evidence.queue
    if queue is None:
        return (
            _no_data(_RECALL, limit) if faults is None else _judge(_paired(_RECALL, faults, limit, level), limit, level)
        )
    tested = Level((1 - HISTORY_SHARE) * level.passing, (1 - HISTORY_SHARE) * level.failing)
    loss = _weighed(queue, HISTORY_SHARE * level.passing).loss
    gain = _weighed(queue, HISTORY_SHARE * level.failing).gain
    value = loss_estimate(queue.disagreements, queue.history)
    case = _Case(_RECALL, _told_queue(queue.disagreements), [loss], [gain], value)
    if faults is not None:
        labelled = _paired(_RECALL, faults, limit, Level(tested.passing / 2, tested.failing / 2))
        case = replace(
            labelled,
            seen=f"{labelled.seen}; {case.seen}",
            losses=labelled.losses + case.losses,
            gains=labelled.gains + case.gains,
        )
    return _judge(replace(case, hint=_hint(queue, case, limit, level)), limit, tested)


def _weighed(queue: Queue, alpha: float) -> LossEvidence:
    return loss_evidence(queue.disagreements, faults_per_alarm(queue.history, alpha))


def _hint(queue: Queue, case: _Case, limit: float, level: Level) -> str:
    """Say whether people can settle it by inspecting what waits: tried with the answers they may find at best."""
    waiting = queue.disagreements.pending
    if not waiting:
        return ""
    best = replace(queue, disagreements=_at_best(queue.disagreements))
    losses = [*case.losses[:-1], _weighed(best, HISTORY_SHARE * level.passing).loss]
    settled = joint_log_evidence(losses, limit) >= -math.log((1 - HISTORY_SHARE) * level.passing)
    told = "to inspect it" if waiting == 1 else "to inspect them"
    return (
        f"; {waiting:,} {'waits' if waiting == 1 else 'wait'}, and {told} {'may' if settled else 'will not'} settle it"
    )


def _at_best(disagreements: Disagreements) -> Disagreements:
    def answered(parts: tuple[Inspected, ...], *, faults: bool) -> tuple[Inspected, ...]:
        return tuple(
            replace(
                part,
                faults=part.faults + part.pending * faults,
                sound=part.sound + part.pending * (not faults),
                pending=0,
            )
            for part in parts
        )

    return Disagreements(
        disagreements.old_alarms,
        answered(disagreements.only_old, faults=False),
        answered(disagreements.only_new, faults=True),
    )


def judge_false_alarms(evidence: Evidence, limit: float, level: Level) -> Finding:
    """Judge the rise of the rate of false alarms."""
    sound = evidence.sound
    if sound is None:
        return _no_data(_FALSE_ALARMS, limit)
    case = _paired(_FALSE_ALARMS, replace(sound, only_old=sound.only_new, only_new=sound.only_old), limit, level)
    return _judge(replace(case, seen=_told_pairs(_FALSE_ALARMS, sound)), limit, level)


def _paired(words: _Words, paired: Paired, limit: float, level: Level) -> _Case:
    sample = paired_sample(paired.only_old, paired.only_new, paired.total)
    # The forecast: versions that are equally good and go on to differ as often as they did.
    each = (paired.only_old + paired.only_new + 1) / (paired.total + 2) / 2
    more = more_needed(sample, (each, each, 1 - 2 * each), limit, level.passing)
    value = (paired.only_old - paired.only_new) / paired.total
    return _Case(words, _told_pairs(words, paired), [sample], [mirrored(sample)], value, more)


def _judge(case: _Case, limit: float, level: Level) -> Finding:
    words, rate = case.words, not case.words.compared
    upper = upper_bound(case.losses, level.passing, 0.0 if rate else -1.0, 1.0)
    lower = 0.0 - upper_bound(case.gains, level.failing, -1.0, 0.0 if rate else 1.0)
    finding = Finding(words.metric, Verdict.INCONCLUSIVE, Why.NOT_SETTLED, "", limit, case.value, lower, upper)
    if joint_log_evidence(case.gains, -limit) >= -math.log(level.failing):
        told = f"{words.measure} is at least {_told(lower, limit)}{words.compared}, over the limit of {limit:g}"
        return replace(finding, verdict=Verdict.FAIL, why=Why.LIMIT_BROKEN, message=f"{case.seen}; {told}")
    if joint_log_evidence(case.losses, limit) >= -math.log(level.passing):
        told = (
            f"{words.measure} is at most {_told(max(upper, 0), limit)}{words.compared}, within the limit of {limit:g}"
        )
        return replace(finding, verdict=Verdict.PASS, why=Why.WITHIN_LIMIT, message=f"{case.seen}; {told}")
    told = f"{words.measure} may be up to {_told(upper, limit)}{words.compared}{case.hint}"
    if case.more is not None:
        told += f"; {count(case.more, f'more {words.unit}')} would settle it"
    return replace(finding, message=f"{case.seen}; {told}", more=case.more)


def _no_data(words: _Words, limit: float) -> Finding:
    measure = words.measure if words.measure != "their share" else f"requests {words.happened}"
    return Finding(words.metric, Verdict.INCONCLUSIVE, Why.NO_DATA, f"there is no fresh data about {measure}", limit)


def _told_pairs(words: _Words, paired: Paired) -> str:
    return (
        f"{count(paired.total, words.unit)}, {paired.only_old:,.0f} {words.happened} only by the old version,"
        f" {paired.only_new:,.0f} only by the new"
    )


def _told_queue(disagreements: Disagreements) -> str:
    dropped = sum(part.total for part in disagreements.only_old)
    added = sum(part.total for part in disagreements.only_new)
    faults = [sum(part.faults for part in parts) for parts in (disagreements.only_old, disagreements.only_new)]
    told = (
        f"{count(disagreements.old_alarms, 'alarm')} of the old version, {dropped:,} of them not raised by the new,"
        f" which raised {added:,} more; {disagreements.inspected:,} of these {dropped + added:,} inspected"
    )
    if disagreements.inspected:
        told += f", {faults[0]:,} and {faults[1]:,} were faults"
    return told


def count(number: float, unit: str) -> str:
    """Give a number with its unit, in the singular where it is one."""
    return f"{number:,.0f} {unit}{'' if number == 1 else 's'}"


def _told(value: float, limit: float) -> str:
    """Round to two digits, or to as many as tell the value from the limit."""
    for digits in range(2, 8):
        text = f"{value:.{digits}g}"
        if float(text) != limit:
            break
    return text
