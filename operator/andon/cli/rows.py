"""Rows for a model: names matched against the model's own columns, values read as numbers and categories."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from andon.cli.cells import Numbers, Place, category
from andon.cli.errors import CliError, closest, listed, shown


@dataclass(frozen=True)
class Columns:
    """Names of a model's columns, of each kind in the model's order."""

    numeric: tuple[str, ...]
    categorical: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all columns."""
        return self.numeric + self.categorical


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows as a model takes them.

    Attributes
    ----------
    numeric
        Shape (rows, numeric columns); NaN where a value is missing.
    categorical
        Shape (rows, categorical columns), of str; empty where a value is missing.
    """

    numeric: npt.NDArray[np.float32]
    categorical: npt.NDArray[np.object_]

    @classmethod
    def of(cls, cells: Sequence[tuple[Sequence[float], Sequence[str]]], columns: Columns) -> Self:
        """Make rows of the numbers and the texts of each."""
        return cls(
            np.array([numbers for numbers, _ in cells], np.float32).reshape(len(cells), len(columns.numeric)),
            np.array([texts for _, texts in cells], np.object_).reshape(len(cells), len(columns.categorical)),
        )

    @classmethod
    def joined(cls, parts: Sequence[Rows]) -> Self:
        """Put rows below one another."""
        return cls(
            np.concatenate([part.numeric for part in parts]), np.concatenate([part.categorical for part in parts])
        )

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.numeric)

    def part(self, start: int, count: int) -> Rows:
        """Give some rows that follow one another."""
        return Rows(self.numeric[start : start + count], self.categorical[start : start + count])


@dataclass(frozen=True)
class Table:
    """Rows, and the columns of the input that the model does not take."""

    rows: Rows
    ignored: tuple[str, ...] = ()


def from_options(rows: Sequence[str], columns: Columns) -> Table:
    """Read rows given as ``KEY=VALUE,…``, one text a row.

    Raises
    ------
    CliError
        ``MalformedRow``, ``DuplicateColumn``, ``UnknownColumn``, ``MissingColumn``, or what a cell is refused for.
    """
    read = [_row(text, f"--row {number}", columns) for number, text in enumerate(rows, start=1)]
    return Table(Rows.of(read, columns))


def _row(text: str, where: str, columns: Columns) -> tuple[list[float], list[str]]:
    names = columns.names
    separator = _separator(text, names)
    pairs = _pairs(text, separator, where, names)
    unknown = [name for name in pairs if name not in names]
    missing = [name for name in names if name not in pairs]
    if unknown:
        raise unknown_columns(where, unknown, missing, names)
    if missing:
        raise missing_columns(where, missing, {}, names, remedy='write "NAME=" for a value that is not known')
    numbers = Numbers(decimal_comma=separator == ";")
    return (
        [numbers.read(pairs[name], Place(where, name)) for name in columns.numeric],
        [category(pairs[name], Place(where, name)) for name in columns.categorical],
    )


def _separator(text: str, names: Sequence[str]) -> str:
    """Choose the separator that finds most of the model's columns; of equals the semicolon, where there is one."""
    if ";" not in text:
        return ","
    return max(";,", key=lambda mark: sum(_parted(field, names)[0] in names for field in _fields(text, mark)))


def _pairs(text: str, separator: str, where: str, names: Sequence[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for field in _fields(text, separator):
        if not field.strip():
            continue
        name, sign, value = _parted(field, names)
        if not sign or not name:
            raise _malformed(where, field, separator)
        if name in pairs:
            raise duplicate_column(where, name)
        pairs[name] = value
    return pairs


def _fields(text: str, separator: str) -> list[str]:
    """Part the pairs. The quotes may be around a pair, around its name or around its value."""
    inside = r'(?:[^"]|"")*'
    value_in_quotes = re.compile(
        rf'(?P<before>^|{separator})\s*(?:"(?P<quoted>{inside})"|(?P<plain>[^"{separator}]*?))\s*='
        rf'\s*"(?P<value>{inside})"(?=\s*(?:{separator}|$))'
    )
    pairs = value_in_quotes.sub(
        lambda found: f'{found["before"]}"{found["quoted"] or found["plain"]}={found["value"]}"', text
    )
    return next(csv.reader([pairs], delimiter=separator, skipinitialspace=True), [])


def _parted(field: str, names: Sequence[str]) -> tuple[str, str, str]:
    """Part name, sign and value: the last sign that has a name of the model's before it, else the last one.

    A name may hold the sign, and so may a text.
    """
    ends = [place for place, character in enumerate(field) if character == "="]
    for end in reversed(ends):
        if field[:end].strip() in names:
            return field[:end].strip(), "=", field[end + 1 :]
    name, sign, value = field.rpartition("=")
    return name.strip(), sign, value


def _malformed(where: str, field: str, separator: str) -> CliError:
    remedy = "put the whole row, and a name or value with a separator in it, into quotes: --row '\"Torque, max\"=5'"
    if separator == "," and field.strip().isdigit():
        remedy = 'if it follows a decimal comma, write a point instead, or part the pairs by ";"'
    return CliError(
        "MalformedRow",
        f"{where} has {shown(field.strip())}, which is not NAME=VALUE.",
        allowed='NAME=VALUE pairs parted by ",", or by ";" where numbers have decimal commas',
        remedy=remedy,
    )


def duplicate_column(where: str, name: str) -> CliError:
    """Describe a column that stands there twice."""
    return CliError(
        "DuplicateColumn",
        f"{where} has the column {shown(name)} more than once.",
        allowed="every name once",
        remedy="remove or rename one of them",
    )


def unknown_columns(where: str, unknown: Sequence[str], missing: Sequence[str], columns: Sequence[str]) -> CliError:
    """Describe columns that the model does not have, with what was probably meant."""
    near = {name: closest(name, missing) or closest(name, columns) for name in unknown}
    meant = [f"{shown(right)} instead of {shown(wrong)}" for wrong, right in near.items() if right]
    some = "a column" if len(unknown) == 1 else "columns"
    return CliError(
        "UnknownColumn",
        f"{where} has {some} that the model does not have: {listed(unknown)}.",
        allowed=listed(columns),
        remedy=f"did you mean {', '.join(meant)}?" if meant else "leave it out, or use a name from the list",
    )


def missing_columns(
    where: str, missing: Sequence[str], spare: dict[str, str], columns: Sequence[str], *, remedy: str
) -> CliError:
    """Describe columns that the model needs and that are not there.

    Parameters
    ----------
    spare
        By a missing column: a column that is there, that the model does not have, and that looks like it.
    """
    meant = [f"rename {shown(there)} to {shown(wanted)}" for wanted, there in spare.items()]
    some = "a column" if len(missing) == 1 else "columns"
    return CliError(
        "MissingColumn",
        f"{where} lacks {some} that the model needs: {listed(missing)}.",
        allowed=f"all of {listed(columns)}",
        remedy="; ".join([*meant, remedy]),
    )
