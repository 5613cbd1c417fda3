"""What `status.evidence` says: rounded, and written anew only when a verdict changes, else every few minutes."""

from datetime import datetime, timedelta

from andon.api.status import EvidenceStatus, MetricEvidence
from andon.core.analysis import Assessment, Finding
from andon.core.decision import Decision
from andon.core.times import utc_text

REFRESH = timedelta(minutes=3)
"""How old the counts in a status may be while nothing but the counts changes."""

_LONGEST = 4096


def evidence_status(
    before: EvidenceStatus | None, decision: Decision, version: int | None, now: datetime
) -> EvidenceStatus | None:
    """Give what the status is to say of the evidence.

    Parameters
    ----------
    before
        What it says.
    version
        The version that is judged; None where none is: then what was said of the last one stays.
    """
    found = decision.assessment
    if found is None or version is None:
        return before
    fresh = _written(found, version, now)
    if before is None or _verdicts(before) != _verdicts(fresh):
        return fresh
    told_before = before.model_copy(update={"at": fresh.at})
    if told_before == fresh or now - datetime.fromisoformat(before.at) < REFRESH:
        return before
    return fresh


def _written(found: Assessment, version: int, now: datetime) -> EvidenceStatus:
    return EvidenceStatus(
        version=version,
        at=utc_text(now),
        requests=found.requests,
        positives=found.positives,
        verdict=found.verdict.value,
        message=found.message[:_LONGEST],
        metrics=tuple(_metric(one) for one in found.findings),
    )


def _metric(finding: Finding) -> MetricEvidence:
    return MetricEvidence(
        name=finding.metric,
        value=_rounded(finding.value),
        lower=_rounded(finding.lower),
        upper=_rounded(finding.upper),
        limit=f"{finding.limit:g}",
        verdict=finding.verdict.value,
    )


def _rounded(value: float | None) -> str | None:
    return f"{value:.3g}" if value is not None else None


def _verdicts(evidence: EvidenceStatus) -> tuple[object, ...]:
    return evidence.version, evidence.verdict, tuple((one.name, one.verdict) for one in evidence.metrics)
