"""What the monitor's answers say of inputs and accuracy, and how states are damped."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.core.live import LiveScore, Reading, Renewed, difference, drift, loss
from andon.core.signals import Signal, Signals, followed
from model_builder.intervals import wilson
from model_builder.spec import Gate
from tests.support.live import inputs, quality, scores

NOW = datetime(2026, 1, 1, tzinfo=UTC)
AFTER = timedelta(minutes=15)
A, B = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"


@pytest.mark.parametrize(
    ("states", "seen", "reason"),
    [
        ({"torque": "Steady", "wear": "Steady"}, False, "NoDriftSeen"),
        ({"torque": "Drifted", "wear": "NotEnoughData"}, True, "Drifted"),
        ({"torque": "Steady", "wear": "NotEnoughData"}, None, "NotEnoughData"),
        ({"torque": "stuck", "wear": "Steady"}, False, "SensorFault"),
        ({"torque": "stuck", "wear": "NotEnoughData"}, None, "SensorFault"),
        ({"torque": "stuck", "wear": "Drifted"}, True, "SensorFault"),
        ({}, None, "NotEnoughData"),
    ],
)
def test_what_is_said_of_inputs(states: dict[str, str], seen: bool | None, reason: str) -> None:
    found = drift(inputs(A, **states), A)
    assert (found.seen, found.reason) == (seen, reason)
    assert bool(found.sensors) == ("stuck" in states.values())


def test_what_was_seen_of_another_version_says_nothing() -> None:
    assert drift(inputs(A, torque="Drifted"), B).seen is None
    assert (drift(None, A).seen, drift(None, A).reason) == (None, "MonitorSilent")


def test_a_renewed_baseline_is_told_with_its_reason() -> None:
    renewal = {"reason": "bearing replaced", "at": "2026-05-04T06:30:00+00:00", "by": "argocd-controller"}
    told = inputs(A, torque="Steady").model_copy(update={"renewal": Renewed.model_validate(renewal)})
    assert drift(told, A).message == (
        "No input is seen to differ from the new baseline. The baseline was renewed at 2026-05-04T06:30:00Z, by"
        " argocd-controller: bearing replaced"
    )


def test_many_inputs_are_counted_not_listed() -> None:
    found = drift(inputs(A, **{f"c{place}": "Drifted" for place in range(10)}), A)
    assert found.message == "Drifted: c0, c1, c2, c3, c4, c5, c6, c7 and 2 more."


GATES = (Gate(metric="recall", min="0.75"), Gate(metric="f1", max_loss_to_stable="0.02"))


def _loss(now: tuple[int, int], before: tuple[int, int] | None = None, allowed: float | None = None) -> Reading:
    told = [scores("stable", 2, B, *now)]
    told += [scores("former", 1, A, *before)] if before is not None else []
    return loss(quality(*told), B, GATES, allowed, 30)


@pytest.mark.parametrize(
    ("now", "before", "allowed", "seen"),
    [
        ((240, 300), None, None, False),
        ((190, 300), None, None, True),  # at most 0.69
        ((220, 300), None, None, False),  # 0.73, but 0.78 is possible
        ((10, 29), None, None, None),  # too few
        ((10, 30), None, None, True),
        ((240, 300), (270, 300), 0.03, True),  # a drop of 10 points, at least 4
        ((240, 300), (270, 300), 0.05, False),
        ((240, 300), (270, 300), None, False),
        ((240, 300), (29, 29), 0.01, False),  # nothing is known of the one before
    ],
)
def test_a_loss_is_what_intervals_show(
    now: tuple[int, int], before: tuple[int, int] | None, allowed: float | None, seen: bool | None
) -> None:
    assert _loss(now, before, allowed).seen is seen


def test_a_version_before_that_was_no_better_is_named() -> None:
    assert _loss((190, 300), (180, 300)).no_better == A
    assert _loss((190, 300), (200, 300)).no_better == ""
    assert loss(None, B, GATES, None, 30).reason == "MonitorSilent"
    assert loss(quality(scores("stable", 1, A, 10, 300)), B, GATES, None, 30).seen is None, "of another version"


def test_the_interval_of_a_difference_holds() -> None:
    random = np.random.default_rng(5)
    covered = 0
    for _ in range(2000):
        told = []
        for truth in (0.9, 0.8):
            hits = int(random.binomial(60, truth))
            told.append(
                LiveScore(metric="recall", value=hits / 60, lower=wilson(hits, 60)[0], upper=wilson(hits, 60)[1])
            )
        found = difference(*told)
        covered += found.lower <= 0.1 <= found.upper
    assert 0.935 <= covered / 2000 <= 0.975


def _follow(seen: list[bool | None], minutes: int = 10) -> list[Signal | None]:
    signal, out = None, []
    for place, one in enumerate(seen):
        signal = followed(signal, one, NOW + timedelta(minutes=minutes) * place, AFTER)
        out.append(signal)
    return out


@pytest.mark.parametrize(
    ("seen", "active"),
    [
        ([True, True, True], [False, False, True]),
        ([True, False, True, True], [False, False, False, False]),  # it flaps
        ([True, None, None, True], [False, False, False, True]),  # silence alone makes nothing active
        ([True, True, True, False, False, False], [False, False, True, True, True, False]),
        ([True, True, True, False, True, False, False], [False, False, True, True, True, True, True]),
        ([True, True, True, None, None, None], [False, False, True, True, True, True]),
        ([None, False], [False, False]),
    ],
)
def test_a_state_has_to_last(seen: list[bool | None], active: list[bool]) -> None:
    assert [one is not None and one.active for one in _follow(seen)] == active


TIMES = st.datetimes(
    datetime(2026, 1, 1),
    datetime(2030, 1, 1),
    timezones=st.just(UTC),
).map(lambda time: time.replace(microsecond=0))
SIGNALS = st.none() | st.builds(Signal, TIMES, st.booleans(), st.none() | TIMES)


@given(st.builds(Signals, st.integers(1, 999), SIGNALS, SIGNALS, st.none() | TIMES))
def test_the_note_is_read_as_it_was_written(note: Signals) -> None:
    assert Signals.parse(str(note)) == note


@pytest.mark.parametrize(
    "text", ["", "drift=2026-01-01T00:00:00+00:00", "version=1,drift=2026-01-01T00:00:00", "version=x"]
)
def test_what_is_no_note_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        Signals.parse(text)
