"""A CSV file as rows for a model: any of the usual dialects, extra columns left out, every error with its line."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO

from andon.cli.cells import Numbers, Place, category
from andon.cli.errors import CliError, closest, listed, shown
from andon.cli.rows import Columns, Rows, Table, duplicate_column, missing_columns

STDIN = "-"
DELIMITERS = (";", "\t", ",")
_HEADER_LINES = 50
_CHUNK_ROWS = 4096


def from_csv(source: str, columns: Columns, limit: int | None = None) -> Table:
    """Read a CSV file.

    The delimiter is the one that finds most of the model's columns in the header. Columns are matched by name.

    Parameters
    ----------
    source
        Path, or ``-`` for standard input.
    columns
        The model's.
    limit
        Read no more than that many rows.

    Raises
    ------
    CliError
        With the line at fault.
    """
    name = "standard input" if source == STDIN else source
    with _opened(source) as stream:
        return _read(TextIOWrapper(stream, encoding="utf-8-sig", newline=""), name, columns, limit)


def check_readable(source: str) -> None:
    """Make sure that the file is there, before anything is asked of a cluster."""
    if source != STDIN:
        with _opened(source):
            pass


@contextmanager
def _opened(source: str) -> Iterator[BinaryIO]:
    if source == STDIN:
        yield sys.stdin.buffer
        return
    try:
        stream = Path(source).open("rb")  # noqa: SIM115  closed below, where its errors are not this one
    except OSError as error:
        raise CliError(
            "FileNotReadable",
            f"the file {shown(source)} cannot be read: {error.strerror}.",
            allowed="a CSV file, or - for standard input",
            remedy="check the path and its rights",
        ) from error
    with stream:
        yield stream


@dataclass(frozen=True)
class _Layout:
    """What the header says."""

    delimiter: str
    width: int
    numeric: tuple[int, ...]
    categorical: tuple[int, ...]
    ignored: tuple[str, ...]


def _read(text: TextIOWrapper, name: str, columns: Columns, limit: int | None) -> Table:
    try:
        lines = iter(text)
        head = list(islice(lines, _HEADER_LINES))
        layout = _layout(head, name, columns)
        chunks = list(_chunks(chain(head, lines), layout, name, columns, limit))
    except UnicodeDecodeError as error:
        raise CliError(
            "EncodingError",
            f"{name} is not UTF-8: byte 0x{error.object[error.start]:02x}.",
            allowed="UTF-8, with or without a byte order mark",
            remedy="save the file as UTF-8",
        ) from error
    except OSError as error:
        raise CliError(
            "FileNotReadable",
            f"{name} cannot be read: {error.strerror}.",
            remedy="check the path and its rights",
        ) from error
    if not chunks:
        raise CliError("NoRows", f"{name} has a header and no rows.", allowed="at least one row", remedy="add rows")
    return Table(Rows.joined(chunks), layout.ignored)


def _layout(head: list[str], name: str, columns: Columns) -> _Layout:
    if not any(line.strip() for line in head):
        raise CliError("EmptyFile", f"{name} is empty.", allowed="a header and rows", remedy="export the data again")
    names = columns.names
    headers = {delimiter: _header(head, delimiter, name) for delimiter in DELIMITERS}
    delimiter = max(DELIMITERS, key=lambda mark: (len(set(headers[mark]) & set(names)), len(headers[mark])))
    header = headers[delimiter]
    where = f"the header of {name}"
    for column in names:
        if header.count(column) > 1:
            raise duplicate_column(where, column)
    ignored = tuple(dict.fromkeys(column for column in header if column and column not in names))
    missing = [column for column in names if column not in header]
    if missing:
        likely = {wanted: closest(wanted, ignored) for wanted in missing}
        spare = {wanted: there for wanted, there in likely.items() if there is not None}
        remedy = f"add it to the file; its columns are {listed(header)}"
        raise missing_columns(where, missing, spare, names, remedy=remedy)
    return _Layout(
        delimiter,
        len(header),
        tuple(header.index(column) for column in columns.numeric),
        tuple(header.index(column) for column in columns.categorical),
        ignored,
    )


def _header(head: list[str], delimiter: str, name: str) -> list[str]:
    try:
        for record in csv.reader(head, delimiter=delimiter):
            if any(field.strip() for field in record):
                return [field.strip() for field in record]
    except csv.Error as error:
        raise _malformed(f"the header of {name}", str(error)) from error
    return []


def _chunks(lines: Iterator[str], layout: _Layout, name: str, columns: Columns, limit: int | None) -> Iterator[Rows]:
    numbers = Numbers(decimal_comma=layout.delimiter != ",")
    numeric = list(zip(layout.numeric, columns.numeric, strict=True))
    categorical = list(zip(layout.categorical, columns.categorical, strict=True))
    read: list[tuple[list[float], list[str]]] = []
    for where, record in islice(_records(lines, layout, name), limit):
        read.append(
            (
                [numbers.read(record[index], Place(where, column)) for index, column in numeric],
                [category(record[index], Place(where, column)) for index, column in categorical],
            )
        )
        if len(read) == _CHUNK_ROWS:
            yield Rows.of(read, columns)
            read = []
    if read:
        yield Rows.of(read, columns)


def _records(lines: Iterator[str], layout: _Layout, name: str) -> Iterator[tuple[str, list[str]]]:
    """Give the records after the header, each with its place for a message."""
    reader = csv.reader(lines, delimiter=layout.delimiter)
    try:
        for record in reader:
            if any(field.strip() for field in record):
                break  # the header
        row = 0
        for record in reader:
            # A blank line is none; a line of delimiters is a row without values, and gets its answer.
            if not record or (layout.width > 1 and len(record) == 1 and not record[0].strip()):
                continue
            row += 1
            where = f"line {reader.line_num} of {name} (row {row})"
            if len(record) != layout.width:
                raise _malformed(where, f"{len(record)} fields, where the header has {layout.width}")
            yield where, record
    except csv.Error as error:
        raise _malformed(f"line {reader.line_num} of {name}", str(error)) from error


def _malformed(where: str, found: str) -> CliError:
    return CliError(
        "MalformedCsv",
        f"{where}: {found}.",
        allowed='fields parted by ",", ";" or a tab, as many in every line as in the header',
        remedy='put fields that hold the delimiter into double quotes ("), and check for a decimal comma in a file '
        "that is parted by commas",
    )
