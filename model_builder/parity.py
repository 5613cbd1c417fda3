"""Proves that the model file answers as the fitted estimator does, row by row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from model_builder.categories import Rows
from model_builder.contract import CONTRIBUTIONS, FAULT, LABEL, PROBABILITIES, SCORE, decision
from model_builder.errors import BuilderError, Reason
from model_builder.frontend import CATEGORICAL, INPUT
from model_builder.report import Signature
from model_builder.runtime import PATHS_ONLY, VERSION, open_session

TOLERANCE = 1e-5
CHUNK_ROWS = 1 << 16
EXPLAINED_ROWS = 1 << 10
"""Rows that are explained at once: each takes a number for every leaf and column."""

Scorer = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class Answers:
    """What a model says of rows.

    Attributes
    ----------
    scores
        Array of shape (rows, 1) for two classes, else (rows, classes).
    labels
        Array of shape (rows,): indices into the signature's classes.
    """

    scores: npt.NDArray[np.floating]
    labels: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Parity:
    """How far model file and estimator differ over all rows."""

    rows: int
    max_score_error: float
    worst_index: int
    label_differences: int


class Model:
    """A model file in ONNX Runtime, on one thread."""

    def __init__(self, model: bytes, signature: Signature) -> None:
        self._session = open_session(model)
        self._outputs = [PROBABILITIES, LABEL] if signature.threshold is None else [SCORE, FAULT]

    @property
    def explains(self) -> bool:
        """Whether the file has the output ``contributions``."""
        return any(output.name == CONTRIBUTIONS for output in self._session.get_outputs())

    def answer(self, rows: Rows) -> Answers:
        """Answer for rows, given as a client gives them."""
        parts = [self._run(self._outputs, rows, start, CHUNK_ROWS) for start in range(0, len(rows), CHUNK_ROWS)]
        labels = [label.reshape(-1).astype(np.int64) for _, label in parts]
        return Answers(np.concatenate([score for score, _ in parts]), np.concatenate(labels))

    def contributions(self, rows: Rows) -> npt.NDArray[np.float32]:
        """Take the scores of rows apart; shape (rows, columns), of several classes (rows, classes, columns)."""
        starts = range(0, len(rows), EXPLAINED_ROWS)
        return np.concatenate([self._run([CONTRIBUTIONS], rows, start, EXPLAINED_ROWS)[0] for start in starts])

    def _run(self, outputs: list[str], rows: Rows, start: int, count: int) -> list[npt.NDArray[Any]]:
        chunk = rows.take(slice(start, start + count))
        given: dict[str, npt.NDArray[np.generic]] = {}
        if chunk.numeric.shape[1]:
            given[INPUT] = np.ascontiguousarray(chunk.numeric)
        if chunk.categories:
            given[CATEGORICAL] = chunk.texts()
        found: list[npt.NDArray[Any]] = self._session.run(outputs, given, PATHS_ONLY)
        return found


def reference(score: Scorer, rows: Rows, signature: Signature) -> Answers:
    """Answer as the estimator does, by the same rules for ties: on the threshold is a fault, the first of equals wins.

    Parameters
    ----------
    score
        The estimator's ``predict_proba``.
    """
    starts = range(0, len(rows), CHUNK_ROWS)
    parts = [score(rows.take(slice(start, start + CHUNK_ROWS)).matrix()) for start in starts]
    probabilities = np.concatenate(parts)
    if signature.threshold is None:
        return Answers(probabilities, probabilities.argmax(axis=1).astype(np.int64))
    positive = probabilities[:, 1:2]
    return Answers(positive, (positive[:, 0] >= decision(signature)).astype(np.int64))


def compare(
    served: Answers,
    expected: Answers,
    signature: Signature,
    of: str = f"ONNX Runtime {VERSION}",
    beside: str = "scikit-learn",
) -> Parity:
    """Compare two sets of answers.

    Parameters
    ----------
    of, beside
        Who gave them, for the message.

    Raises
    ------
    BuilderError
        ``ParityFailed`` where a score is off by more than 1e-5, or a label differs although its score is further
        than that from the threshold (for several classes: from the next best class).
    """
    errors = np.abs(served.scores.astype(np.float64) - expected.scores).max(axis=1)
    errors = nan_is_worst(errors)
    worst = int(errors.argmax())
    differ = served.labels != expected.labels
    wrong = np.flatnonzero(differ & (_margins(expected, signature) > 2 * TOLERANCE))
    if errors[worst] > TOLERANCE:
        raise _failed(f"scores differ by up to {errors[worst]:.3g}", worst, served, expected, of, beside)
    if len(wrong):
        what = f"{len(wrong):,} labels differ away from the threshold"
        raise _failed(what, int(wrong[0]), served, expected, of, beside)
    return Parity(len(errors), float(errors[worst]), worst, int(differ.sum()))


def nan_is_worst(errors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Make NaN the largest error of all, so that it is never lost in a maximum."""
    return np.where(np.isnan(errors), np.inf, errors)


def _margins(answers: Answers, signature: Signature) -> npt.NDArray[np.float64]:
    scores = answers.scores.astype(np.float64)
    if signature.threshold is not None:
        return 2 * np.abs(scores[:, 0] - signature.threshold)
    best = np.sort(scores, axis=1)
    return np.asarray(best[:, -1] - best[:, -2])


def _failed(what: str, index: int, served: Answers, expected: Answers, of: str, beside: str) -> BuilderError:
    return BuilderError(
        Reason.PARITY_FAILED,
        f"{of} and {beside} disagree: {what}",
        found=f"row index {index}: {of} {served.scores[index].tolist()} (label {served.labels[index]}), "
        f"{beside} {expected.scores[index].tolist()} (label {expected.labels[index]})",
        allowed=f"scores within {TOLERANCE}, labels equal but within {TOLERANCE} of the threshold",
        remedy="use another release of onnxruntime or skl2onnx, and report this as a defect",
    )
