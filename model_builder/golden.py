"""Golden samples: a few rows with the answers that every server of the artifact must give."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import Pipeline

from model_builder.parity import Answers, Model
from model_builder.report import Signature

MAX_CELLS = 60_000
PER_KIND = 64
MAX_MISSING = 16


@dataclass(frozen=True, eq=False)
class Golden:
    """Rows of shape (samples, features) and what each one is there for."""

    rows: npt.NDArray[np.float32]
    kinds: tuple[str, ...]


def choose(
    features: npt.NDArray[np.float32],
    codes: npt.NDArray[np.int64],
    answers: Answers,
    pipeline: Pipeline,
    signature: Signature,
    seed: int,
) -> Golden:
    """Choose rows of every class, rows near the decision, rows on a tree's threshold, and rows with missing values.

    Parameters
    ----------
    features, codes, answers
        The held-out rows, their classes and what the model file says of them.
    """
    random = np.random.default_rng(seed)
    most = int(np.clip(MAX_CELLS // (features.shape[1] * 5), 4, PER_KIND))
    parts: list[tuple[str, npt.NDArray[np.float32]]] = []
    per_class = max(1, 2 * most // len(signature.classes))
    for code, name in enumerate(signature.classes):
        members = np.flatnonzero(codes == code)
        chosen = np.sort(random.permutation(members)[:per_class])
        parts.append((f"class {name}", features[chosen]))
    near = np.sort(np.argsort(_distance(answers, signature), kind="stable")[:most])
    parts.append(("near the decision", features[near]))
    parts.append(("on a threshold", _on_thresholds(features, pipeline.named_steps["forest"], most, random)))
    parts.append(("missing values", _with_missing(features[0])))
    kinds = tuple(kind for kind, rows in parts for _ in range(len(rows)))
    return Golden(np.concatenate([rows for _, rows in parts]), kinds)


def document(golden: Golden, model: Model, signature: Signature) -> dict[str, object]:
    """Write samples and answers as JSON values; a missing value is null."""
    answers = model.answer(golden.rows)
    outputs: dict[str, object]
    if signature.threshold is not None:
        outputs = {
            "score": [float32_json(value) for value in answers.scores[:, 0]],
            "fault": [bool(label) for label in answers.labels],
        }
    else:
        outputs = {
            "probabilities": [[float32_json(value) for value in row] for row in answers.scores],
            "label": answers.labels.tolist(),
        }
    return {
        "format": 1,
        "signature": signature.model_dump(mode="json", by_alias=True, exclude={"truncated"}),
        "tolerance": 1e-5,
        "kinds": list(golden.kinds),
        "numeric": [[float32_json(value) for value in row] for row in golden.rows],
        "outputs": outputs,
    }


def float32_json(value: np.floating) -> float | None:
    """Give the shortest decimal that reads back as the same float32; None for NaN."""
    return None if np.isnan(value) else float(str(np.float32(value)))


def _distance(answers: Answers, signature: Signature) -> npt.NDArray[np.float64]:
    if signature.threshold is not None:
        return np.abs(answers.scores[:, 0].astype(np.float64) - signature.threshold)
    best = np.sort(answers.scores.astype(np.float64), axis=1)
    return np.asarray(best[:, -1] - best[:, -2])


def _on_thresholds(
    features: npt.NDArray[np.float32], forest: RandomForestClassifier, most: int, random: np.random.Generator
) -> npt.NDArray[np.float32]:
    # One row on the threshold, the next one a single float above: the closest that two sides can be.
    tests = [
        (int(feature), np.float32(threshold))
        for tree in forest.estimators_
        for feature, threshold in zip(tree.tree_.feature, tree.tree_.threshold, strict=True)
        if feature >= 0
    ]
    if not tests:
        return np.empty((0, features.shape[1]), np.float32)
    rows = []
    for index in random.permutation(len(tests))[: most // 2]:
        feature, threshold = tests[index]
        base = features[int(random.integers(len(features)))]
        for value in (threshold, np.nextafter(threshold, np.float32(np.inf))):
            row = base.copy()
            row[feature] = value
            rows.append(row)
    return np.stack(rows)


def _with_missing(row: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    width = len(row)
    holes = [np.ones(width, bool)] + [np.arange(width) == column for column in range(min(width, MAX_MISSING))]
    return np.stack([np.where(hole, np.float32(np.nan), row) for hole in holes])
