"""Scores with intervals, per class and per slice, for rows that the model was not fitted on.

Shares of independent rows (accuracy, precision, recall) have Wilson's interval; for several classes precision and
recall are means of shares, and these and all other scores have a percentile bootstrap (Efron & Tibshirani, "An
Introduction to the Bootstrap", 1993, chapter 13). Where rows come in groups, whole groups are drawn, and for every
score: rows of one machine are no independent evidence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from model_builder.intervals import wilson
from model_builder.parity import Answers
from model_builder.report import Signature
from model_builder.scoring import Floats, Ints, Scorer

DRAWS = 500
WILSON, BOOTSTRAP, GROUPS = "wilson", "bootstrap", "bootstrap of groups"
SMALLER_IS_BETTER = frozenset({"brier", "calibrationError"})


@dataclass(frozen=True)
class Interval:
    """A score and its 95% interval; the bounds are NaN where there is too little to tell."""

    value: float
    low: float
    high: float
    method: str


@dataclass(frozen=True)
class ClassScores:
    """Scores of one class against all others.

    ``average_precision`` and ``curve`` are of models of several classes; of two classes the evaluation has them.
    """

    name: str
    rows: int
    precision: Interval
    recall: Interval
    f1: Interval
    average_precision: Interval | None = None
    curve: tuple[tuple[float, float, float], ...] = ()


@dataclass(frozen=True)
class Slice:
    """Scores of the rows with one value of a column."""

    column: str
    value: str
    rows: int
    faults: int | None
    scores: dict[str, Interval]


@dataclass(frozen=True)
class Evaluation:
    """All scores of one set of rows."""

    rows: int
    scores: dict[str, Interval]
    classes: tuple[ClassScores, ...]
    calibration: tuple[tuple[int, float, float], ...]
    curve: tuple[tuple[float, float, float], ...]
    slices: tuple[Slice, ...]


@dataclass(frozen=True, eq=False)
class SliceColumn:
    """A column to report scores by: its values, and every row's index into them (-1: missing)."""

    name: str
    values: tuple[str, ...]
    codes: Ints

    def take(self, which: Ints) -> SliceColumn:
        """Give the column of some of the rows."""
        return SliceColumn(self.name, self.values, self.codes[which])


def evaluate(
    codes: Ints,
    answers: Answers,
    signature: Signature,
    seed: int,
    groups: Ints | None = None,
    slices: tuple[SliceColumn, ...] = (),
) -> Evaluation:
    """Score answers.

    Parameters
    ----------
    codes
        Array of shape (rows,): the actual classes as indices into the signature's classes.
    groups
        Array of shape (rows,): the group of each row, where rows come in groups.
    """
    scorer = Scorer(codes, answers, signature)
    draws = _draws(len(codes), groups, seed)
    method = BOOTSTRAP if groups is None else GROUPS
    scores = _with_intervals(scorer, draws, method)
    return Evaluation(
        rows=len(codes),
        scores=scores,
        classes=_class_scores(scorer, draws, method, signature),
        calibration=tuple(scorer.calibration()) if scorer.binary else (),
        curve=tuple(scorer.curve(1)) if scorer.binary else (),
        slices=tuple(each for column in slices for each in _slices(column, codes, answers, signature, seed, groups)),
    )


def _draws(count: int, groups: Ints | None, seed: int) -> list[Floats]:
    # How often each row is drawn, for every draw; long data needs fewer, its intervals being narrow anyway.
    random = np.random.RandomState(seed)
    times = DRAWS if count <= 20_000 else DRAWS // 5
    if groups is None:
        return [
            np.bincount(random.randint(count, size=count), minlength=count).astype(np.float64) for _ in range(times)
        ]
    distinct, place = np.unique(groups, return_inverse=True)
    size = len(distinct)
    drawn = (np.bincount(random.randint(size, size=size), minlength=size) for _ in range(times))
    return [each[place].astype(np.float64) for each in drawn]


def _with_intervals(scorer: Scorer, draws: list[Floats], method: str) -> dict[str, Interval]:
    values = scorer.scores()
    drawn = [scorer.scores(weights) for weights in draws]
    found = {name: _percentiles(value, [each[name] for each in drawn], method) for name, value in values.items()}
    if method == GROUPS:
        return found
    matrix = scorer.confusion(np.ones(scorer.count))
    found["accuracy"] = _share(float(np.trace(matrix)), scorer.count)
    if scorer.binary:
        found["precision"] = _share(float(matrix[1, 1]), float(matrix[:, 1].sum()))
        found["recall"] = _share(float(matrix[1, 1]), float(matrix[1].sum()))
    return found


def _class_scores(scorer: Scorer, draws: list[Floats], method: str, signature: Signature) -> tuple[ClassScores, ...]:
    matrix = scorer.confusion(np.ones(scorer.count))
    drawn = np.stack([scorer.confusion(weights) for weights in draws])
    found = []
    for code, name in enumerate(signature.classes):
        hits, said, real = matrix[code, code], matrix[:, code].sum(), matrix[code].sum()
        all_hits, all_said, all_real = drawn[:, code, code], drawn[:, :, code].sum(axis=1), drawn[:, code].sum(axis=1)
        parts = {
            "precision": (hits / max(said, 1), all_hits / np.maximum(all_said, 1)),
            "recall": (hits / max(real, 1), all_hits / np.maximum(all_real, 1)),
            "f1": (2 * hits / max(said + real, 1), 2 * all_hits / np.maximum(all_said + all_real, 1)),
        }
        scores = {part: _percentiles(float(value), list(many), method) for part, (value, many) in parts.items()}
        if method == BOOTSTRAP:
            scores |= {"precision": _share(hits, said), "recall": _share(hits, real)}
        ranked = None if scorer.binary else _average_precision(scorer, draws, method, code)
        curve = () if scorer.binary else tuple(scorer.curve(code))
        found.append(ClassScores(name, int(real), **scores, average_precision=ranked, curve=curve))
    return tuple(found)


def _average_precision(scorer: Scorer, draws: list[Floats], method: str, code: int) -> Interval:
    drawn = [scorer.average_precision(code, weights) for weights in draws]
    return _percentiles(scorer.average_precision(code), drawn, method)


def _slices(
    column: SliceColumn, codes: Ints, answers: Answers, signature: Signature, seed: int, groups: Ints | None
) -> list[Slice]:
    found = []
    for code in [*range(len(column.values)), -1]:
        rows = np.flatnonzero(column.codes == code)
        if len(rows) == 0:
            continue
        part = Answers(answers.scores[rows], answers.labels[rows])
        here = None if groups is None else groups[rows]
        scorer = Scorer(codes[rows], part, signature)
        method = BOOTSTRAP if here is None else GROUPS
        scores = _with_intervals(scorer, _draws(len(rows), here, seed), method)
        faults = int((codes[rows] == 1).sum()) if scorer.binary else None
        value = column.values[code] if code >= 0 else ""
        found.append(Slice(column.name, value, len(rows), faults, scores))
    return found


def _share(part: float, whole: float) -> Interval:
    low, high = wilson(round(part), round(whole))
    return Interval(part / whole if whole else float("nan"), low, high, WILSON)


def _percentiles(value: float, drawn: list[float], method: str) -> Interval:
    known = np.array([each for each in drawn if not np.isnan(each)])
    if np.isnan(value) or len(known) < len(drawn) / 2:
        return Interval(value, float("nan"), float("nan"), method)
    low, high = np.percentile(known, [2.5, 97.5])
    return Interval(value, float(low), float(high), method)
