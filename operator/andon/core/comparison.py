"""What the monitor tells of two versions that got the same inputs, and the evidence in it."""

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, Field

from andon.core.evidence import Evidence, Paired, Queue, Share
from andon.core.inspection import Disagreements, History, Inspected
from andon.core.told import Told
from andon.core.traffic_counts import Traffic, errors, slow

Count = Annotated[int, Field(ge=0, le=2**53)]


class Hits(Told):
    """So many of so many rows."""

    hits: Count
    total: Count


class Labelled(Told):
    """Labelled rows of one class: alarms of one version alone, of both, and how many rows in all."""

    only_old: Count
    only_new: Count
    both: Count
    total: Count


class Inspection(Told):
    """Disagreements of one kind that were put into the queue with one probability."""

    probability: Annotated[float, Field(gt=0, le=1)]
    faults: Count
    sound: Count
    pending: Count
    skipped: Count


class Waiting(Told):
    """The queue of disagreements."""

    old_alarms: Count
    only_old: tuple[Inspection, ...]
    only_new: tuple[Inspection, ...]


class Known(Told):
    """Labelled rows of the old version, from before and beside the rollout."""

    true_alarms: Count
    false_alarms: Count
    missed: Count


class Comparison(Told):
    """The monitor's answer about a pair of versions.

    Counts are rows since it first saw the pair; assets are those that its newest rows name.
    """

    old: str
    new: str
    at: AwareDatetime
    inputs: Count
    assets: Count | None = None
    invalid: Hits
    disagreement: Hits
    faults: Labelled
    sound: Labelled
    queue: Waiting
    history: Known


def gathered(traffic: Traffic | None, told: Comparison | None, latency_seconds: float | None) -> Evidence:
    """Put together what was seen of a candidate.

    Parameters
    ----------
    traffic
        The counts of routers and servers; None where they could not be had.
    told
        The monitor's answer; None where there is none.
    latency_seconds
        The limit of latency, where there is one.
    """
    requests = Evidence()
    if traffic is not None:
        late = slow(traffic, latency_seconds) if latency_seconds is not None else None
        requests = Evidence(errors=errors(traffic), slow=late)
    if told is None:
        return requests
    return Evidence(
        errors=requests.errors,
        slow=requests.slow,
        invalid=_share(told.invalid, told.at),
        disagreement=_share(told.disagreement, told.at),
        faults=_paired(told.faults, told.at),
        sound=_paired(told.sound, told.at),
        queue=_queue(told),
        assets=told.assets,
    )


def _share(told: Hits, at: datetime) -> Share:
    return Share(told.hits, told.total, at)


def _paired(told: Labelled, at: datetime) -> Paired:
    return Paired(told.only_old, told.only_new, told.total, at)


def _queue(told: Comparison) -> Queue | None:
    waiting, known = told.queue, told.history
    history = History(known.true_alarms, known.false_alarms, known.missed)
    try:
        disagreements = Disagreements(waiting.old_alarms, _inspected(waiting.only_old), _inspected(waiting.only_new))
    except ValueError:
        return None  # counts that contradict each other are no data
    return Queue(disagreements, history, told.at)


def _inspected(parts: tuple[Inspection, ...]) -> tuple[Inspected, ...]:
    made = tuple(Inspected(one.faults, one.sound, one.pending, one.skipped, one.probability) for one in parts)
    return made or (Inspected(),)
