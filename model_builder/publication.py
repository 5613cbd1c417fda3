"""The files of an artifact, by path."""

from __future__ import annotations

import json

import numpy as np
import numpy.typing as npt

from model_builder.card import card
from model_builder.model_report import ModelReport
from model_builder.parity import Answers
from model_builder.triton import config

MAX_HELD_OUT_ROWS = 10_000


def artifact_files(
    report: ModelReport,
    model: bytes,
    golden: dict[str, object],
    held_out: bytes,
    baseline: dict[str, object],
    inputs: dict[str, object],
) -> dict[str, bytes]:
    """Write every file of an artifact but its manifest."""
    return {
        f"repository/{report.name}/config.pbtxt": config(report.name, report.signature, report.contributions).encode(),
        f"repository/{report.name}/1/model.onnx": model,
        "golden.json": json_bytes(golden, indent=None),
        "holdout.csv": held_out,
        "baseline.json": json_bytes(baseline, indent=None),
        "report.json": json_bytes(report.model_dump(mode="json", by_alias=True)),
        "card.md": card(report).encode(),
        "build.json": json_bytes(inputs),
    }


def json_bytes(value: object, indent: int | None = 1) -> bytes:
    """Write JSON that is always the same for the same value."""
    return (json.dumps(value, sort_keys=True, indent=indent, allow_nan=False) + "\n").encode()


def held_out_csv(rows: npt.NDArray[np.int64], codes: npt.NDArray[np.int64], answers: Answers) -> bytes:
    """Record what the model says of the first held-out rows, so that any server of it can be held to that.

    ``row`` is the row in the data file, ``actual`` and ``predicted`` are indices into the signature's classes, and
    ``score`` is the positive class's probability, for several classes the predicted one's.
    """
    scores = answers.scores[:, 0]
    if answers.scores.shape[1] > 1:
        scores = answers.scores[np.arange(len(answers.labels)), answers.labels]
    lines = ["row,actual,predicted,score"]
    lines += [
        f"{row},{actual},{predicted},{score!s}"
        for row, actual, predicted, score in list(zip(rows, codes, answers.labels, scores, strict=True))[
            :MAX_HELD_OUT_ROWS
        ]
    ]
    return ("\n".join(lines) + "\n").encode()
