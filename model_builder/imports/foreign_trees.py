"""A foreign ONNX file whose trees are read: served, compressed and explained like trees that were grown here."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from model_builder.compression.ensemble import Ensemble, Floats, Rows
from model_builder.compression.given import GivenTrees, UnreadableTreesError, weighed
from model_builder.imports.foreign import ForeignModel, Matrix
from model_builder.imports.onnx_trees import read_trees
from model_builder.parity import TOLERANCE

MOST_THRESHOLDS = 4_000
"""So many thresholds, evenly taken from all, are asked about before the trees are believed to be the file's."""

CHUNK_ROWS = 4_096


class ForeignTrees(GivenTrees, ForeignModel):
    """The file as it came, which is what answers, and the trees in it.

    Parameters
    ----------
    content, order, medians
        As of ``ForeignModel``.
    ensemble
        The trees, with the columns in the order of the signature.
    """

    def __init__(
        self,
        content: bytes,
        order: tuple[int, ...] | None = None,
        medians: Matrix | None = None,
        ensemble: Ensemble | None = None,
    ) -> None:
        super().__init__(content, order, medians)
        if ensemble is None:
            raise ValueError("there are no trees")
        self.ensemble = ensemble

    def __reduce__(self) -> tuple[object, ...]:
        """Go to another process as the file and its trees."""
        return type(self), (self.content, self.order, self.medians, self.ensemble)

    def fit(self, rows: Matrix, codes: npt.NDArray[np.int64]) -> ForeignTrees:  # noqa: ARG002 (as estimators have it)
        """Count how many rows come to each node. Whoever asks for a copy that is fitted gets the same answers."""
        self.ensemble = weighed(self.ensemble, rows)
        return self


def as_trees(foreign: ForeignModel, matrix: Matrix) -> ForeignTrees:
    """Read the trees of a file and make sure that they say what the file says.

    Parameters
    ----------
    foreign
        The file, with the order of its classes set.
    matrix
        Rows of the data, shape (rows, columns).

    Raises
    ------
    UnreadableTreesError
        Where they cannot be read, or answer otherwise on rows of the data, beside thresholds, or with values missing.
    """
    ensemble = weighed(read_trees(foreign.model, foreign.shape, matrix.shape[1], foreign.order), matrix)
    _check_answers(foreign, ensemble, matrix)
    return ForeignTrees(foreign.content, foreign.order, foreign.medians, ensemble)


def _check_answers(foreign: ForeignModel, ensemble: Ensemble, matrix: Matrix) -> None:
    asked = np.concatenate([matrix, _with_holes(matrix), _beside_thresholds(ensemble, matrix)])
    worst = 0.0
    for start in range(0, len(asked), CHUNK_ROWS):
        rows = asked[start : start + CHUNK_ROWS]
        read = ensemble.scores(rows)
        both: Floats = np.concatenate([1 - read, read], axis=1) if read.shape[1] == 1 else read
        worst = max(worst, float(np.abs(foreign.predict_proba(rows) - both).max()))
    if not worst <= TOLERANCE:
        raise UnreadableTreesError(f"read as trees they answer otherwise than the file, by up to {worst:.3g}")


def _with_holes(matrix: Matrix) -> Rows:
    """Give a row for each column in which it is missing, and one in which all are."""
    width = matrix.shape[1]
    rows = np.tile(matrix[:1], (width + 1, 1))
    rows[np.arange(width), np.arange(width)] = np.nan
    rows[width] = np.nan
    return rows


def _beside_thresholds(ensemble: Ensemble, matrix: Matrix) -> Rows:
    """Give rows on thresholds, and one float above and below them."""
    tests = sorted(set(ensemble.tests()))
    chosen = tests[:: -(-len(tests) // MOST_THRESHOLDS)] if tests else []
    rows = np.repeat(matrix[np.arange(len(chosen)) % len(matrix)], 3, axis=0)
    for index, (feature, at) in enumerate(chosen):
        rows[3 * index : 3 * index + 3, feature] = (
            np.nextafter(at, np.float32(-np.inf)),
            at,
            np.nextafter(at, np.float32(np.inf)),
        )
    return rows
