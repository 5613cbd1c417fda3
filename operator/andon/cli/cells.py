"""Cells as numbers and categories: what counts as a number, what as missing, which decimal mark a file uses."""

from __future__ import annotations

import re
import struct
import sys
from dataclasses import dataclass

from andon.cli.errors import CliError, shown

MISSING = frozenset(("", "na", "n/a", "nan", "null", "none", "#n/a"))
"""Texts that stand for a missing value, in lower case: the same that the builder takes for missing."""

_EXPONENT = r"(?:[eE][+-]?[0-9]+)?"
_WITH_DOT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)" + _EXPONENT)
_WITH_COMMA = re.compile(r"[+-]?(?:[0-9]+,[0-9]*|,[0-9]+)" + _EXPONENT)
_INFINITE = re.compile(r"[+-]?inf(?:inity)?", re.IGNORECASE)


@dataclass(frozen=True)
class Place:
    """Where a value stands, for a message."""

    row: str
    column: str

    def __str__(self) -> str:
        return f"{self.row}, column {shown(self.column)}"


class Numbers:
    """Reads the numbers of one input, which has one decimal mark.

    Parameters
    ----------
    decimal_comma
        Whether ``1,5`` is a number. It is not where the comma parts the fields.
    """

    def __init__(self, *, decimal_comma: bool) -> None:
        self._decimal_comma = decimal_comma
        self._first: dict[str, tuple[str, Place]] = {}

    def read(self, text: str, place: Place) -> float:
        """Give the number that a text says; NaN where the value is missing.

        Raises
        ------
        CliError
            ``NotANumber``, ``InfiniteValue`` or ``MixedDecimalMarks``.
        """
        value = text.strip()
        if value.lower() in MISSING:
            return float("nan")
        if _WITH_DOT.fullmatch(value):
            if "." in value:
                self._note(".", value, place)
            return _bounded(value, float(value), place)
        if self._decimal_comma and _WITH_COMMA.fullmatch(value):
            self._note(",", value, place)
            return _bounded(value, float(value.replace(",", ".")), place)
        if _INFINITE.fullmatch(value):
            raise _infinite(value, place)
        raise CliError(
            "NotANumber",
            f"{place}: {shown(value)} is no number.",
            allowed="numbers such as 1551, 42.8 or 1e-3; nothing or NaN where the value is missing",
            remedy="correct the value, or leave it empty",
        )

    def _note(self, mark: str, value: str, place: Place) -> None:
        self._first.setdefault(mark, (value, place))
        if len(self._first) == 1:
            return
        (one, there), (other, here) = self._first.values()
        raise CliError(
            "MixedDecimalMarks",
            f"{there} has {shown(one)}, but {here} has {shown(other)}: decimal commas and decimal points.",
            allowed="one decimal mark in the whole input, and no thousands separators",
            remedy="write the numbers with one decimal mark",
        )


def category(text: str, place: Place) -> str:
    """Give a category as the model knows it: without blanks around it, and empty where the value is missing.

    Raises
    ------
    CliError
        ``EncodingError`` where the text cannot be sent.
    """
    value = text.strip()
    try:
        value.encode()
    except UnicodeEncodeError:  # bytes of the command line that were no UTF-8
        raise CliError(
            "EncodingError",
            f"{place}: {shown(value)} is not UTF-8.",
            allowed="UTF-8",
            remedy="set the terminal to UTF-8, or give the rows as a CSV file",
        ) from None
    return "" if value.lower() in MISSING else sys.intern(value)  # a long file has few of them, again and again


def _bounded(text: str, number: float, place: Place) -> float:
    try:
        struct.pack("<f", number)  # the model takes 32-bit numbers
    except OverflowError:
        raise _infinite(text, place) from None
    if number in (float("inf"), float("-inf")):
        raise _infinite(text, place)
    return number


def _infinite(text: str, place: Place) -> CliError:
    return CliError(
        "InfiniteValue",
        f"{place}: {shown(text)} is infinite as a 32-bit number.",
        allowed="numbers of at most 3.4e38",
        remedy="leave the value empty where the sensor gave none",
    )
