"""Counts of routers and servers → errors, for sure and at most; and latency to the width of a bucket."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.core.comparison import gathered
from andon.core.traffic_counts import Inferred, Routed, Traffic, errors, slow
from tests.support import evidence
from tests.support.cluster import START

HTTP = Routed(completed=1000, failed=10, sent=1000)


@pytest.mark.parametrize(
    ("traffic", "sure", "most"),
    [
        (Traffic(START, http=HTTP), 10, 10),
        (Traffic(START, http=HTTP, inferred=Inferred(1010, 10)), 10, 10),
        # gRPC errors look well to the router; the servers know them.
        (Traffic(START, http=HTTP, grpc=Routed(completed=500, sent=500), inferred=Inferred(1500, 30)), 30, 40),
        # A router that began anew knows fewer requests than the servers: their failures prove nothing about these.
        (Traffic(START, grpc=Routed(completed=100, sent=100), inferred=Inferred(5000, 400)), 0, 100),
        # Another version answered for it.
        (Traffic(START, http=Routed(completed=100, sent=40, retried=20)), 60, 80),
        # Copies to a server that is gone are errors already.
        (Traffic(START, http=Routed(completed=100, sent=40, failed=60)), 60, 100),
        # Dead: no server tells anything.
        (Traffic(START, http=Routed(completed=100, failed=100)), 100, 100),
        (Traffic(START), 0, 0),
    ],
)
def test_errors(traffic: Traffic, sure: float, most: float) -> None:
    found = errors(traffic)
    assert (found.hits, found.most, found.total) == (sure, most, traffic.completed)


COUNTS = st.integers(0, 1000).map(float)
ROUTED = st.builds(Routed, completed=COUNTS, failed=COUNTS, sent=COUNTS, retried=COUNTS)


@given(http=ROUTED, grpc=ROUTED, inferred=st.none() | st.builds(Inferred, total=COUNTS, failed=COUNTS))
def test_whatever_is_counted_the_bounds_lie_between_none_and_all(
    http: Routed, grpc: Routed, inferred: Inferred | None
) -> None:
    found = errors(Traffic(START, http=http, grpc=grpc, inferred=inferred))
    assert 0 <= found.hits <= found.most <= found.total


def test_slow_requests_are_known_to_the_width_of_a_bucket() -> None:
    seen = evidence.traffic(START, 100, slow=7)
    assert (slow(seen, 0.05).hits, slow(seen, 0.05).most) == (7, 7)
    assert (slow(seen, 0.1).hits, slow(seen, 0.1).most) == (0, 7)


def test_a_histogram_that_makes_no_sense_is_no_data() -> None:
    assert not slow(replace(evidence.traffic(START, 100), buckets=()), 0.05).sound


def test_the_monitors_counts_are_taken_as_they_are() -> None:
    told = evidence.comparison(START, "a", "b", 1000, disagreements=7, faults=(3, 1, 40), invalid=2)
    found = gathered(None, told, None)
    assert found.errors is None
    assert found.disagreement is not None
    assert (found.disagreement.hits, found.disagreement.total) == (7, 1000)
    assert found.faults is not None
    assert (found.faults.only_old, found.faults.only_new, found.faults.total) == (3, 1, 40)
    assert found.invalid is not None
    assert found.invalid.hits == 2


def test_a_queue_that_contradicts_itself_is_no_data() -> None:
    part = {"probability": 1.0, "faults": 5, "sound": 0, "pending": 0, "skipped": 0}
    told = evidence.comparison(START, "a", "b", 1000)
    queue = told.queue.model_validate({"oldAlarms": 3, "onlyOld": [part], "onlyNew": []})
    assert gathered(None, told.model_copy(update={"queue": queue}), None).queue is None
