"""Golden samples: a few rows with the answers that every server of the artifact must give."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model_builder.categories import UNKNOWN, Rows
from model_builder.contract import CONTRIBUTIONS
from model_builder.estimators import Test
from model_builder.parity import Answers, Model
from model_builder.report import Signature

MAX_CELLS = 60_000
PER_KIND = 64
MAX_MISSING = 16
MAX_CATEGORY_ROWS = 64


@dataclass(frozen=True, eq=False)
class Golden:
    """Rows and what each one is there for."""

    rows: Rows
    kinds: tuple[str, ...]


def choose(
    data: Rows,
    codes: npt.NDArray[np.int64],
    answers: Answers,
    every: list[Test],
    signature: Signature,
    seed: int,
) -> Golden:
    """Choose rows of every class, near the decision, on a tree's threshold, and with missing or unknown values.

    Parameters
    ----------
    data, codes, answers
        The held-out rows, their classes and what the model file says of them.
    """
    random = np.random.default_rng(seed)
    width = data.numeric.shape[1] + data.codes.shape[1]
    most = int(np.clip(MAX_CELLS // (width * 5), 4, PER_KIND))
    parts: list[tuple[str, Rows]] = []
    per_class = max(1, 2 * most // len(signature.classes))
    for code, name in enumerate(signature.classes):
        members = np.flatnonzero(codes == code)
        chosen = np.sort(random.permutation(members)[:per_class])
        parts.append((f"class {name}", data.take(chosen)))
    near = np.sort(np.argsort(_distance(answers, signature), kind="stable")[:most])
    parts.append(("near the decision", data.take(near)))
    parts.append(("on a threshold", _on_thresholds(data, every, most, random)))
    parts.append(("missing values", _with_missing(data)))
    if data.categories:
        parts.append(("every category", _with_every_category(data)))
    kinds = tuple(kind for kind, rows in parts for _ in range(len(rows)))
    rows = parts[0][1]
    for _, more in parts[1:]:
        rows = rows.and_then(more)
    return Golden(rows, kinds)


def document(golden: Golden, model: Model, signature: Signature) -> dict[str, object]:
    """Write samples and answers as JSON values; a missing number is null, a missing or unknown text is empty."""
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
    if model.explains:
        parts = model.contributions(golden.rows)
        outputs[CONTRIBUTIONS] = np.vectorize(float32_json, otypes=[object])(parts).tolist()
    return {
        "format": 1,
        "signature": signature.model_dump(mode="json", by_alias=True, exclude={"truncated"}),
        "tolerance": 1e-5,
        "kinds": list(golden.kinds),
        **(
            {"numeric": [[float32_json(value) for value in row] for row in golden.rows.numeric]}
            if signature.numeric
            else {}
        ),
        **({"categorical": golden.rows.texts().tolist()} if golden.rows.categories else {}),
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


def _on_thresholds(data: Rows, every: list[Test], most: int, random: np.random.Generator) -> Rows:
    # One row on the threshold, the next one a single float above: the closest that two sides can be.
    numbers = data.numeric.shape[1]
    # A tree that only asks whether a value is missing has an infinite threshold, and no client sends that.
    above = np.finfo(np.float32).max
    of_numbers = [(feature, threshold) for feature, threshold in every if feature < numbers and abs(threshold) < above]
    chosen = [of_numbers[index] for index in random.permutation(len(of_numbers))[: most // 2]]
    bases = [int(random.integers(len(data))) for _ in chosen]
    rows = data.take(np.repeat(np.array(bases, np.int64), 2))
    for index, (feature, threshold) in enumerate(chosen):
        rows.numeric[2 * index : 2 * index + 2, feature] = threshold, np.nextafter(threshold, np.float32(np.inf))
    return rows


def _with_missing(data: Rows) -> Rows:
    row, width = data.numeric[0], data.numeric.shape[1]
    holes = [np.ones(width, bool)] + [np.arange(width) == column for column in range(min(width, MAX_MISSING))]
    numeric = np.stack([np.where(hole, np.float32(np.nan), row) for hole in holes])
    codes = np.repeat(data.codes[:1], len(holes), axis=0)
    codes[0] = UNKNOWN
    return Rows(numeric, codes, data.categories)


def _with_every_category(data: Rows) -> Rows:
    pairs = [(column, code) for column, each in enumerate(data.categories) for code in range(-1, len(each.values))]
    pairs = pairs[:MAX_CATEGORY_ROWS]
    rows = data.take(np.zeros(len(pairs), np.int64))
    for index, (column, code) in enumerate(pairs):
        rows.codes[index, column] = code
    return rows
