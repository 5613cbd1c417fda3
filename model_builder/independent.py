"""Data that the model is judged on besides the held-out rows: read with the training data's columns and classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from model_builder.categories import UNKNOWN, Category, Rows
from model_builder.errors import BuilderError, Reason, listed, shown
from model_builder.evaluation import SliceColumn
from model_builder.reading import Table, read_table
from model_builder.sources import LocalData
from model_builder.spec import BuildSpec, Features
from model_builder.splitting import Indices


@dataclass(frozen=True, eq=False)
class Independent:
    """Rows of independent data, coded like the training data."""

    data: Rows
    codes: Indices
    groups: Indices | None
    slices: tuple[SliceColumn, ...]
    sha256: str


@dataclass(frozen=True)
class Expected:
    """What a model was trained on, and so expects: its columns in order, and its classes."""

    numeric: tuple[str, ...]
    categories: tuple[Category, ...]
    classes: tuple[str, ...]


def read_independent(source: LocalData, spec: BuildSpec, expected: Expected) -> Independent:
    """Read independent data.

    A text that the training data does not hold counts as unknown, as it does when the model serves.

    Raises
    ------
    BuilderError
        ``IndependentDataDiffers`` where columns or classes are not those of the training data, and every reason for
        which a file cannot be read.
    """
    wanted = expected.numeric + tuple(category.name for category in expected.categories)
    features = Features.model_construct(include=wanted, exclude=(), allow_leakage=())
    train = spec.source.train.model_copy(update={"features": features, "time_column": None})
    try:
        other = read_table(source, train, spec.limits, spec.validation.slices)
    except BuilderError as error:
        raise BuilderError(
            error.reason,
            f"independent data: {error.message}",
            found=error.found,
            allowed=error.allowed,
            remedy=error.remedy,
            retry=error.retry,
        ) from error
    for name in wanted:
        numeric = name in other.names
        if numeric != (name in expected.numeric):
            kinds = ("numbers", "texts") if numeric else ("texts", "numbers")
            raise _differs(
                f"the column {shown(name)} holds {kinds[0]} there and {kinds[1]} in the training data",
                kinds[0],
                f"{kinds[1]} in column {shown(name)}",
            )
    strange = [name for name in other.classes if name not in expected.classes]
    if strange:
        raise _differs(
            f"the target column {shown(train.target)} holds {shown(strange[0])}, which the training data never does",
            listed(strange),
            f"classes {listed(expected.classes)}",
        )
    codes = np.array([expected.classes.index(name) for name in other.classes], np.int64)[other.target]
    return Independent(_recoded(other, expected), codes, other.groups, other.slices, source.sha256)


def _recoded(other: Table, expected: Expected) -> Rows:
    numeric = other.data.numeric[:, [other.names.index(name) for name in expected.numeric]]
    codes = np.full((len(other.rows), len(expected.categories)), UNKNOWN, np.int16)
    for index, category in enumerate(expected.categories):
        place = other.categorical.index(category.name)
        known = {value: code for code, value in enumerate(category.values)}
        translation = [known.get(value, UNKNOWN) for value in other.data.categories[place].values]
        codes[:, index] = np.array([*translation, UNKNOWN], np.int16)[other.data.codes[:, place]]
    return Rows(np.ascontiguousarray(numeric), codes, expected.categories)


def _differs(message: str, found: str, allowed: str) -> BuilderError:
    return BuilderError(
        Reason.INDEPENDENT_DATA_DIFFERS,
        f"independent data: {message}",
        found=found,
        allowed=allowed,
        remedy="export both files in the same way",
    )
