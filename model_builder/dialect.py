"""How a CSV file is written: its encoding, its delimiter, where its header stands."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from model_builder.errors import BuilderError, Reason, shown

DELIMITERS = (",", ";", "\t")
SAMPLE_BYTES = 1 << 20
SAMPLE_RECORDS = 100
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True)
class Dialect:
    """How a CSV file is to be parsed. ``blank_lines`` stand before the header."""

    delimiter: str
    columns: int
    blank_lines: int = 0


def check_encoding(path: Path) -> None:
    """Read the whole file and make sure that it is UTF-8.

    Raises
    ------
    BuilderError
        ``EncodingError``, with the offset of the first byte that is not.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    offset = 0
    with path.open("rb") as file:
        if file.read(2) in _UTF16_MARKS:
            raise _not_utf8(0, "a byte order mark of UTF-16")
        file.seek(0)
        while True:
            chunk = file.read(SAMPLE_BYTES)
            held_back = len(decoder.getstate()[0])
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                at = offset - held_back + error.start
                raise _not_utf8(at, f"byte 0x{error.object[error.start]:02x}") from None
            if not chunk:
                return
            offset += len(chunk)


def _not_utf8(offset: int, found: str) -> BuilderError:
    return BuilderError(
        Reason.ENCODING_ERROR,
        f"the file is not UTF-8: {found} at byte offset {offset:,}",
        found=f"{found} at byte offset {offset}",
        allowed="UTF-8, with or without a byte order mark",
        remedy="save the file as UTF-8",
    )


def sniff(path: Path, max_columns: int, target: str) -> Dialect:
    """Find the delimiter of a UTF-8 file from its first records.

    The delimiter is the one that cuts the header and all first records into the same number of fields, at least
    two; of several, one that gives a column of the target's name, and of those the one that cuts into most.

    Raises
    ------
    BuilderError
        ``EmptyFile``, ``TooManyColumns`` or ``MalformedCsv``.
    """
    sample, whole = _sample(path)
    if not sample.strip():
        raise BuilderError(
            Reason.EMPTY_FILE,
            "the file is empty",
            found=f"{path.stat().st_size} bytes",
            allowed="a header and rows",
            remedy="export the data again",
        )
    body = sample.lstrip("\r\n")
    blank_lines = len(sample[: len(sample) - len(body)].splitlines())
    delimiter = max(DELIMITERS, key=lambda candidate: _fitness(body, candidate, whole, target))
    header = next(_records(body, delimiter), [])
    if len(header) > max_columns:
        raise too_many_columns(len(header), max_columns)
    if not header or (not whole and sum(len(name) for name in header) > SAMPLE_BYTES // 2):
        raise BuilderError(
            Reason.MALFORMED_CSV,
            "the first record does not end within the first mebibyte",
            found=f"a record that starts with {shown(body[:40])}",
            allowed="a header of at most 512 KiB, no name longer than 128 KiB",
            remedy="check the quotes and line ends of the first line",
        )
    return Dialect(delimiter, len(header), blank_lines)


def too_many_columns(found: int, allowed: int) -> BuilderError:
    """Describe a file that is too wide."""
    return BuilderError(
        Reason.TOO_MANY_COLUMNS,
        f"the file has {found:,} columns, more than the {allowed:,} that are allowed",
        found=f"{found} columns",
        allowed=f"at most {allowed} columns",
        remedy="leave out columns, or raise the limit maxColumns",
    )


def _sample(path: Path) -> tuple[str, bool]:
    with path.open("rb") as file:
        head = file.read(SAMPLE_BYTES)
        whole = not file.read(1)
    text = codecs.getincrementaldecoder("utf-8-sig")().decode(head)
    return text, whole


def _fitness(sample: str, delimiter: str, whole: bool, target: str) -> tuple[bool, bool, int]:
    records = [record for record in _records(sample, delimiter) if record]
    widths = [len(record) for record in records]
    named = bool(records) and target in (name.strip() for name in records[0])
    if not whole and 1 < len(widths) < SAMPLE_RECORDS:
        widths.pop()  # the sample may end inside this one
    return len(set(widths)) == 1 and widths[0] > 1, named, widths[0] if widths else 0


def _records(sample: str, delimiter: str) -> Iterator[list[str]]:
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
    try:
        yield from itertools.islice(reader, SAMPLE_RECORDS)
    except csv.Error:
        return  # a field beyond all measure; what came before it is enough to judge by
