"""Windows in the plant's time zone, across changes of the clock."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from andon.api.rollout import Window
from andon.core.windows import WindowError, gate

BERLIN = ZoneInfo("Europe/Berlin")


def window(kind: str, cron: str, duration: str, zone: str = "Europe/Berlin") -> Window:
    return Window.model_validate({"kind": kind, "cron": cron, "duration": duration, "timeZone": zone})


def berlin(*parts: int, fold: int = 0) -> datetime:
    # In UTC, since Python adds to a local time on the wall clock.
    return datetime(*parts, tzinfo=BERLIN, fold=fold).astimezone(UTC)  # type: ignore[misc, arg-type]


SATURDAY = window("Allow", "0 14 * * 6", "4h")


@pytest.mark.parametrize(
    ("now", "is_open", "opens"),
    [
        (berlin(2026, 1, 3, 13, 59), False, berlin(2026, 1, 3, 14)),
        (berlin(2026, 1, 3, 14), True, None),
        (berlin(2026, 1, 3, 17, 59), True, None),
        (berlin(2026, 1, 3, 18), False, berlin(2026, 1, 10, 14)),
        (berlin(2026, 7, 3, 12), False, berlin(2026, 7, 4, 14)),
    ],
)
def test_a_window_opens_and_ends(now: datetime, is_open: bool, opens: datetime | None) -> None:
    found = gate((SATURDAY,), now)
    assert (found.open, found.opens) == (is_open, opens)


def test_without_windows_it_is_always_open() -> None:
    assert gate((), berlin(2026, 1, 1)).open


def test_deny_alone_leaves_the_rest_open_and_goes_before_allow() -> None:
    night = window("Deny", "0 22 * * *", "8h")
    assert gate((night,), berlin(2026, 1, 1, 12)).open
    assert gate((night,), berlin(2026, 1, 1, 23)).opens == berlin(2026, 1, 2, 6)
    inventory = window("Deny", "0 15 3 1 *", "2h")
    assert gate((SATURDAY, inventory), berlin(2026, 1, 3, 16)).opens == berlin(2026, 1, 3, 17)
    whole = window("Deny", "0 0 3 1 *", "24h")
    assert gate((SATURDAY, whole), berlin(2026, 1, 3, 16)).opens == berlin(2026, 1, 10, 14)


def test_an_opening_that_the_clock_jumps_over_comes_later() -> None:
    nightly = window("Allow", "30 2 * * *", "1h")
    assert gate((nightly,), berlin(2026, 3, 29, 1, 0)).opens == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert not gate((nightly,), datetime(2026, 3, 29, 1, 15, tzinfo=UTC)).open
    assert gate((nightly,), datetime(2026, 3, 29, 2, 29, tzinfo=UTC)).open


def test_an_opening_that_comes_twice_is_the_first_one_and_lasts_in_real_time() -> None:
    nightly = window("Allow", "30 2 * * *", "1h")
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert gate((nightly,), berlin(2026, 10, 24, 12)).opens == first
    assert gate((nightly,), first + timedelta(minutes=59)).open
    second = berlin(2026, 10, 25, 2, 30, fold=1)
    assert second == first + timedelta(hours=1)
    assert not gate((nightly,), second).open


def test_a_window_across_the_change_of_clocks_lasts_as_long_as_it_says() -> None:
    shift = window("Allow", "0 22 * * 6", "8h")
    opened = berlin(2026, 3, 28, 22)
    assert gate((shift,), opened + timedelta(hours=7, minutes=59)).open
    assert not gate((shift,), opened + timedelta(hours=8)).open


@pytest.mark.parametrize("cron", ["0 0 30 2 *", "0 0 31 4 *"])
def test_what_never_opens_is_said_to_have_no_time(cron: str) -> None:
    found = gate((window("Allow", cron, "1h"),), berlin(2026, 1, 1))
    assert (found.open, found.opens) == (False, None)


def test_what_cannot_be_read_is_named() -> None:
    with pytest.raises(WindowError, match="Europe/Nowhere"):
        gate((window("Allow", "0 0 * * *", "1h", "Europe/Nowhere"),), berlin(2026, 1, 1))
    with pytest.raises(WindowError, match="cron expression 0 9-5"):
        gate((window("Deny", "0 9-5/70 * * *", "1h").model_copy(update={"cron": "0 9-5-3 * * *"}),), berlin(2026, 1, 1))


@pytest.mark.parametrize(
    "cron", ["* * * *", "60 * * * *", "0 24 * * *", "0 0 0 * *", "0 0 * 13 *", "@daily", "0 0 * * 8"]
)
def test_what_is_no_cron_expression_is_refused_at_admission(cron: str) -> None:
    with pytest.raises(ValueError, match=r"pattern|at least"):
        window("Allow", cron, "1h")


@pytest.mark.parametrize("cron", ["*/15 6-22 1,15 JAN-MAR,DEC MON-FRI", "0 14 * * 6", "05 03 01 01 0"])
def test_what_is_one_is_taken(cron: str) -> None:
    gate((window("Allow", cron, "1h"),), berlin(2026, 1, 1))


@settings(deadline=None, max_examples=50)
@given(
    minute=st.integers(0, 59),
    hour=st.integers(0, 23),
    hours=st.integers(1, 30),
    now=st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)),
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC", "Asia/Kolkata"]),
    kind=st.sampled_from(["Allow", "Deny"]),
)
def test_when_it_is_said_to_open_it_does_and_not_before(
    minute: int, hour: int, hours: int, now: datetime, zone: str, kind: str
) -> None:
    one = (window(kind, f"{minute} {hour} * * *", f"{hours}h", zone),)
    time = now.replace(tzinfo=UTC)
    found = gate(one, time)
    if found.opens is not None:
        assert not found.open
        assert found.opens > time
        assert gate(one, found.opens).open
        assert not gate(one, time + (found.opens - time) / 2).open
        assert not gate(one, found.opens - timedelta(seconds=1)).open
