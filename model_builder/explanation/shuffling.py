"""What a model loses without a column, for any model: its values are shuffled, and the file is asked again.

Permutation importance after Breiman (Machine Learning 2001). For a model without trees the same asking gives effects
row by row: the score less its mean over values that other rows have in that column.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from model_builder.categories import Rows
from model_builder.parity import Answers, Model
from model_builder.report import Signature
from model_builder.scoring import Scorer

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

REPEATS = 5
BACKGROUND = 20
MOST_ANSWERS = 1_000_000
"""Rows that the file is asked about at most, all columns and repeats together."""


def measure_of(signature: Signature) -> str:
    """Name the score whose loss is told."""
    return "macroF1" if signature.threshold is None else "averagePrecision"


def losses(model: Model, rows: Rows, codes: Ints, signature: Signature, seed: int) -> tuple[Floats, Floats]:
    """Shuffle each column in turn and tell what average precision (for several classes macro-F1) loses.

    Returns
    -------
    tuple
        Two arrays of shape (columns,): the mean over the repeats and its standard deviation, in shares of one.
    """
    columns = _width(rows)
    rows, codes = _at_most(rows, codes, MOST_ANSWERS // (columns * REPEATS), seed)
    whole = _score(model.answer(rows), codes, signature)
    found = np.zeros((columns, REPEATS))
    for column in range(columns):
        random = np.random.RandomState([seed % 2**32, column])
        for repeat in range(REPEATS):
            shuffled = with_column(rows, column, rows, random.permutation(len(rows)))
            found[column, repeat] = whole - _score(model.answer(shuffled), codes, signature)
    return found.mean(axis=1), found.std(axis=1)


def effects(model: Model, rows: Rows, others: Rows, seed: int) -> Floats:
    """Give what each column adds to the score of each row, against the values of other rows.

    Returns
    -------
    ndarray
        Shape (rows, columns, outputs).
    """
    random = np.random.RandomState(seed % 2**32)
    drawn = random.choice(len(others), size=min(BACKGROUND, len(others)), replace=False)
    whole = model.answer(rows).scores.astype(np.float64)
    found = np.zeros((len(rows), _width(rows), whole.shape[1]))
    for column in range(_width(rows)):
        for other in drawn:
            given = with_column(rows, column, others, np.full(len(rows), other))
            found[:, column] += (whole - model.answer(given).scores) / len(drawn)
    return found


def with_column(rows: Rows, column: int, others: Rows, which: Ints) -> Rows:
    """Give rows whose one column holds the values of other rows."""
    numeric, codes, numbers = rows.numeric, rows.codes, rows.numeric.shape[1]
    if column < numbers:
        numeric = numeric.copy()
        numeric[:, column] = others.numeric[which, column]
    else:
        codes = codes.copy()
        codes[:, column - numbers] = others.codes[which, column - numbers]
    return Rows(numeric, codes, rows.categories)


def _width(rows: Rows) -> int:
    return int(rows.numeric.shape[1] + rows.codes.shape[1])


def _at_most(rows: Rows, codes: Ints, most: int, seed: int) -> tuple[Rows, Ints]:
    if len(rows) <= most:
        return rows, codes
    chosen = np.sort(np.random.RandomState(seed % 2**32).permutation(len(rows))[: max(most, 200)])
    return rows.take(chosen), codes[chosen]


def _score(answers: Answers, codes: Ints, signature: Signature) -> float:
    return Scorer(codes, answers, signature).scores()[measure_of(signature)]
