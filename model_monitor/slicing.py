"""Which slice a row belongs to: by the columns of ``validation.slices``, and the values that the build saw. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from model_builder.report import Signature
from model_monitor.tensors import Rows

Codes = npt.NDArray[np.int64]

_MISSING = ("nan", "na", "n/a", "null")
_WHOLE = re.compile(r"([+-]?[0-9]+)([.,]0*)?")

Part = tuple[str, str | None]
"""A column and one of its values: empty for missing, None for one that the build did not see."""


@dataclass(frozen=True)
class SliceColumn:
    """A column that scores are told by.

    Attributes
    ----------
    place
        Which of the numbers, or of the categories, of a request.
    values
        Those that the build saw, in its order; empty text for missing.
    """

    name: str
    number: bool
    place: int
    values: tuple[str, ...]

    def codes(self, rows: Rows) -> Codes:
        """Give the place of each row's value among those of the build; -1 where it is none of them."""
        if self.number:
            return self._of_numbers(rows.numeric[:, self.place])
        places = {value: code for code, value in enumerate(self.values)}
        return np.array([places.get(_name(str(value)), -1) for value in rows.categorical[:, self.place]], np.int64)

    def _of_numbers(self, given: npt.NDArray[np.float32]) -> Codes:
        codes = np.full(len(given), -1, np.int64)
        for code, value in enumerate(self.values):
            # Requests carry float32, the build's names are of what stood in the data.
            codes[np.isnan(given) if not value else given == np.float32(_number(value))] = code
        return codes


def slice_columns(report: dict[str, Any], signature: Signature) -> tuple[SliceColumn, ...]:
    """Read from a build's report which columns there are. One that is no input of the model cannot be told live."""
    values: dict[str, list[str]] = {}
    for each in report.get("evaluation", {}).get("slices", ()):
        values.setdefault(str(each["column"]), []).append(str(each["value"]))
    found = []
    for name, seen in values.items():
        if name in signature.numeric:
            found.append(SliceColumn(name, True, signature.numeric.index(name), tuple(seen)))
        elif name in signature.categorical:
            found.append(SliceColumn(name, False, signature.categorical.index(name), tuple(seen)))
    return tuple(found)


def labelled(rows: Rows, columns: Sequence[SliceColumn], left_out: Collection[str] = ()) -> list[str | None]:
    """Say of each row which slices it is in, as text; None where there is none to say.

    Parameters
    ----------
    left_out
        Columns of which nothing may be kept.
    """
    told = [column for column in columns if column.name not in left_out]
    if not told:
        return [None] * len(rows)
    codes = np.stack([column.codes(rows) for column in told], axis=1)
    kinds, which = np.unique(codes, axis=0, return_inverse=True)
    texts = [_text(told, kind) for kind in kinds.tolist()]
    return [texts[kind] for kind in which.reshape(-1).tolist()]


def _text(columns: Sequence[SliceColumn], codes: list[int]) -> str:
    parts = [
        (column.name, column.values[code] if code >= 0 else None) for column, code in zip(columns, codes, strict=True)
    ]
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":"))


def parts(text: str) -> list[Part]:
    """Read which slices a row is in."""
    return [(str(name), None if value is None else str(value)) for name, value in json.loads(text)]


def _name(value: str) -> str:
    """Write a value as the build names its slice: ``1.0`` and ``1`` are the same one, ``NA`` is missing."""
    text = value.strip()
    if text.lower() in _MISSING:
        return ""
    whole = _WHOLE.fullmatch(text)
    return whole.group(1).removeprefix("+") if whole else text


def _number(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return float("nan")  # equal to nothing
