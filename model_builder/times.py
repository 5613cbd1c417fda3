"""The time column: timestamps or numbers, in order, of one kind."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from model_builder.columns import Cell, absent, as_double, decoded, is_numeric
from model_builder.errors import BuilderError, Reason, shown
from model_builder.sampling import Chunks

ALLOWED = "ISO 8601 such as 2024-03-01T08:30:00+01:00 or 2024-03-01 08:30, or numbers; in every row"

_ISO = (
    r"^(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[T ](?P<clock>[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?) ?(?P<zone>[Zz]|[+-][0-9]{2}:?[0-9]{2})?)?$"
)
_NUMBER = r"^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$"
_PLAIN, _ZONED, _NUMERIC = "no time zone", "a time zone", "a number"


class TimeColumn:
    """Checks and gathers times; they are kept as nanoseconds since 1970, or as the numbers that they are."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._kind: tuple[str, Cell] | None = None
        self._last: tuple[float, Cell] | None = None
        self._chunks = Chunks(np.float64)

    def add(self, values: pa.Array, rows: npt.NDArray[np.int64], kept: npt.NDArray[np.bool_] | None = None) -> None:
        """Add one batch of values, the rows they stand in, and which of them to keep.

        Raises
        ------
        BuilderError
            ``InvalidTimestamp``, ``MixedTimeZones`` or ``UnsortedTimestamps``, with the first such row.
        """
        if len(rows) == 0:
            return
        values = decoded(values)
        times, kinds = _text_times(values) if pa.types.is_string(values.type) else _typed_times(values)
        self._check_all_there(times, values, rows)
        self._check_one_kind(kinds, values, rows)
        self._check_order(times, values, rows)
        self._chunks.add(times, kept)

    def prune(self, kept: npt.NDArray[np.bool_]) -> None:
        """Keep some of the rows added so far."""
        self._chunks.prune(kept)

    def values(self) -> npt.NDArray[np.float64]:
        """Give all times."""
        return self._chunks.joined()

    def _check_all_there(self, times: npt.NDArray[np.float64], values: pa.Array, rows: npt.NDArray[np.int64]) -> None:
        wrong = np.flatnonzero(~np.isfinite(times))
        if len(wrong):
            cell = _cell(wrong[0], values, rows)
            raise BuilderError(
                Reason.INVALID_TIMESTAMP,
                f"row {cell.row:,}, column {shown(self.name)}: {shown(cell.value)} is no timestamp",
                found=f"row {cell.row}: {shown(cell.value)}",
                allowed=ALLOWED,
                remedy="correct the value, or remove the row",
            )

    def _check_one_kind(self, kinds: npt.NDArray[np.str_], values: pa.Array, rows: npt.NDArray[np.int64]) -> None:
        if self._kind is None:
            self._kind = (str(kinds[0]), _cell(0, values, rows))
        kind, first = self._kind
        other = np.flatnonzero(kinds != kind)
        if len(other):
            cell = _cell(other[0], values, rows)
            raise BuilderError(
                Reason.MIXED_TIME_ZONES,
                f"row {cell.row:,}, column {shown(self.name)}: {shown(cell.value)} has {kinds[other[0]]}, but "
                f"{shown(first.value)} of row {first.row:,} has {kind}",
                found=f"{shown(first.value)} and {shown(cell.value)}",
                allowed="a time zone in every timestamp or in none",
                remedy="export the timestamps in UTC, such as 2024-03-01T07:30:00Z",
            )

    def _check_order(self, times: npt.NDArray[np.float64], values: pa.Array, rows: npt.NDArray[np.int64]) -> None:
        before = np.concatenate([[self._last[0] if self._last else times[0]], times[:-1]])
        back = np.flatnonzero(times < before)
        if len(back):
            at = back[0]
            cell = _cell(at, values, rows)
            earlier = _cell(at - 1, values, rows) if at or self._last is None else self._last[1]
            raise BuilderError(
                Reason.UNSORTED_TIMESTAMPS,
                f"row {cell.row:,}, column {shown(self.name)}: {shown(cell.value)} is earlier than "
                f"{shown(earlier.value)} of row {earlier.row:,}",
                found=f"row {cell.row} goes back in time",
                allowed="rows sorted by time, the earliest first",
                remedy=f"sort the file by {shown(self.name)}",
            )
        self._last = (float(times[-1]), _cell(len(rows) - 1, values, rows))


def _typed_times(values: pa.Array) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.str_]]:
    kind = values.type
    if is_numeric(kind):
        return as_double(values), np.full(len(values), _NUMERIC)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        zoned = pa.types.is_timestamp(kind) and kind.tz is not None
        stamps = values.cast(pa.timestamp("us", kind.tz if zoned else None), safe=False)
        return as_double(stamps.cast(pa.int64())) * 1000, np.full(len(values), _ZONED if zoned else _PLAIN)
    return np.full(len(values), np.nan), np.full(len(values), _PLAIN)


def _text_times(values: pa.Array) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.str_]]:
    texts = pc.utf8_trim_whitespace(values)
    numbers = pc.and_(pc.fill_null(pc.match_substring_regex(texts, _NUMBER), False), pc.invert(absent(texts)))
    plain = as_double(pc.replace_substring_regex(pc.if_else(numbers, texts, None), r"^\+", ""))
    parts = pc.extract_regex(texts, _ISO)
    day, clock, zone = (pc.struct_field(parts, name) for name in ("day", "clock", "zone"))
    clock = pc.if_else(pc.equal(clock, ""), "00:00", pc.replace_substring(clock, ",", "."))
    local = _as_nanoseconds(pc.binary_join_element_wise(day, clock, " "))
    zoned = np.asarray(pc.fill_null(pc.not_equal(zone, ""), False))
    times: npt.NDArray[np.float64] = np.where(np.isnan(plain), local - _offset_nanoseconds(zone), plain)
    kinds = np.where(np.asarray(numbers), _NUMERIC, np.where(zoned, _ZONED, _PLAIN))
    return times, kinds


def _as_nanoseconds(texts: pa.Array) -> npt.NDArray[np.float64]:
    try:
        return as_double(texts.cast(pa.timestamp("ns")).cast(pa.int64()))
    except pa.ArrowInvalid:
        # A day such as February 30th: rare, so one by one.
        return np.array([_one(text) for text in texts.to_pylist()], np.float64)


def _one(text: str | None) -> float:
    try:
        return float("nan") if text is None else float(pa.scalar(text).cast(pa.timestamp("ns")).value)
    except pa.ArrowInvalid:
        return float("nan")


def _offset_nanoseconds(zones: pa.Array) -> npt.NDArray[np.float64]:
    encoded = pc.dictionary_encode(pc.fill_null(zones, ""))
    offsets = [_minutes(zone) for zone in encoded.dictionary.to_pylist()]
    minutes: npt.NDArray[np.float64] = np.array(offsets, np.float64)[encoded.indices.to_numpy(zero_copy_only=False)]
    return minutes * 60e9


def _minutes(zone: str) -> float:
    digits = zone[1:].replace(":", "")
    if not digits:
        return 0.0
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    return float(-minutes if zone[0] == "-" else minutes)


def _cell(index: int | np.integer, values: pa.Array, rows: npt.NDArray[np.int64]) -> Cell:
    value = values[int(index)].as_py()
    return Cell(int(rows[index]), "" if value is None else str(value))
