"""What was seen of a candidate and what it must keep; what is stale, empty or not a number is no data."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeVar

from andon.core.inspection import Disagreements, History


@dataclass(frozen=True)
class Limits:
    """What a candidate must keep; None: no such limit.

    Attributes
    ----------
    error_rate
        Most of its requests that may fail, and most of its inputs that it may answer with NaN, as a share.
    slow_rate
        Most of its requests that may be slower than the limit of latency: 0.01 for a limit of p99.
    disagreement
        Most of the requests that it may answer otherwise than the old version, as a share.
    recall_loss
        How much lower than the old version's its recall may be, in points of 1.
    false_alarm_gain
        How much higher its share of false alarms among sound cases may be, in points of 1.
    min_requests, min_positives
        Below these nothing passes. A positive is a labelled fault or, where there are fewer labels, one that the old
        version's alarms let expect. A broken limit is told also below.
    on_no_data
        Whether a rollout without data holds or is withdrawn (which is no failure).
    max_age
        Data that was taken longer ago counts as none.
    alpha
        Probability that a candidate which breaks a limit passes it, and that one which keeps all limits fails any.
    """

    error_rate: float | None = None
    slow_rate: float | None = None
    disagreement: float | None = None
    recall_loss: float | None = None
    false_alarm_gain: float | None = None
    min_requests: int = 200
    min_positives: int = 30
    on_no_data: Literal["Hold", "RollBack"] = "Hold"
    max_age: timedelta = timedelta(minutes=5)
    alpha: float = 0.01

    def __post_init__(self) -> None:
        limits = (self.error_rate, self.slow_rate, self.disagreement, self.recall_loss, self.false_alarm_gain)
        if not all(limit is None or 0 < limit < 1 for limit in limits) or not 0 < self.alpha < 1:
            raise ValueError(f"limits and alpha must lie between 0 and 1: {self}")


@dataclass(frozen=True)
class Share:
    """So many of so many, since the candidate's first request. NaN stands for what a source did not know.

    Attributes
    ----------
    hits, most_hits
        How often; where that is only known to lie between two values, as from a histogram, both.
    at
        When it was taken.
    """

    hits: float
    total: float
    at: datetime
    most_hits: float | None = None

    @property
    def most(self) -> float:
        """How often at most."""
        return self.hits if self.most_hits is None else self.most_hits

    @property
    def sound(self) -> bool:
        """Whether these are counts, and more than none."""
        return _counts(self.hits, self.most, self.total) and self.hits <= self.most <= self.total > 0


@dataclass(frozen=True)
class Paired:
    """Labelled cases of one class, faults or sound, each judged by both versions.

    Attributes
    ----------
    only_old, only_new
        Cases in which only the one raised an alarm.
    total
        All such cases, also those in which both or neither did.
    at
        When it was taken.
    """

    only_old: float
    only_new: float
    total: float
    at: datetime

    @property
    def sound(self) -> bool:
        """Whether these are counts, and more than none."""
        return _counts(self.only_old, self.only_new, self.total) and self.only_old + self.only_new <= self.total > 0


@dataclass(frozen=True)
class Queue:
    """Disagreements on the same inputs, inspected or not, and what is known of the old version."""

    disagreements: Disagreements
    history: History
    at: datetime

    @property
    def sound(self) -> bool:
        """Whether there is anything to tell from."""
        return self.disagreements.old_alarms > 0


_Source = TypeVar("_Source", Share, Paired, Queue)


@dataclass(frozen=True)
class Evidence:
    """All that was seen of a candidate since its first request; None: that source has nothing.

    Attributes
    ----------
    errors
        Requests that failed, of all.
    slow
        Requests that took longer than the limit of latency, of all.
    invalid
        Inputs that the candidate answered with NaN or infinity, of all that the monitor scored.
    disagreement
        Inputs that the two versions answered differently, of all that both got.
    faults, sound
        Labelled faults, and cases labelled as none.
    queue
        The disagreements that people inspect.
    assets
        How many assets have sent requests of late; None where nobody counts them.
    """

    errors: Share | None = None
    slow: Share | None = None
    invalid: Share | None = None
    disagreement: Share | None = None
    faults: Paired | None = None
    sound: Paired | None = None
    queue: Queue | None = None
    assets: int | None = None

    def usable(self, now: datetime, max_age: timedelta) -> "Evidence":
        """Give what is fresh and countable of it."""

        def keep(source: _Source | None) -> _Source | None:
            # From the future by more than that: a clock is wrong, and nothing can be said of the age.
            return source if source is not None and abs(now - source.at) <= max_age and source.sound else None

        return Evidence(
            errors=keep(self.errors),
            slow=keep(self.slow),
            invalid=keep(self.invalid),
            disagreement=keep(self.disagreement),
            faults=keep(self.faults),
            sound=keep(self.sound),
            queue=keep(self.queue),
        )

    @property
    def requests(self) -> int | None:
        """How many requests there were; None: nobody counted."""
        sources = (self.errors, self.slow, self.disagreement)
        return next((int(source.total) for source in sources if source is not None), None)


def _counts(*numbers: float) -> bool:
    return all(math.isfinite(number) and number >= 0 for number in numbers)


def slower_than(limit: float, buckets: tuple[tuple[float, float], ...]) -> tuple[float, float]:
    """Count the requests slower than a limit from a histogram, which knows it only to the width of a bucket.

    Parameters
    ----------
    limit
        In the unit of the buckets.
    buckets
        Upper edge and cumulative count, as Prometheus and Envoy give them, the last edge infinite.

    Returns
    -------
    at least, at most
        NaN where the buckets are empty or hold something else than rising counts.
    """
    edges = sorted(buckets)
    counts = [count for _, count in edges]
    if not edges or edges[-1][0] != math.inf or not _counts(*counts) or counts != sorted(counts):
        return math.nan, math.nan
    within = max((count for edge, count in edges if edge <= limit), default=0.0)
    maybe = min(count for edge, count in edges if edge >= limit)
    return counts[-1] - maybe, counts[-1] - within
