"""Reads labels as people and programs send them: a JSON list or CSV, every fault named with its row and column."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from model_monitor.counting import Selection
from model_monitor.errors import MonitorError, Reason, shown

MAX_LABELS = 100_000
FIELDS = ("requestId", "row", "asset", "time", "fault", "label", "selection")
_SELECTIONS = {selection.name.capitalize(): selection for selection in Selection}
_TRUTHS = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True)
class GivenLabel:
    """What somebody says of a row.

    Attributes
    ----------
    index
        Its place among the labels that came with it, from 0.
    request_id
        Names the request; empty where asset and time do.
    row
        Which row of the request; None where it has only one.
    time
        About when the asset was asked about.
    fault, label
        The truth, one of both: whether it is a fault, or the name of its class.
    """

    index: int
    request_id: str = ""
    row: int | None = None
    asset: str = ""
    time: datetime | None = None
    fault: bool | None = None
    label: str | None = None
    selection: Selection = Selection.RECORD


def from_json(body: bytes) -> list[GivenLabel]:
    """Read a JSON list of labels, or a single one.

    Raises
    ------
    MonitorError
        ``InvalidLabel`` or ``TooLarge``.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _invalid(f"the labels are no JSON: {error}", allowed="a JSON list") from None
    entries = [document] if isinstance(document, dict) else document
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise _invalid("the labels are no JSON list of objects", allowed='[{"requestId": "…", "fault": true}]')
    return _read(entries)


def from_csv(body: bytes) -> list[GivenLabel]:
    """Read CSV with a header line. An empty cell is a field that is absent.

    Raises
    ------
    MonitorError
        ``InvalidLabel`` or ``TooLarge``.
    """
    try:
        lines = csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True)
        header = next(lines, [])
        cells: list[dict[str, Any]] = []
        for line in lines:
            if not line:
                continue
            if len(line) != len(header):
                raise _invalid(
                    f"row {len(cells) + 1} of the labels has {len(line)} cells",
                    allowed=f"{len(header)}, as in the header",
                )
            cells.append({name: cell for name, cell in zip(header, line, strict=True) if cell != ""})
    except UnicodeDecodeError as error:
        raise _invalid(f"the labels are not UTF-8 at byte {error.start}", allowed="UTF-8") from None
    except csv.Error as error:
        raise _invalid(f"the labels are no CSV: {error}", allowed="CSV with commas and a header") from None
    if not set(header) <= set(FIELDS) or len(set(header)) != len(header):
        raise _invalid(f"the header of the labels is {', '.join(map(shown, header))}", allowed=", ".join(FIELDS))
    return _read(cells)


def _read(entries: list[dict[str, Any]]) -> list[GivenLabel]:
    if len(entries) > MAX_LABELS:
        raise MonitorError(
            Reason.TOO_LARGE,
            f"there are {len(entries):,} labels",
            found=f"{len(entries):,}",
            allowed=f"{MAX_LABELS:,} at a time",
            remedy="send them in parts",
        )
    return [label_of(index, entry) for index, entry in enumerate(entries)]


def label_of(index: int, entry: dict[str, Any]) -> GivenLabel:
    """Read one label from its fields by name.

    Raises
    ------
    MonitorError
        ``InvalidLabel``.
    """
    unknown = sorted(set(entry) - set(FIELDS))
    if unknown:
        raise _at(index, unknown[0], "is not known", ", ".join(FIELDS))
    request_id, asset = _text(index, entry, "requestId"), _text(index, entry, "asset")
    if bool(request_id) == bool(asset):
        raise _at(index, "requestId", "has to be there, or asset and time in its place", "one of both")
    if bool(asset) != ("time" in entry):
        raise _at(index, "time", "goes with asset", "asset and time, or requestId")
    if ("fault" in entry) == ("label" in entry):
        raise _at(index, "fault", "has to be there, or label in its place", "one of both")
    selection = entry.get("selection", "Record")
    if not isinstance(selection, str) or selection not in _SELECTIONS:
        raise _at(index, "selection", "is not known", ", ".join(_SELECTIONS))
    return GivenLabel(
        index,
        request_id,
        _row(index, entry),
        asset,
        _time(index, entry["time"]) if asset else None,
        _truth(index, entry["fault"]) if "fault" in entry else None,
        _class(index, entry["label"]) if "label" in entry else None,
        _SELECTIONS[selection],
    )


def _text(index: int, entry: dict[str, Any], field: str) -> str:
    value = entry.get(field, "")
    if not isinstance(value, str) or (field in entry and not value) or "\x00" in value or len(value) > 253:
        raise _at(index, field, "is no text", "1 to 253 characters")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _at(index, field, "is no text", "characters of Unicode") from None
    return value


def _row(index: int, entry: dict[str, Any]) -> int | None:
    value = entry.get("row")
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if value is None and "row" not in entry:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**31:
        raise _at(index, "row", "is no number of a row", "0 for the first")
    return value


def _time(index: int, value: Any) -> datetime:  # noqa: ANN401 (what JSON holds)
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        moment = None
    if moment is None or moment.tzinfo is None or not 1970 < moment.year < 9999:
        raise _at(index, "time", "is no time with its zone", "as in 2026-05-04T06:30:00+02:00")
    return moment


def _truth(index: int, value: Any) -> bool:  # noqa: ANN401 (what JSON holds)
    if isinstance(value, str):
        value = _TRUTHS.get(value.lower())
    if not isinstance(value, bool):
        raise _at(index, "fault", "is neither true nor false", "true or false")
    return value


def _class(index: int, value: Any) -> str:  # noqa: ANN401 (what JSON holds)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value or "\x00" in value:
        raise _at(index, "label", "is no name of a class", "a class of the model, as a text")
    return value


def _at(index: int, field: str, what: str, allowed: str) -> MonitorError:
    return _invalid(f"{field} of row {index + 1} of the labels {what}", allowed=allowed)


def _invalid(message: str, *, allowed: str) -> MonitorError:
    return MonitorError(
        Reason.INVALID_LABEL,
        message,
        found=message,
        allowed=allowed,
        remedy="correct it and send all of them again; none has been kept",
    )


def summary(outcomes: Iterable[str]) -> dict[str, int]:
    """Count what became of labels."""
    counts = dict.fromkeys(("accepted", "replaced", "unchanged"), 0)
    for outcome in outcomes:
        counts[outcome] += 1
    return counts
