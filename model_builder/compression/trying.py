"""Tries candidates on one fold. What comes of it follows from what is given, wherever it is computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from model_builder.compression.candidates import Variant, pairs_of, refitted
from model_builder.compression.distill import Lesson
from model_builder.compression.encode import Form, encode
from model_builder.compression.ensemble import Ensemble, Floats, Rows
from model_builder.compression.rounds import Codes, Key
from model_builder.frontend import INPUT
from model_builder.report import Signature
from model_builder.runtime import open_session


@dataclass(frozen=True, eq=False)
class Task:
    """What all folds of a round have in common.

    Attributes
    ----------
    forests
        How many forests are grown on a fold, which candidates are compared with.
    """

    forest: Any
    rows: Rows
    codes: Codes
    keys: tuple[Key, ...]
    signature: Signature
    form: Form
    seed: int
    forests: int


@dataclass(frozen=True, eq=False)
class Fold:
    """Rows to fit on, rows to be asked about, and the number of the repeat."""

    fit: Codes
    held_out: Codes
    repeat: int


@dataclass(frozen=True, eq=False)
class Tried:
    """What was answered for the rows held out.

    Attributes
    ----------
    forests
        By each of the forests that were grown on the fold.
    candidates
        Bytes of each candidate's file and its answers, in the order of the task's keys.
    """

    forests: tuple[Floats, ...]
    candidates: tuple[tuple[int, Floats], ...]


def try_fold(task: Task, fold: Fold) -> Tried:
    """Fit forest and candidates on a fold and ask them about the rows held out of it."""
    rows, codes, seed = task.rows[fold.fit], task.codes[fold.fit], task.seed + fold.repeat
    asked = task.rows[fold.held_out]
    forests = [refitted(task.forest, rows, codes, seed + 1000 * number) for number in range(task.forests)]
    chosen = tuple({id(family): family for family, _ in task.keys}.values())
    pairs, lesson = pairs_of(rows, codes, seed, chosen), Lesson(forests[0], rows, seed)
    found: dict[tuple[int, Variant], tuple[int, Floats]] = {}
    for family in chosen:
        wanted = {variant for one, variant in task.keys if one is family}
        made = family.ensembles(rows, codes, seed, wanted, forest=forests[0], pairs=pairs, lesson=lesson)
        for variant, ensemble in made:
            found[id(family), variant] = _answered(ensemble, task, asked)
    answers = tuple(_asked(each, asked) for each in forests)
    return Tried(answers, tuple(found[id(family), variant] for family, variant in task.keys))


def _answered(ensemble: Ensemble, task: Task, asked: Rows) -> tuple[int, Floats]:
    # By the file and the runtime, not by what they stand for.
    model = encode(ensemble, task.signature, task.form, labelled=False)
    answers: Floats = open_session(model).run(None, {INPUT: asked})[0].astype(np.float64)
    return len(model), answers


def _asked(forest: Any, rows: Rows) -> Floats:  # noqa: ANN401 (scikit-learn publishes no types)
    answered: Floats = forest.predict_proba(rows)
    return answered[:, 1:] if answered.shape[1] == 2 else answered
