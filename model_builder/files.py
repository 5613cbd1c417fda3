"""Files as batches of columns: CSV and Parquet behind one face."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv
import pyarrow.parquet as arrow_parquet

from model_builder.dialect import Dialect, check_encoding, sniff, too_many_columns
from model_builder.errors import BuilderError, Reason, shown
from model_builder.spec import Limits

BLOCK_BYTES = 4 << 20
BATCH_ROWS = 1 << 16


@dataclass(frozen=True)
class LeftOut:
    """A column that the model does not see, and why."""

    name: str
    why: str


@dataclass(frozen=True)
class Plan:
    """Which columns of the file are read, by index."""

    target: int
    features: tuple[int, ...]
    explicit: bool
    left_out: tuple[LeftOut, ...]
    group: int | None = None
    time: int | None = None
    slices: tuple[int, ...] = ()

    @property
    def indices(self) -> tuple[int, ...]:
        """Every column that is read, once."""
        others = [index for index in (self.group, self.time, *self.slices) if index is not None]
        return tuple(dict.fromkeys([self.target, *others, *self.features]))


@dataclass(frozen=True, eq=False)
class Batch:
    """Columns of one batch by their index in the file, and the rows they stand in."""

    columns: dict[int, pa.Array]
    rows: npt.NDArray[np.int64]


class CsvFile:
    """A CSV file of UTF-8 text with a header."""

    decimal_mark: str | None = "."

    def __init__(self, path: Path, limits: Limits, target: str) -> None:
        check_encoding(path)
        self._path = path
        self._limits = limits
        self._dialect: Dialect = sniff(path, limits.max_columns, target)
        self._bad_rows: list[arrow_csv.InvalidRow] = []
        self._header_row = self._dialect.blank_lines + 1
        self.delimiter: str | None = self._dialect.delimiter
        self.decimal_comma = self._dialect.delimiter != ","
        self.empty_rows = 0
        header = next(self._records(list(range(self._dialect.columns))))
        self.names = tuple(str(column[0].as_py()).strip() for column in header.columns)

    def batches(self, plan: Plan) -> Iterator[Batch]:
        """Read the plan's columns, batch by batch."""
        row = self._header_row
        skip = 1
        for record in self._records(list(plan.indices)):
            batch = record.slice(skip)
            rows = np.arange(row + skip, row + record.num_rows, dtype=np.int64)
            row += record.num_rows
            skip = 0
            kept, rows = self._without_empty(batch, rows)
            yield Batch(dict(zip(plan.indices, kept.columns, strict=True)), rows)

    def _without_empty(
        self, batch: pa.RecordBatch, rows: npt.NDArray[np.int64]
    ) -> tuple[pa.RecordBatch, npt.NDArray[np.int64]]:
        empty = np.ones(len(rows), bool)
        for values in batch.columns:
            if not empty.any():
                return batch, rows
            empty &= np.asarray(pc.equal(pc.utf8_trim_whitespace(values), ""))
        self.empty_rows += int(empty.sum())
        return batch.filter(pa.array(~empty)), rows[~empty]

    def _records(self, indices: list[int]) -> Iterator[pa.RecordBatch]:
        names = [f"f{index}" for index in range(self._dialect.columns)]

        def bad_row(row: arrow_csv.InvalidRow) -> str:
            self._bad_rows.append(row)
            return "error"

        try:
            yield from arrow_csv.open_csv(
                self._path,
                # One thread: rows are numbered only then, and batches come in order.
                read_options=arrow_csv.ReadOptions(
                    use_threads=False,
                    block_size=BLOCK_BYTES,
                    column_names=names,
                    skip_rows=self._dialect.blank_lines,
                ),
                parse_options=arrow_csv.ParseOptions(
                    delimiter=self._dialect.delimiter,
                    newlines_in_values=True,
                    ignore_empty_lines=False,
                    invalid_row_handler=bad_row,
                ),
                convert_options=arrow_csv.ConvertOptions(
                    include_columns=[names[index] for index in indices],
                    column_types=dict.fromkeys(names, pa.string()),
                    strings_can_be_null=False,
                ),
            )
        except pa.ArrowInvalid as error:
            raise self._malformed(error) from None

    def _malformed(self, error: Exception) -> BuilderError:
        remedy = "check the quotes, the delimiter and the line ends around there"
        if self._bad_rows:
            bad = self._bad_rows[0]
            row = bad.number or 0
            return BuilderError(
                Reason.MALFORMED_CSV,
                f"row {row:,} has {bad.actual_columns} fields where the header has {bad.expected_columns}",
                found=f"row {row}: {shown(bad.text)}",
                allowed=f"{bad.expected_columns} fields in every row",
                remedy=remedy,
            )
        if "straddl" in str(error):
            return BuilderError(
                Reason.MALFORMED_CSV,
                f"a row is longer than {BLOCK_BYTES:,} bytes",
                found="a row that does not end",
                allowed=f"rows of at most {BLOCK_BYTES:,} bytes",
                remedy=remedy,
            )
        return BuilderError(
            Reason.MALFORMED_CSV,
            f"the file cannot be read as CSV: {error}",
            found=str(error),
            allowed="CSV with a header",
            remedy=remedy,
        )


class ParquetFile:
    """A Parquet file."""

    decimal_comma = False
    decimal_mark: str | None = None
    delimiter: str | None = None
    empty_rows = 0

    def __init__(self, path: Path, limits: Limits) -> None:
        self._path = path
        try:
            with arrow_parquet.ParquetFile(path) as file:
                self.names = tuple(name.strip() for name in file.schema_arrow.names)
                self._fields = list(file.schema_arrow.names)
                rows = file.metadata.num_rows
        except (pa.ArrowException, OSError) as error:
            raise self._malformed(error) from None
        if len(self.names) > limits.max_columns:
            raise too_many_columns(len(self.names), limits.max_columns)
        if rows > limits.max_rows:
            raise too_many_rows(limits.max_rows)

    def batches(self, plan: Plan) -> Iterator[Batch]:
        """Read the plan's columns, batch by batch."""
        wanted = [self._fields[index] for index in plan.indices]
        row = 1
        try:
            with arrow_parquet.ParquetFile(self._path, read_dictionary=wanted) as file:
                for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=wanted, use_threads=False):
                    rows = np.arange(row, row + batch.num_rows, dtype=np.int64)
                    row += batch.num_rows
                    columns = [batch.column(name) for name in wanted]
                    yield Batch(dict(zip(plan.indices, columns, strict=True)), rows)
        except (pa.ArrowException, OSError) as error:
            raise self._malformed(error) from None

    def _malformed(self, error: Exception) -> BuilderError:
        return BuilderError(
            Reason.MALFORMED_PARQUET,
            f"the file cannot be read as Parquet: {error}",
            found=str(error),
            allowed="a whole Parquet file",
            remedy="write the file again, or set format: csv if that is what it is",
        )


def too_many_rows(allowed: int) -> BuilderError:
    """Describe a file that is too long."""
    return BuilderError(
        Reason.TOO_MANY_ROWS,
        f"the file has more than {allowed:,} rows",
        found=f"more than {allowed} rows",
        allowed=f"at most {allowed} rows",
        remedy="leave out rows, or raise the limit maxRows",
    )
