"""What the features look like over all rows, for the report."""

from __future__ import annotations

import numpy as np

from model_builder.categories import UNKNOWN
from model_builder.model_report import ColumnFacts
from model_builder.reading import Table


def column_facts(table: Table) -> tuple[ColumnFacts, ...]:
    """Describe each feature, in the order of the model's inputs."""
    found = []
    for name, column in zip(table.names, table.features.T, strict=True):
        there = column[~np.isnan(column)].astype(np.float64)
        low, median, high = np.quantile(there, [0, 0.5, 1]) if len(there) else (None, None, None)
        found.append(
            ColumnFacts(
                name=name,
                missing=len(column) - len(there),
                low=_short(low),
                median=_short(median),
                high=_short(high),
            )
        )
    for category, codes in zip(table.data.categories, table.data.codes.T, strict=True):
        counts = np.bincount(codes[codes != UNKNOWN], minlength=len(category.values))
        values = {value: int(count) for value, count in zip(category.values, counts, strict=True)}
        found.append(ColumnFacts(name=category.name, missing=int((codes == UNKNOWN).sum()), values=values))
    return tuple(found)


def _short(value: float | None) -> float | None:
    # Numbers are float32: more digits than it has would be an invention.
    return None if value is None else float(f"{value:.7g}")
