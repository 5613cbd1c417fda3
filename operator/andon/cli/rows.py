"""Rows for a model: names matched against the model's own columns, values read as numbers."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from andon.cli.cells import Numbers, Place
from andon.cli.errors import CliError, closest, listed, shown

Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Table:
    """Rows in the order of the model's columns.

    Attributes
    ----------
    values
        Shape (rows, columns); NaN where a value is missing.
    ignored
        Columns of the input that the model does not take.
    """

    values: Matrix
    ignored: tuple[str, ...] = ()


def from_options(rows: Sequence[str], columns: Sequence[str]) -> Table:
    """Read rows given as ``KEY=VALUE,…``, one text a row.

    Raises
    ------
    CliError
        ``MalformedRow``, ``DuplicateColumn``, ``UnknownColumn``, ``MissingColumn``, or what a cell is refused for.
    """
    values = [_row(text, f"--row {number}", columns) for number, text in enumerate(rows, start=1)]
    return Table(np.array(values, np.float32).reshape(len(values), len(columns)))


def _row(text: str, where: str, columns: Sequence[str]) -> list[float]:
    separator = ";" if ";" in text else ","
    pairs = _pairs(text, separator, where)
    unknown = [name for name in pairs if name not in columns]
    missing = [name for name in columns if name not in pairs]
    if unknown:
        raise unknown_columns(where, unknown, missing, columns)
    if missing:
        raise missing_columns(where, missing, {}, columns, remedy='write "NAME=" for a value that is not known')
    numbers = Numbers(decimal_comma=separator == ";")
    return [numbers.read(pairs[name], Place(where, name)) for name in columns]


def _pairs(text: str, separator: str, where: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    fields = next(csv.reader([text], delimiter=separator, skipinitialspace=True), [])
    for field in fields:
        if not field.strip():
            continue
        # The last sign parts them: a name may have one, a number never does.
        name, sign, value = field.rpartition("=")
        name = name.strip()
        if not sign or not name:
            raise _malformed(where, field, separator)
        if name in pairs:
            raise duplicate_column(where, name)
        pairs[name] = value
    return pairs


def _malformed(where: str, field: str, separator: str) -> CliError:
    remedy = "put the whole row, and a name with a separator in it, into quotes: --row '\"Torque, max\"=5'"
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
