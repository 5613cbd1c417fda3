"""Scores of the served file on rows it was not fitted on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.metrics import (
    accuracy_score,
    brier_score_loss,
    confusion_matrix,
    f1_score,
    precision_recall_fscore_support,
)

from model_builder.parity import Answers
from model_builder.ranking import Ranking
from model_builder.report import Metrics, Signature

DECIMALS = 6


def measure(codes: npt.NDArray[np.int64], answers: Answers, signature: Signature) -> Metrics:
    """Measure answers against what was.

    Parameters
    ----------
    codes
        Array of shape (rows,): the actual classes as indices into the signature's classes.
    """
    binary = signature.threshold is not None
    precision, recall, f1, _ = precision_recall_fscore_support(
        codes, answers.labels, average="binary" if binary else "macro", zero_division=0.0
    )
    every = list(range(len(signature.classes)))
    found = {
        "accuracy": accuracy_score(codes, answers.labels),
        "precision": precision,
        "recall": recall,
        "f1": f1,
        "macro_f1": f1_score(codes, answers.labels, labels=every, average="macro", zero_division=0.0),
    }
    if binary:
        scores = answers.scores[:, 0].astype(np.float64).clip(0.0, 1.0)
        # Without a fault there is nothing to find, which counts as 0 here, as precision and recall do.
        ranked = {name: np.nan_to_num(value) for name, value in Ranking(codes == 1, scores).measures().items()}
        found["average_precision"], found["best_f1"] = ranked["averagePrecision"], ranked["bestF1"]
        found["brier"] = brier_score_loss(codes, scores)
    return Metrics.model_validate({name: round(float(value), DECIMALS) for name, value in found.items()})


def confusion(codes: npt.NDArray[np.int64], answers: Answers, signature: Signature) -> tuple[tuple[int, ...], ...]:
    """Count rows by actual class (first index) and predicted class."""
    matrix = confusion_matrix(codes, answers.labels, labels=list(range(len(signature.classes))))
    return tuple(tuple(int(count) for count in row) for row in matrix)
