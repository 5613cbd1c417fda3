"""Sizes, durations, routes and what is worth an Event."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.api.durations import parse_duration
from andon.api.status import Condition, FaultModelStatus
from andon.core.observed import Route
from andon.core.status import human_size, transitions


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0"), (812, "812"), (4813, "4.7Ki"), (1_234_800, "1.2Mi"), (3 << 30, "3.0Gi")]
)
def test_sizes_for_people(size: int, text: str) -> None:
    assert human_size(size) == text


@pytest.mark.parametrize(("text", "seconds"), [("10m", 600), ("1h30m", 5400), ("45s", 45), ("2h1m3s", 7263)])
def test_durations(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=5, unique=True), st.data())
def test_a_route_is_read_as_it_was_written(versions: list[int], data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, 100), min_size=len(versions) - 1, max_size=len(versions) - 1)))
    weights = [high - low for low, high in zip([0, *cuts], [*cuts, 100], strict=True)]
    route = Route.of(dict(zip(versions, weights, strict=True)))
    assert Route.parse(str(route)) == route
    assert route.stable_beside(None) in versions
    assert route.stable_beside(versions[0]) in versions


@pytest.mark.parametrize("weights", [{1: 99}, {1: 60, 2: 60}, {}])
def test_weights_add_up_to_a_hundred(weights: dict[int, int]) -> None:
    with pytest.raises(ValueError, match="100"):
        Route.of(weights)


def _status(kind: str, status: str, reason: str) -> FaultModelStatus:
    condition = Condition.model_validate(
        {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": reason,
            "observedGeneration": 1,
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
    )
    return FaultModelStatus(conditions=(condition,))


@pytest.mark.parametrize(
    ("before", "after", "events"),
    [
        (FaultModelStatus(), _status("Ready", "Unknown", "Pending"), ["Pending"]),
        (_status("Ready", "False", "Building"), _status("Ready", "True", "RolledOut"), ["RolledOut"]),
        (_status("Ready", "True", "RolledOut"), _status("Ready", "True", "RolledOut"), []),
        (
            _status("Available", "True", "Serving"),
            _status("Available", "False", "VersionNotReady"),
            ["VersionNotReady"],
        ),
    ],
)
def test_what_changed_is_told_once(before: FaultModelStatus, after: FaultModelStatus, events: list[str]) -> None:
    assert [one.reason for one in transitions(before, after)] == events
