"""Looks at data as a build would, without training anything."""

from __future__ import annotations

import numpy as np

from model_builder.classes import Labels, order_classes
from model_builder.leakage import find_leaks
from model_builder.notes import reading_notes
from model_builder.reading import Table, read_table
from model_builder.report import Report
from model_builder.screening import screen
from model_builder.sources import LocalData
from model_builder.spec import BuildSpec
from model_builder.splitting import Indices, Order, split_rows


class ColumnView(Report):
    """One column: what it is used as, or why it is not."""

    name: str
    use: str
    why: str = ""
    missing: int | None = None
    values: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None


class ClassView(Report):
    """One class of the target."""

    name: str
    rows: int
    held_out_rows: int


class DataView(Report):
    """What a build would make of the data."""

    uri: str
    sha256: str
    format: str
    delimiter: str | None
    decimal_mark: str | None
    rows: int
    rows_in_file: int
    target: str
    split: str
    classes: tuple[ClassView, ...]
    columns: tuple[ColumnView, ...]
    leaks: dict[str, str]
    notes: tuple[str, ...]


def inspect(spec: BuildSpec, uri: str, data: LocalData) -> DataView:
    """Read and check the data; a column that gives the target away is told and stops nothing.

    Raises
    ------
    BuilderError
        For everything else that a build could not live with.
    """
    train = spec.source.train
    table = read_table(data, train, spec.limits, spec.validation.slices)
    labels = order_classes(train.target, table.classes, table.target, train.positive_class)
    screened = screen(table)
    table = screened.table
    order = Order(table.groups, table.times, train.group_by or train.time_column or "")
    split = split_rows(labels, train.seed, order)
    return DataView(
        uri=uri,
        sha256=data.sha256,
        format=data.format,
        delimiter=table.delimiter,
        decimal_mark=table.decimal_mark,
        rows=len(table.rows),
        rows_in_file=table.rows_in_file,
        target=train.target,
        split=split.method,
        classes=_classes(labels, split.held_out),
        columns=_columns(table),
        leaks={leak.column: leak.evidence for leak in find_leaks(table, labels, order, train.seed)},
        notes=reading_notes(table, labels, split) + screened.notes,
    )


def _classes(labels: Labels, held_out: Indices) -> tuple[ClassView, ...]:
    counts = np.bincount(labels.codes[held_out], minlength=len(labels.classes))
    return tuple(
        ClassView(name=name, rows=rows, held_out_rows=int(held))
        for name, rows, held in zip(labels.classes, labels.counts, counts, strict=True)
    )


def _columns(table: Table) -> tuple[ColumnView, ...]:
    numbers = [
        ColumnView(
            name=name,
            use="number",
            missing=int(np.isnan(values).sum()),
            low=float(np.nanmin(values)),
            high=float(np.nanmax(values)),
        )
        for name, values in zip(table.names, table.features.T, strict=True)
    ]
    texts = [
        ColumnView(name=category.name, use="category", missing=int((codes < 0).sum()), values=category.values)
        for category, codes in zip(table.data.categories, table.data.codes.T, strict=True)
    ]
    left_out = [ColumnView(name=each.name, use="left out", why=each.why) for each in table.left_out]
    return tuple(numbers + texts + left_out)
