"""Reads a CSV or Parquet file into a validated table, batch by batch, within limits."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model_builder.columns import Cell, ClassColumn, NumberColumn
from model_builder.errors import BuilderError, Reason, listed, shown
from model_builder.files import CsvFile, LeftOut, ParquetFile, Plan, too_many_rows
from model_builder.sources import LocalData
from model_builder.spec import Limits, Train


@dataclass(frozen=True, eq=False)
class Table:
    """Validated data.

    Attributes
    ----------
    names
        Names of the features.
    features
        Array of shape (rows, features), float32; a missing value is NaN, none is infinite.
    classes
        Names of the classes in order of appearance.
    target
        Array of shape (rows,) of indices into ``classes``.
    rows
        Array of shape (rows,): the row of the file, as a person counts them.
    columns
        Number of columns of the file.
    """

    names: tuple[str, ...]
    features: npt.NDArray[np.float32]
    classes: tuple[str, ...]
    target: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    columns: int
    left_out: tuple[LeftOut, ...]
    delimiter: str | None = None
    decimal_mark: str | None = None
    empty_rows: int = 0


def read_table(data: LocalData, train: Train, limits: Limits) -> Table:
    """Read and check the data.

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
    reader = CsvFile(data.path, limits) if data.format == "csv" else ParquetFile(data.path, limits)
    plan = plan_columns(reader.names, train)
    target = ClassColumn(train.target)
    features = [NumberColumn(reader.names[index], reader.decimal_comma) for index in plan.features]
    rows = []
    total = 0
    for batch in reader.batches(plan):
        total += len(batch.rows)
        if total > limits.max_rows:
            raise too_many_rows(limits.max_rows)
        rows.append(batch.rows)
        target.add(batch.arrays[0], batch.rows)
        for column, values in zip(features, batch.arrays[1:], strict=True):
            column.add(values, batch.rows)
    if total == 0:
        raise BuilderError(
            Reason.NO_ROWS,
            "the file has a header and no rows",
            found=f"columns {listed(reader.names)}",
            allowed="a header and rows",
            remedy="export the data again",
        )
    _check_target(target, total)
    used, left_out = _usable(features, plan)
    return Table(
        names=tuple(column.name for column in used),
        features=np.stack([column.values() for column in used], axis=1),
        classes=tuple(target.classes),
        target=target.values(),
        rows=np.concatenate(rows),
        columns=len(reader.names),
        left_out=plan.left_out + left_out,
        delimiter=reader.delimiter,
        decimal_mark="," if any(column.first_comma for column in used) else reader.decimal_mark,
        empty_rows=reader.empty_rows,
    )


def plan_columns(names: tuple[str, ...], train: Train) -> Plan:
    """Choose the columns to read from the header and the spec.

    Raises
    ------
    BuilderError
        ``DuplicateColumn``, ``TargetNotFound``, ``TargetIsFeature`` or ``ColumnNotFound``.
    """
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        places = [str(index + 1) for index, name in enumerate(names) if name == twice[0]]
        raise BuilderError(
            Reason.DUPLICATE_COLUMN,
            f"the column {shown(twice[0])} stands {len(places)} times in the header",
            found=f"columns {', '.join(places)} are named {shown(twice[0])}",
            allowed="every name once",
            remedy="rename or remove the column in the file",
        )
    if train.target not in names:
        raise _missing(Reason.TARGET_NOT_FOUND, "target column", train.target, names)
    wanted = train.features.include
    if train.target in wanted:
        raise BuilderError(
            Reason.TARGET_IS_FEATURE,
            f"the target column {shown(train.target)} is also a feature",
            found=f"{shown(train.target)} in features.include",
            allowed="features without the target",
            remedy="remove it from features.include",
        )
    for name in wanted + train.features.exclude:
        if name not in names:
            raise _missing(Reason.COLUMN_NOT_FOUND, "column", name, names)
    target = names.index(train.target)
    if wanted:
        return Plan(target, tuple(names.index(name) for name in wanted), True, ())
    left_out = [LeftOut(f"column {index + 1}", "no name") for index, name in enumerate(names) if not name]
    left_out += [LeftOut(name, "excluded") for name in train.features.exclude if name != train.target]
    skip = {train.target, "", *train.features.exclude}
    return Plan(target, tuple(i for i, name in enumerate(names) if name not in skip), False, tuple(left_out))


def _usable(columns: list[NumberColumn], plan: Plan) -> tuple[list[NumberColumn], tuple[LeftOut, ...]]:
    used, left_out = [], []
    for column in columns:
        if not (column.is_text or column.is_empty):
            _check_numbers(column)
            used.append(column)
        elif plan.explicit:
            raise _no_numbers(column)
        else:
            left_out.append(LeftOut(column.name, "empty" if column.is_empty else column.type_name))
    if not used:
        raise BuilderError(
            Reason.NO_FEATURES,
            "no numeric column is left to learn from",
            found=", ".join(f"{shown(column.name)}: {column.why}" for column in left_out[:12]) or "only the target",
            allowed="at least one numeric column besides the target",
            remedy="check the delimiter and the decimal mark, or export numbers as numbers",
        )
    _check_decimal_marks(used)
    return used, tuple(left_out)


def _no_numbers(column: NumberColumn) -> BuilderError:
    if column.is_empty:
        return BuilderError(
            Reason.EMPTY_COLUMN,
            f"the column {shown(column.name)} holds no value",
            found="empty values only",
            allowed="numeric columns",
            remedy="remove it from features.include",
        )
    found = column.first_other or Cell(0, "")
    return BuilderError(
        Reason.TEXT_COLUMN,
        f"the column {shown(column.name)} holds {column.type_name}, no numbers",
        found=f"row {found.row}: {shown(found.value)}",
        allowed="numeric columns",
        remedy="remove it from features.include",
    )


def _check_numbers(column: NumberColumn) -> None:
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


def _check_decimal_marks(columns: list[NumberColumn]) -> None:
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


def _check_target(target: ClassColumn, rows: int) -> None:
    if target.first_missing is not None:
        raise BuilderError(
            Reason.TARGET_INCOMPLETE,
            f"row {target.first_missing:,} has no value in the target column {shown(target.name)}",
            found=f"{target.missing:,} of {rows:,} rows without a value",
            allowed="a value in every row",
            remedy="remove the rows whose outcome is not known",
        )


def _missing(reason: Reason, what: str, name: str, names: tuple[str, ...]) -> BuilderError:
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"; did you mean {shown(near[0])}?" if near else ""
    return BuilderError(
        reason,
        f"the file has no {what} {shown(name)}{hint}",
        found=f"columns {listed(names)}",
        allowed="a name from the header",
        remedy="correct the name in the spec, or check that the first row of the file holds the names",
    )
