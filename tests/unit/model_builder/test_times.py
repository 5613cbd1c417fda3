"""Times of one kind and in order are read to the nanosecond; anything else is refused with the first such row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_builder.errors import Reason
from model_builder.times import TimeColumn
from tests.support.builder import read, refused


def times(values: list[Any], kind: Any = None) -> list[float]:
    column = TimeColumn("when")
    column.add(pa.array(values, kind), np.arange(2, len(values) + 2))
    return [float(value) for value in column.values()]


@pytest.mark.parametrize(
    "values",
    [
        ["2024-03-01 08:30", "2024-03-01T08:31:00", " 2024-03-01 08:31:00.5 "],
        ["2024-03-01T08:30Z", "2024-03-01T09:31:00+01:00", "2024-03-01 03:01:00,500 -0530"],
    ],
)
def test_timestamps_of_many_forms(values: list[str]) -> None:
    start = datetime(2024, 3, 1, 8, 30, tzinfo=UTC).timestamp() * 1e9
    assert times(values) == [start, start + 60e9, start + 60.5e9]


def test_days_and_numbers_and_types_of_parquet() -> None:
    day = 86400e9
    assert times(["1970-01-01", "1970-01-02"]) == [0, day]
    assert times(["1", "+2", "2.5e0"]) == [1, 2, 2.5]
    assert times([1, 2, 3], pa.int32()) == [1, 2, 3]
    assert times([0, 1], pa.timestamp("ms")) == [0, 1e6]
    assert times([0, 1], pa.timestamp("s", "Europe/Berlin")) == [0, 1e9]
    assert times([0, 1], pa.date32()) == [0, day]


@given(st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1)), st.integers(-14 * 60, 14 * 60))
def test_any_iso_timestamp_is_read_as_python_reads_it(moment: datetime, minutes: int) -> None:
    local = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    (found,) = times([local.isoformat()])
    assert found == pytest.approx(local.timestamp() * 1e9, abs=1024)


@pytest.mark.parametrize(
    ("values", "reason", "parts"),
    [
        (["2024-01-02", "2024-01-01"], Reason.UNSORTED_TIMESTAMPS, ['row 3, column "when"', "2024-01-02", "row 2"]),
        (["2", "3", "1"], Reason.UNSORTED_TIMESTAMPS, ["row 4", '"3" of row 3']),
        (["2024-01-01T00:00Z", "2024-01-01T01:00"], Reason.MIXED_TIME_ZONES, ["row 3", "no time zone", "row 2"]),
        (["2024-01-01", "2024-01-02T01:00+01"], Reason.INVALID_TIMESTAMP, ["row 3", "+01"]),
        (["2024-01-01", "5"], Reason.MIXED_TIME_ZONES, ["row 3", "a number"]),
        (["2024-01-01", "2024-02-30"], Reason.INVALID_TIMESTAMP, ["row 3", '"2024-02-30"', "ISO 8601"]),
        (["01.02.2024 10:00"], Reason.INVALID_TIMESTAMP, ["row 2", '"01.02.2024 10:00"']),
        (["2024-01-01", ""], Reason.INVALID_TIMESTAMP, ["row 3", '""']),
        (["inf"], Reason.INVALID_TIMESTAMP, ["row 2"]),
    ],
)
def test_what_is_wrong_is_named_with_its_row(values: list[str], reason: Reason, parts: list[str]) -> None:
    with refused(reason, *parts):
        times(values)
    with refused(reason):
        times([*values[:-1], None] if reason is Reason.INVALID_TIMESTAMP else values, pa.string())


def test_order_is_checked_across_batches() -> None:
    column = TimeColumn("when")
    column.add(pa.array(["3"]), np.array([2]))
    with refused(Reason.UNSORTED_TIMESTAMPS, 'row 9, column "when": "1" is earlier than "3" of row 2'):
        column.add(pa.array(["1"]), np.array([9]))


def test_a_column_of_another_type_is_refused() -> None:
    with refused(Reason.INVALID_TIMESTAMP, "row 2"):
        times([b"x"], pa.binary())


def test_an_unsorted_file_is_refused(tmp_path: Path) -> None:
    with refused(Reason.UNSORTED_TIMESTAMPS, "row 3 goes back in time"):
        read(tmp_path, "when,heat,fault\n2024-01-02,1,0\n2024-01-01,2,1\n", timeColumn="when")
