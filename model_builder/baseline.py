"""What the model's inputs and scores looked like, for whoever watches for drift."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from model_builder.categories import UNKNOWN, Rows
from model_builder.golden import float32_json
from model_builder.parity import Answers
from model_builder.report import Signature

BINS = 10
SCORE_BINS = 20


def baseline(fitted: Rows, held_out: Answers, signature: Signature) -> dict[str, object]:
    """Write histograms: of every feature over the fitted rows, and of the scores over the held-out rows.

    A number's bins are cut at deciles, the outer ones being open; ``counts`` has one more entry than ``edges``. Scores
    are not those of fitted rows, which a model knows too well.
    """
    return {
        "format": 1,
        "rows": len(fitted),
        "numeric": [
            {"name": name, **_histogram(column)}
            for name, column in zip(signature.numeric, fitted.numeric.T, strict=True)
        ],
        "categorical": [
            {
                "name": category.name,
                "values": list(category.values),
                "counts": np.bincount(codes[codes >= 0], minlength=len(category.values)).tolist(),
                "unknown": int((codes == UNKNOWN).sum()),
            }
            for category, codes in zip(fitted.categories, fitted.codes.T, strict=True)
        ],
        "scores": {
            "rows": len(held_out.labels),
            "edges": [index / SCORE_BINS for index in range(1, SCORE_BINS)],
            "counts": [_score_counts(column) for column in held_out.scores.T],
            "labels": np.bincount(held_out.labels, minlength=len(signature.classes)).tolist(),
        },
    }


def _histogram(column: npt.NDArray[np.float32]) -> dict[str, object]:
    there = column[~np.isnan(column)]
    if len(there) == 0:
        return {"edges": [], "counts": [0], "missing": len(column), "least": None, "greatest": None}
    cuts = np.quantile(there, np.arange(1, BINS) / BINS, method="inverted_cdf").astype(np.float32)
    edges = np.unique(cuts)
    counts = np.bincount(np.searchsorted(edges, there, side="left"), minlength=len(edges) + 1)
    return {
        "edges": [float32_json(edge) for edge in edges],
        "counts": counts.tolist(),
        "missing": len(column) - len(there),
        "least": float32_json(there.min()),
        "greatest": float32_json(there.max()),
    }


def _score_counts(column: npt.NDArray[np.floating]) -> list[int]:
    bins = np.minimum((column.astype(np.float64).clip(0, 1) * SCORE_BINS).astype(np.int64), SCORE_BINS - 1)
    return [int(count) for count in np.bincount(bins, minlength=SCORE_BINS)]
