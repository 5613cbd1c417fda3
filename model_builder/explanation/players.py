"""Who shares in a score: columns of the input, and what the model computes from two of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model_builder.categories import Category, Rows, matrix_names
from model_builder.compression.ensemble import Combine, Ensemble, Pair

SIGNS = {Combine.PRODUCT: "\N{MULTIPLICATION SIGN}", Combine.DIFFERENCE: "\N{MINUS SIGN}"}


@dataclass(frozen=True, eq=False)
class Player:
    """One column, or one quantity computed from two.

    Attributes
    ----------
    values
        Array of shape (rows,): numbers, or indices into ``texts`` (-1: missing or unknown).
    texts
        The values of a category; empty for numbers.
    columns
        The columns that it is computed from; empty for a column itself.
    """

    name: str
    values: npt.NDArray[np.float64]
    texts: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()

    def shown(self, row: int) -> str:
        """Write the value of a row."""
        value = self.values[row]
        if self.texts:
            return self.texts[int(value)] if value >= 0 else "missing"
        return "missing" if np.isnan(value) else f"{value:.6g}"


def players_of(rows: Rows, names: tuple[str, ...], ensemble: Ensemble | None) -> tuple[Player, ...]:
    """List the columns in the order of the inputs, and then the quantities that the ensemble computes."""
    numbers = [Player(name, column.astype(np.float64)) for name, column in zip(names, rows.numeric.T, strict=True)]
    texts = [
        Player(category.name, codes.astype(np.float64), category.values)
        for category, codes in zip(rows.categories, rows.codes.T, strict=True)
    ]
    columns = (*numbers, *texts)
    if ensemble is None:
        return columns
    owners = owners_of(len(names), rows.categories)
    matrix = rows.matrix()
    spread = matrix_names(names, rows.categories)
    return columns + tuple(_computed(pair, columns, owners, spread, matrix) for pair in ensemble.pairs)


def owners_of(numbers: int, categories: tuple[Category, ...]) -> list[int]:
    """Give for each column of the matrix the index of the column of the input that it comes from."""
    spread = [numbers + index for index, category in enumerate(categories) for _ in category.values]
    return [*range(numbers), *spread]


def indices_of(numbers: int, categories: tuple[Category, ...], ensemble: Ensemble) -> npt.NDArray[np.int64]:
    """Give for each feature of the ensemble, the computed ones included, the index of its player."""
    first = numbers + len(categories)
    return np.array([*owners_of(numbers, categories), *range(first, first + len(ensemble.pairs))], np.int64)


def _computed(
    pair: Pair,
    columns: tuple[Player, ...],
    owners: list[int],
    names: tuple[str, ...],
    matrix: npt.NDArray[np.float32],
) -> Player:
    sides = pair.left, pair.right
    one, other = (matrix[:, side].astype(np.float64) for side in sides)
    values = one * other if pair.combine is Combine.PRODUCT else one - other
    left, right = (_side(columns[owners[side]], names[side]) for side in sides)
    parts = tuple(columns[owners[side]].name for side in sides)
    return Player(f"{left} {SIGNS[pair.combine]} {right}", values, columns=parts)


def _side(column: Player, name: str) -> str:
    return name if name == column.name else f"({name})"
