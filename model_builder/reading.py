"""Reads a CSV or Parquet file into a validated table, batch by batch, within limits."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from model_builder.categories import MAX_CATEGORIES, MAX_TEXT_CHARS, Category, Rows
from model_builder.columns import Cell, ClassColumn, FeatureColumn
from model_builder.errors import BuilderError, Reason, listed, shown
from model_builder.evaluation import SliceColumn
from model_builder.files import Batch, CsvFile, LeftOut, ParquetFile, Plan, too_many_rows
from model_builder.planning import plan_columns
from model_builder.sampling import Chunks, Sampler
from model_builder.sources import LocalData
from model_builder.spec import Limits, Train
from model_builder.times import TimeColumn

MAX_SLICES = 50


@dataclass(frozen=True)
class NumberFacts:
    """What the numbers of a column were before they became float32."""

    whole: bool
    largest: float


@dataclass(frozen=True, eq=False)
class Table:
    """Validated data.

    Attributes
    ----------
    names
        Names of the numeric features.
    data
        The features; no number is infinite.
    facts
        Of each numeric feature.
    classes
        Names of the classes in order of appearance.
    target
        Array of shape (rows,) of indices into ``classes``.
    rows
        Array of shape (rows,): the row of the file, as a person counts them.
    columns
        Number of columns of the file.
    explicit
        Whether the spec names the features.
    rows_in_file
        Rows that were read and checked; more than ``rows`` has where a sample was drawn.
    groups
        Array of shape (rows,) of numbers of groups; None where the spec names no group.
    times
        Array of shape (rows,), ascending; None where the spec names no time.
    slices
        Columns to report scores by.
    """

    names: tuple[str, ...]
    data: Rows
    facts: tuple[NumberFacts, ...]
    classes: tuple[str, ...]
    target: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    columns: int
    explicit: bool
    left_out: tuple[LeftOut, ...]
    rows_in_file: int
    groups: npt.NDArray[np.int64] | None = None
    times: npt.NDArray[np.float64] | None = None
    slices: tuple[SliceColumn, ...] = ()
    delimiter: str | None = None
    decimal_mark: str | None = None
    empty_rows: int = 0

    @property
    def features(self) -> npt.NDArray[np.float32]:
        """Give the numeric features."""
        return self.data.numeric

    @property
    def categorical(self) -> tuple[str, ...]:
        """Give the names of the categorical features."""
        return tuple(category.name for category in self.data.categories)


class _Gathered:
    """The columns of a file as they fill up."""

    def __init__(self, reader: CsvFile | ParquetFile, plan: Plan, train: Train) -> None:
        names = reader.names
        self.sampler = Sampler(train.seed, train.sample_rows)
        self.rows = Chunks(np.int64)
        self.target = ClassColumn(train.target)
        self.group = None if plan.group is None else ClassColumn(names[plan.group], most=None)
        self.time = None if plan.time is None else TimeColumn(names[plan.time])
        self.slices = [ClassColumn(names[index], most=None) for index in plan.slices]
        self.features = [FeatureColumn(names[index], reader.decimal_comma) for index in plan.features]
        self._columns: list[tuple[int, FeatureColumn | ClassColumn | TimeColumn]] = [(plan.target, self.target)]
        for index, column in ((plan.group, self.group), (plan.time, self.time)):
            if index is not None and column is not None:
                self._columns.append((index, column))
        self._columns += zip(plan.slices, self.slices, strict=True)
        self._columns += zip(plan.features, self.features, strict=True)

    def add(self, batch: Batch) -> None:
        kept = self.sampler.offer(len(batch.rows))
        self.rows.add(batch.rows, kept)
        for index, column in self._columns:
            column.add(batch.columns[index], batch.rows, kept)
        self._prune(self.sampler.surplus())

    def finish(self) -> None:
        self._prune(self.sampler.surplus(last=True))

    def _prune(self, kept: npt.NDArray[np.bool_] | None) -> None:
        if kept is not None:
            self.rows.prune(kept)
            for _, column in self._columns:
                column.prune(kept)


def read_table(data: LocalData, train: Train, limits: Limits, slices: tuple[str, ...] = ()) -> Table:
    """Read and check the data. Every row is checked, also where only a sample of them is kept.

    Raises
    ------
    BuilderError
        For everything about the file that training could not live with.
    """
    if data.bytes == 0:
        raise BuilderError(
            Reason.EMPTY_FILE,
            "the file is empty",
            found="0 bytes",
            allowed="a header and rows",
            remedy="export the data again",
        )
    reader = CsvFile(data.path, limits, train.target) if data.format == "csv" else ParquetFile(data.path, limits)
    plan = plan_columns(reader.names, train, slices)
    gathered = _Gathered(reader, plan, train)
    for batch in reader.batches(plan):
        gathered.add(batch)
        _check_slices(gathered.slices)
        if gathered.sampler.seen > limits.max_rows:
            raise too_many_rows(limits.max_rows)
    if gathered.sampler.seen == 0:
        raise BuilderError(
            Reason.NO_ROWS,
            "the file has a header and no rows",
            found=f"columns {listed(reader.names)}",
            allowed="a header and rows",
            remedy="export the data again",
        )
    gathered.finish()
    return _table(reader, plan, gathered)


def _table(reader: CsvFile | ParquetFile, plan: Plan, gathered: _Gathered) -> Table:
    target, group, time = gathered.target, gathered.group, gathered.time
    _check_complete(target, gathered.sampler.seen)
    if group is not None:
        _check_grouped(group, gathered.sampler.seen)
    kinds = _usable(gathered.features, plan)
    used = kinds.numeric
    return Table(
        names=tuple(column.name for column in used),
        data=_rows(kinds, len(gathered.rows.joined())),
        facts=tuple(NumberFacts(column.whole, column.largest) for column in used),
        classes=tuple(target.classes),
        target=target.values(),
        rows=gathered.rows.joined(),
        columns=len(reader.names),
        explicit=plan.explicit,
        left_out=plan.left_out + tuple(kinds.left_out),
        rows_in_file=gathered.sampler.seen,
        groups=None if group is None else group.values(),
        times=None if time is None else time.values(),
        slices=tuple(SliceColumn(each.name, tuple(each.classes), each.values()) for each in gathered.slices),
        delimiter=reader.delimiter,
        decimal_mark="," if any(column.first_comma for column in used) else reader.decimal_mark,
        empty_rows=reader.empty_rows,
    )


@dataclass(frozen=True, eq=False)
class _Kinds:
    numeric: list[FeatureColumn] = field(default_factory=list)
    categorical: list[FeatureColumn] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


def _rows(kinds: _Kinds, count: int) -> Rows:
    numbers = [column.values() for column in kinds.numeric]
    numeric = np.stack(numbers, axis=1) if numbers else np.empty((count, 0), np.float32)
    codes = np.empty((count, len(kinds.categorical)), np.int16)
    categories = []
    for index, column in enumerate(kinds.categorical):
        values, codes[:, index] = column.texts.values()
        categories.append(Category(column.name, values))
    return Rows(numeric, codes, tuple(categories))


def _usable(columns: list[FeatureColumn], plan: Plan) -> _Kinds:
    kinds = _Kinds()
    for column in columns:
        if not (column.is_text or column.is_empty):
            _check_numbers(column)
            kinds.numeric.append(column)
        elif column.is_text and column.texts.few:
            kinds.categorical.append(column)
        elif plan.explicit:
            raise _no_use(column)
        else:
            kinds.left_out.append(LeftOut(column.name, _why(column)))
    if not kinds.numeric and not kinds.categorical:
        others = [f"{shown(column.name)}: {column.why}" for column in kinds.left_out]
        raise BuilderError(
            Reason.NO_FEATURES,
            "no column is left to learn from",
            found=", ".join(others[:12]) or "only the target",
            allowed="at least one column of numbers, or of a few different texts, besides the target",
            remedy="check the delimiter and the decimal mark, or export numbers as numbers",
        )
    _check_decimal_marks(kinds.numeric)
    return kinds


def _why(column: FeatureColumn) -> str:
    if column.is_empty:
        return "empty"
    if column.type_name != "text":
        return column.type_name
    return "identifier" if column.texts.distinct >= 0.95 * column.texts.counted else "text"


def _no_use(column: FeatureColumn) -> BuilderError:
    if column.is_empty:
        return BuilderError(
            Reason.EMPTY_COLUMN,
            f"the column {shown(column.name)} holds no value",
            found="empty values only",
            allowed="numbers, or a few different texts",
            remedy="remove it from features.include",
        )
    found = column.first_other or Cell(0, "")
    what = column.type_name
    if what == "text":
        what = f"texts that are too many or too long for categories ({column.texts.distinct:,} different ones seen)"
    return BuilderError(
        Reason.TEXT_COLUMN,
        f"the column {shown(column.name)} holds {what}",
        found=f"row {found.row}: {shown(found.value)}",
        allowed=f"numbers, or up to {MAX_CATEGORIES} different texts of at most {MAX_TEXT_CHARS} characters",
        remedy="remove it from features.include",
    )


def _check_numbers(column: FeatureColumn) -> None:
    if column.first_other:
        raise BuilderError(
            Reason.NOT_A_NUMBER,
            f"row {column.first_other.row:,}, column {shown(column.name)}: "
            f"{shown(column.first_other.value)} is no number",
            found=f"{column.others:,} of {column.others + column.numbers:,} values are no numbers",
            allowed="numbers such as 1551, 42.8 or 1e-3; empty or NaN where one is missing",
            remedy="correct the value, leave it empty, or exclude the column",
        )
    if column.first_infinite:
        raise BuilderError(
            Reason.INFINITE_VALUE,
            f"row {column.first_infinite.row:,}, column {shown(column.name)}: "
            f"{shown(column.first_infinite.value)} is infinite as a 32-bit number",
            found=column.first_infinite.value,
            allowed="numbers of at most 3.4e38",
            remedy="leave the value empty where the sensor gave none, or exclude the column",
        )


def _check_decimal_marks(columns: list[FeatureColumn]) -> None:
    comma = next(((column, column.first_comma) for column in columns if column.first_comma), None)
    dot = next(((column, column.first_dot) for column in columns if column.first_dot), None)
    if comma and dot and comma[1] and dot[1]:
        raise BuilderError(
            Reason.MIXED_DECIMAL_MARKS,
            f"row {comma[1].row:,}, column {shown(comma[0].name)} has {shown(comma[1].value)}, but "
            f"row {dot[1].row:,}, column {shown(dot[0].name)} has {shown(dot[1].value)}",
            found="decimal commas and decimal points",
            allowed="one decimal mark in the whole file, and no thousands separators",
            remedy="export the data with one decimal mark",
        )


def _check_complete(target: ClassColumn, rows: int) -> None:
    if target.first_missing is not None:
        raise BuilderError(
            Reason.TARGET_INCOMPLETE,
            f"row {target.first_missing:,} has no value in the target column {shown(target.name)}",
            found=f"{target.missing:,} of {rows:,} rows without a value",
            allowed="a value in every row",
            remedy="remove the rows whose outcome is not known",
        )


def _check_slices(slices: list[ClassColumn]) -> None:
    for column in slices:
        if len(column.classes) > MAX_SLICES:
            raise BuilderError(
                Reason.TOO_MANY_SLICES,
                f"the column {shown(column.name)} of validation.slices has more than {MAX_SLICES} different values",
                found=f"values such as {listed(list(column.classes), 5)}",
                allowed=f"columns of up to {MAX_SLICES} different values",
                remedy="choose another column, or make one of a few ranges",
            )


def _check_grouped(group: ClassColumn, rows: int) -> None:
    if group.first_missing is not None:
        raise BuilderError(
            Reason.GROUP_INCOMPLETE,
            f"row {group.first_missing:,} has no value in the column {shown(group.name)} that rows are grouped by",
            found=f"{group.missing:,} of {rows:,} rows without a value",
            allowed="a value in every row",
            remedy="say which group the row belongs to, or remove it",
        )
