"""Samples and limits → Pass, Fail or Inconclusive: the words, and what must never pass."""

from __future__ import annotations

import dataclasses
import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from andon.core.analysis import Assessment, Verdict, Why, assess
from andon.core.evidence import Evidence, Limits, Paired, Queue, Share, slower_than
from andon.core.inspection import Disagreements, History, Inspected

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
HISTORY = History(true_alarms=700, false_alarms=100, missed=120)
ALL = Limits(error_rate=0.01, slow_rate=0.01, disagreement=0.02, recall_loss=0.05, false_alarm_gain=0.01)
GOOD = Evidence(
    errors=Share(0, 1240, NOW),
    slow=Share(1, 2240, NOW, most_hits=4),
    disagreement=Share(2, 5000, NOW),
    faults=Paired(8, 7, 736, NOW),
    sound=Paired(2, 1, 4000, NOW),
)
COUNT = st.integers(0, 3000)
NO_NUMBER = st.sampled_from([math.nan, math.inf, -1.0])


def recall(evidence: Evidence, limit: float = 0.05, min_positives: int = 30) -> Assessment:
    counted = dataclasses.replace(evidence, errors=Share(0, 10_000, NOW))
    return assess(Limits(recall_loss=limit, min_positives=min_positives), counted, NOW)


def queued(only_old: Inspected, only_new: Inspected, alarms: int = 900) -> Evidence:
    return Evidence(queue=Queue(Disagreements(alarms, (only_old,), (only_new,)), HISTORY, NOW))


@pytest.mark.parametrize(
    ("faults", "verdict", "message"),
    [
        (
            Paired(2, 1, 36, NOW),
            Verdict.INCONCLUSIVE,
            "36 faults, 2 caught only by the old version, 1 only by the new; recall may be up to 0.25 worse;"
            " 563 more faults would settle it.",
        ),
        (
            Paired(8, 7, 736, NOW),
            Verdict.PASS,
            "736 faults, 8 caught only by the old version, 7 only by the new; recall is at most 0.021 worse,"
            " within the limit of 0.05.",
        ),
        (
            Paired(80, 7, 536, NOW),
            Verdict.FAIL,
            "536 faults, 80 caught only by the old version, 7 only by the new; recall is at least 0.084 worse,"
            " over the limit of 0.05.",
        ),
        (
            Paired(1, 0, 1, NOW),
            Verdict.INCONCLUSIVE,
            "1 fault until now, at least 30 are asked for. 1 fault, 1 caught only by the old version, 0 only by the"
            " new; recall may be up to 1 worse;",
        ),
    ],
)
def test_words_about_labelled_faults(faults: Paired, verdict: Verdict, message: str) -> None:
    found = recall(Evidence(faults=faults))
    assert found.verdict == verdict
    assert found.message.startswith(message)


@pytest.mark.parametrize(
    ("evidence", "verdict", "message"),
    [
        (
            queued(Inspected(pending=14), Inspected(pending=9)),
            Verdict.PASS,
            "900 alarms of the old version, 14 of them not raised by the new, which raised 9 more; 0 of these 23"
            " inspected; recall is at most 0.038 worse, within the limit of 0.05.",
        ),
        (
            queued(Inspected(pending=54), Inspected(pending=9)),
            Verdict.INCONCLUSIVE,
            "900 alarms of the old version, 54 of them not raised by the new, which raised 9 more; 0 of these 63"
            " inspected; recall may be up to 0.1 worse; 63 wait, and to inspect them may settle it.",
        ),
        (
            queued(Inspected(faults=54), Inspected(pending=1)),
            Verdict.INCONCLUSIVE,
            "900 alarms of the old version, 54 of them not raised by the new, which raised 1 more; 54 of these 55"
            " inspected, 54 and 0 were faults; recall may be up to 0.1 worse; 1 waits, and to inspect it will not"
            " settle it.",
        ),
        (
            queued(Inspected(faults=190), Inspected(sound=30)),
            Verdict.FAIL,
            "900 alarms of the old version, 190 of them not raised by the new, which raised 30 more; 220 of these 220"
            " inspected, 190 and 0 were faults; recall is at least 0.14 worse, over the limit of 0.05.",
        ),
    ],
)
def test_words_about_the_queue(evidence: Evidence, verdict: Verdict, message: str) -> None:
    found = recall(evidence)
    assert (found.verdict, found.message) == (verdict, message)


def test_words_about_rates() -> None:
    found = assess(ALL, GOOD, NOW)
    assert found.verdict == Verdict.PASS
    assert [finding.message for finding in found.findings] == [
        "1,240 requests, 0 failed; the rate of errors is at most 0.0051, within the limit of 0.01",
        "2,240 requests, 4 slower than the limit of latency; their share is at most 0.0066, within the limit of 0.01",
        "5,000 requests, 2 answered otherwise than by the old version; their share is at most 0.0022,"
        " within the limit of 0.02",
        "736 faults, 8 caught only by the old version, 7 only by the new; recall is at most 0.021 worse,"
        " within the limit of 0.05",
        "4,000 sound cases, 2 called faults only by the old version, 1 only by the new; the rate of false alarms is at"
        " most 0.0018 higher, within the limit of 0.01",
    ]
    assert (found.requests, found.positives) == (1240, 736)
    broken = assess(ALL, Evidence(errors=Share(30, 240, NOW)), NOW)
    assert broken.verdict == Verdict.FAIL
    assert broken.message == "240 requests, 30 failed; the rate of errors is at least 0.05, over the limit of 0.01."


def test_labels_and_the_queue_together() -> None:
    queue = queued(Inspected(5, 20, pending=14), Inspected(3, 3, pending=9)).queue
    found = recall(Evidence(faults=Paired(2, 1, 36, NOW), queue=queue))
    assert found.verdict == Verdict.PASS
    assert "36 faults, 2 caught only by the old version" in found.message
    assert "31 of these 54 inspected, 5 and 3 were faults" in found.message


def test_too_few() -> None:
    assert assess(Limits(min_requests=200), Evidence(errors=Share(0, 199, NOW)), NOW).why == Why.TOO_FEW_REQUESTS
    assert assess(Limits(min_requests=200), Evidence(errors=Share(0, 200, NOW)), NOW).verdict == Verdict.PASS
    few = recall(Evidence(faults=Paired(0, 0, 200, NOW)), min_positives=201)
    assert (few.verdict, few.why) == (Verdict.INCONCLUSIVE, Why.TOO_FEW_FAULTS)
    assert few.findings[0].verdict == Verdict.PASS
    # What is broken is told before there is enough to pass.
    assert assess(Limits(error_rate=0.01), Evidence(errors=Share(10, 10, NOW)), NOW).verdict == Verdict.FAIL


@pytest.mark.parametrize("policy", ["Hold", "RollBack"])
def test_no_data_is_inconclusive_and_withdraws_only_where_asked(policy: str) -> None:
    limits = dataclasses.replace(ALL, on_no_data=policy)  # type: ignore[arg-type]
    found = assess(limits, Evidence(), NOW)
    assert (found.verdict, found.why) == (Verdict.INCONCLUSIVE, Why.NO_DATA)
    assert found.withdraw is (policy == "RollBack")
    assert "There is no fresh data about recall." in found.message
    assert assess(limits, GOOD, NOW).withdraw is False
    assert assess(Limits(), Evidence(), NOW).why == Why.NO_DATA


@pytest.mark.parametrize("name", ["errors", "slow", "disagreement", "faults", "sound"])
@pytest.mark.parametrize(
    "change", [{"at": NOW - timedelta(hours=1)}, {"at": NOW + timedelta(hours=1)}, {"total": 0}, None]
)
def test_what_is_missing_stale_or_empty_never_passes(name: str, change: dict[str, object] | None) -> None:
    source = getattr(GOOD, name)
    changed = None if change is None else dataclasses.replace(source, **change)
    found = assess(ALL, dataclasses.replace(GOOD, **{name: changed}), NOW)
    assert (found.verdict, found.why) == (Verdict.INCONCLUSIVE, Why.NO_DATA)


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(["errors", "slow", "disagreement", "faults", "sound"]), st.data())
def test_what_is_not_a_count_never_passes(name: str, data: st.DataObject) -> None:
    source = getattr(GOOD, name)
    fields = [field.name for field in dataclasses.fields(source) if field.name != "at"]
    broken = dataclasses.replace(source, **{data.draw(st.sampled_from(fields)): data.draw(NO_NUMBER)})
    found = assess(ALL, dataclasses.replace(GOOD, **{name: broken}), NOW)
    assert (found.verdict, found.why) == (Verdict.INCONCLUSIVE, Why.NO_DATA)


@settings(deadline=None, max_examples=60)
@given(COUNT, COUNT, st.integers(1, 500))
def test_sound_answers_never_make_it_worse(hits: int, others: int, more: int) -> None:
    order = [Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS]
    limits = Limits(error_rate=0.05, min_requests=1)
    before = assess(limits, Evidence(errors=Share(hits, hits + others, NOW)), NOW)
    after = assess(limits, Evidence(errors=Share(hits, hits + others + more, NOW)), NOW)
    assert order.index(after.verdict) >= order.index(before.verdict)


@settings(deadline=None, max_examples=60)
@given(COUNT, COUNT, COUNT, st.floats(0.01, 0.3))
def test_a_verdict_agrees_with_its_bounds(old: int, new: int, rest: int, limit: float) -> None:
    found = recall(Evidence(faults=Paired(old, new, old + new + rest, NOW)), limit).findings[0]
    if found.lower is None or found.upper is None or found.value is None:
        assert found.why == Why.NO_DATA
        return
    assert found.lower <= found.value + 1e-9
    assert found.value <= found.upper + 1e-9
    if found.verdict == Verdict.PASS:
        assert found.upper <= limit + 1e-6
    if found.verdict == Verdict.FAIL:
        assert found.lower >= limit - 1e-6
    if found.more is not None:
        assert f"{found.more:,} more fault" in found.message


def test_slow_requests_from_a_histogram() -> None:
    buckets = ((10.0, 50.0), (25.0, 90.0), (50.0, 98.0), (math.inf, 100.0))
    assert slower_than(25, buckets) == (10, 10)
    assert slower_than(40, buckets) == (2, 10)
    assert slower_than(60, buckets) == (0, 2)
    assert slower_than(5, buckets) == (50, 100)
    for broken in ((), buckets[:-1], ((10.0, math.nan), buckets[-1]), ((10.0, 200.0), buckets[-1])):
        assert all(math.isnan(number) for number in slower_than(25, broken))


def test_limits_that_mean_nothing_are_refused() -> None:
    for wrong in (0.0, 1.0, -0.1, math.nan):
        with pytest.raises(ValueError, match="between 0 and 1"):
            Limits(recall_loss=wrong)
