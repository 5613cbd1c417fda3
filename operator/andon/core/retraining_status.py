"""What `status.retrain` says: for which time the data was last read again, when next, and why not yet."""

from datetime import datetime

from andon.api.status import RetrainStatus
from andon.core.decision import Decision
from andon.core.observed import Observed
from andon.core.retraining import due, next_time, trouble
from andon.core.times import utc_text

_LONGEST = 1024


def retrain_status(observed: Observed, decision: Decision, now: datetime) -> RetrainStatus | None:
    """Give what the status says; None where nothing is to be said."""
    note, asked = decision.retraining, observed.spec.retrain
    following = next_time(observed, now)
    waiting = due(observed, note, decision.signals, now)
    waits = (
        f"Due since {utc_text(waiting.at)} ({waiting.because}): {waiting.waits}." if waiting and waiting.waits else ""
    )
    told = RetrainStatus(
        last=utc_text(note.at) if note is not None and note.at is not None else None,
        because=note.because or None if note is not None and note.at is not None else None,
        next=utc_text(following) if following is not None else None,
        waits=(trouble(asked) or waits)[:_LONGEST] or None,
    )
    return told if told != RetrainStatus() else None
