"""Columns gathered batch by batch: numbers as float32, texts and classes as codes, with what was odd and where."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from model_builder.categories import TextValues
from model_builder.errors import BuilderError, Reason, listed, shown
from model_builder.sampling import Chunks

MISSING = ("", "na", "n/a", "nan", "null", "none", "#n/a")
"""Texts that stand for a missing number, in lower case. They are those that spreadsheets and pandas write."""

_EXPONENT = r"([eE][+-]?[0-9]+)?$"
_WITH_DOT = r"^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)" + _EXPONENT
_WITH_COMMA = r"^[+-]?([0-9]+,[0-9]*|,[0-9]+)" + _EXPONENT
_INFINITE = r"^[+-]?(?i:inf|infinity)$"
_FLOAT32_MAX = float(np.finfo(np.float32).max)

MAX_DISTINCT = 1000


@dataclass(frozen=True)
class Cell:
    """A value and where it stands: the row as a person counts them in the file, the header being row 1."""

    row: int
    value: str


class FeatureColumn:
    """A column that may turn out to be numeric, categorical, other text or empty.

    Parameters
    ----------
    name
        Name in the header.
    decimal_comma
        Whether ``1,5`` is a number. It is not where the comma is the delimiter.
    """

    def __init__(self, name: str, decimal_comma: bool) -> None:
        self.name = name
        self.numbers = 0
        self.others = 0
        self.first_other: Cell | None = None
        self.first_infinite: Cell | None = None
        self.first_dot: Cell | None = None
        self.first_comma: Cell | None = None
        self.type_name = "text"
        self.texts = TextValues()
        self.whole = True
        self.largest = 0.0
        self._decimal_comma = decimal_comma
        self._chunks = Chunks(np.float32)

    @property
    def is_text(self) -> bool:
        """Whether most of the values that are there are no numbers."""
        return self.others > self.numbers

    @property
    def is_empty(self) -> bool:
        """Whether no value is there at all."""
        return self.others + self.numbers == 0

    def add(self, values: pa.Array, rows: npt.NDArray[np.int64], kept: npt.NDArray[np.bool_] | None = None) -> None:
        """Add one batch of values, the rows they stand in, and which of them to keep (all are checked)."""
        values = decoded(values)
        kind = values.type
        if pa.types.is_string(kind):
            numbers = self._parsed(values, rows, kept)
        elif is_numeric(kind):
            numbers = as_double(values)
            self.texts.give_up()
        else:
            self.type_name = str(kind)
            self.texts.give_up()
            self._note_other(pc.is_valid(values), values, rows)
            numbers = np.full(len(values), np.nan)
        self._keep(numbers, values, rows, kept)

    def prune(self, kept: npt.NDArray[np.bool_]) -> None:
        """Keep some of the rows added so far."""
        self._chunks.prune(kept)
        self.texts.prune(kept)

    def values(self) -> npt.NDArray[np.float32]:
        """Give all values as numbers; a missing one is NaN."""
        return self._chunks.joined()

    def _parsed(
        self, values: pa.Array, rows: npt.NDArray[np.int64], kept: npt.NDArray[np.bool_] | None
    ) -> npt.NDArray[np.float64]:
        texts = pc.utf8_trim_whitespace(values)
        missing = absent(texts)
        plain = pc.or_(_matches(texts, _WITH_DOT), _matches(texts, _INFINITE))
        if self.first_dot is None:
            self.first_dot = _first(pc.and_(plain, pc.fill_null(pc.match_substring(texts, "."), False)), texts, rows)
        number = plain
        words = texts
        if self._decimal_comma:
            comma = _matches(texts, _WITH_COMMA)
            if self.first_comma is None:
                self.first_comma = _first(comma, texts, rows)
            number = pc.or_(plain, comma)
            texts = pc.if_else(comma, pc.replace_substring(texts, ",", "."), texts)
        self._note_other(pc.invert(pc.or_(number, missing)), values, rows)
        if self.others == 0 and (pc.sum(number).as_py() or 0) > 0:
            self.texts.give_up()  # a column that starts with numbers is one of numbers
        else:
            self.texts.add(pc.if_else(missing, None, words), kept)
        digits = pc.replace_substring_regex(pc.if_else(number, texts, None), r"^\+", "")
        return as_double(digits)

    def _note_other(self, other: pa.Array, values: pa.Array, rows: npt.NDArray[np.int64]) -> None:
        self.others += pc.sum(other).as_py() or 0
        if self.first_other is None:
            self.first_other = _first(other, values, rows)

    def _keep(
        self,
        numbers: npt.NDArray[np.float64],
        values: pa.Array,
        rows: npt.NDArray[np.int64],
        kept: npt.NDArray[np.bool_] | None,
    ) -> None:
        there = numbers[~np.isnan(numbers)]
        self.numbers += len(there)
        self.whole = self.whole and bool((there == np.trunc(there)).all())
        self.largest = max(self.largest, float(np.abs(there).max(initial=0.0)))
        if self.first_infinite is None:
            self.first_infinite = _first(pa.array(np.abs(numbers) > _FLOAT32_MAX), values, rows)
        with np.errstate(over="ignore"):
            self._chunks.add(numbers.astype(np.float32), kept)


class ClassColumn:
    """The target, or a column that rows are grouped by: values as classes, ``1.0`` and ``1`` being the same one.

    Parameters
    ----------
    most
        Largest number of classes, for the target; None where there may be any number.
    """

    def __init__(self, name: str, most: int | None = MAX_DISTINCT) -> None:
        self.name = name
        self.classes: dict[str, int] = {}
        self.missing = 0
        self.first_missing: int | None = None
        self._most = most
        self._chunks = Chunks(np.int64)

    def add(self, values: pa.Array, rows: npt.NDArray[np.int64], kept: npt.NDArray[np.bool_] | None = None) -> None:
        """Add one batch of values, the rows they stand in, and which of them to keep.

        Raises
        ------
        BuilderError
            ``TooManyClasses`` as soon as the target cannot be one of classes.
        """
        encoded = values if pa.types.is_dictionary(values.type) else pc.dictionary_encode(values)
        codes = np.array([self._code(value) for value in encoded.dictionary.to_pylist()] + [-1], np.int64)
        indices = pc.fill_null(encoded.indices.cast(pa.int64()), len(codes) - 1).to_numpy(zero_copy_only=False)
        chunk = codes[indices]
        absent = np.flatnonzero(chunk < 0)
        self.missing += len(absent)
        if len(absent) and self.first_missing is None:
            self.first_missing = int(rows[absent[0]])
        self._chunks.add(chunk, kept)

    def prune(self, kept: npt.NDArray[np.bool_]) -> None:
        """Keep some of the rows added so far."""
        self._chunks.prune(kept)

    def values(self) -> npt.NDArray[np.int64]:
        """Give the code of every row's class, -1 where the value is missing."""
        return self._chunks.joined()

    def _code(self, value: object) -> int:
        text = class_name(value)
        if not text:
            return -1
        code = self.classes.setdefault(text, len(self.classes))
        if self._most is not None and code >= self._most:
            raise too_many_classes(self.name, self.classes)
        return code


def class_name(value: object) -> str:
    """Write a value of the target as the name of its class; empty where it is missing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if np.isnan(value):
            return ""
        return str(int(value)) if value.is_integer() else repr(value)
    text = str(value).strip()
    if text.lower() in ("nan", "na", "n/a", "null"):
        return ""
    whole = re.fullmatch(r"([+-]?[0-9]+)([.,]0*)?", text)
    return whole.group(1).removeprefix("+") if whole else text


def too_many_classes(name: str, classes: dict[str, int] | tuple[str, ...], most: int = 64) -> BuilderError:
    """Describe a target that holds too many different values to be classes."""
    return BuilderError(
        Reason.TOO_MANY_CLASSES,
        f"the target column {shown(name)} has more than {most} different values",
        found=f"values such as {listed(list(classes), 5)}",
        allowed=f"2 to {most} classes; a measured quantity cannot be predicted",
        remedy="choose another target, or make a column that says fault or no fault",
    )


def decoded(values: pa.Array) -> pa.Array:
    """Give plain values: dictionaries resolved, every kind of text as one."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    kind = values.type
    return values.cast(pa.string()) if pa.types.is_large_string(kind) or pa.types.is_null(kind) else values


def absent(texts: pa.Array) -> pa.Array:
    """Tell which trimmed texts stand for a missing value."""
    return pc.or_kleene(pc.is_null(texts), pc.is_in(pc.utf8_lower(texts), pa.array(MISSING)))


def is_numeric(kind: Any) -> bool:  # noqa: ANN401 (pyarrow publishes no types)
    """Whether a type of Arrow is one of numbers, or of yes and no."""
    types = pa.types
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind) or types.is_boolean(kind))


def as_double(values: pa.Array) -> npt.NDArray[np.float64]:
    """Give numbers as float64, NaN where one is missing."""
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.int8())
    numbers = pc.cast(values, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return np.asarray(numbers, np.float64)


def _matches(texts: pa.Array, pattern: str) -> pa.Array:
    return pc.fill_null(pc.match_substring_regex(texts, pattern), False)


def _first(mask: pa.Array, values: pa.Array, rows: npt.NDArray[np.int64]) -> Cell | None:
    at = pc.index(mask, True).as_py()
    return None if at < 0 else Cell(int(rows[at]), str(values[at].as_py()))
