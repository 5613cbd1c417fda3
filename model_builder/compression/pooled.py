"""Scores over all held-out rows of a repeat, and how sure a difference of such scores is.

A best threshold, and with it F1, of each small fold follows the luck of that fold. So the held-out scores of all folds
of a repeat are put together and judged at once: one threshold for all rows, as there will be one in the plant.

How sure a difference is, is asked of the rows: they are cut into parts, each part is left out in turn, and the scores
are taken again (the jackknife; Quenouille 1956, Tukey 1958). What a candidate owes to the luck of a seed is averaged
away by repeats, what it owes to the rows is not. The rows do not tell that the models of all folds were fitted on much
the same rows, so the variance is corrected by the factor by which Nadeau & Bengio (2003) correct that of folds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from model_builder.compression.ensemble import Floats
from model_builder.compression.judge import (
    BRIER,
    BRIER_LEAST_SLACK,
    BRIER_SLACK,
    JUDGED,
    THRESHOLD,
    Difference,
    Verdict,
    verdict_of,
)
from model_builder.contract import TIE

Codes = npt.NDArray[np.int64]
Kept = npt.NDArray[np.bool_]

PARTS = 20
"""So many parts the rows are cut into."""

NOISE = 2.0
"""What is not sure may reach so many times the spread of reseeding: whoever grows the forest again takes that too.

Strict evidence allows none of it.
"""


def parts_left_out(codes: Codes, groups: npt.NDArray[Any] | None, seed: int) -> Kept:
    """Cut rows into parts, each with its share of every class.

    Parameters
    ----------
    codes
        Array of shape (rows,): the actual classes.
    groups
        What each row belongs to; rows of one group are in one part.

    Returns
    -------
    Kept
        Array of shape (1 + parts, rows): which rows are looked at; all in the first line, all but one part in each
        of the others.
    """
    random = np.random.RandomState(seed)
    part = np.empty(len(codes), np.int64)
    if groups is None:
        order = random.permutation(len(codes))
        order = order[np.argsort(codes[order], kind="stable")]
        part[order] = np.arange(len(codes)) % PARTS
    else:
        names, member = np.unique(groups, return_inverse=True)
        part = (random.permutation(len(names)) % PARTS)[member]
    left_out = part == np.unique(part)[:, None]
    return np.concatenate([np.ones((1, len(codes)), bool), ~left_out])


def part_scores(codes: Codes, scores: Floats, kept: Kept) -> Floats:
    """Judge scores on all rows, and again without each of the parts.

    Parameters
    ----------
    scores
        Array of shape (rows, 1) for two classes, else (rows, classes).
    kept
        From ``parts_left_out``.

    Returns
    -------
    Floats
        Array of shape (1 + parts, 4): macro-F1, best F1, average precision, Brier score, as ``judge.score`` has them.
    """
    binary = scores.shape[1] == 1
    labels = (scores[:, 0] >= THRESHOLD - TIE).astype(np.int64) if binary else scores.argmax(axis=1)
    classes = 2 if binary else scores.shape[1]
    columns = {1: scores[:, 0]} if binary else dict(enumerate(scores.T))
    ranked = [_ranked(codes == code, column, kept) for code, column in columns.items() if (codes == code).any()]
    off = (scores[:, 0] - codes) ** 2 if binary else ((scores - np.eye(classes)[codes]) ** 2).sum(axis=1)
    best, precision = (np.mean([each[place] for each in ranked], axis=0) for place in range(2))
    brier = (kept * off).sum(axis=1) / kept.sum(axis=1)  # no matrix product: several threads may add up otherwise
    return np.column_stack([_macro_f1(codes, labels, classes, kept), best, precision, brier])


def _macro_f1(codes: Codes, labels: Codes, classes: int, kept: Kept) -> Floats:
    found = []
    for code in range(classes):
        actual, said = codes == code, labels == code
        if (actual | said).any():
            sizes = kept @ actual.astype(np.float64) + kept @ said.astype(np.float64)
            found.append(2 * (kept @ (actual & said).astype(np.float64)) / np.maximum(sizes, 1))
    return np.asarray(np.mean(found, axis=0))


def _ranked(positive: Kept, scores: Floats, kept: Kept) -> tuple[Floats, Floats]:
    """Give best F1 and average precision; rows with the same score are called faults together or not at all."""
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    looked_at = kept[:, order]
    hits = np.cumsum(looked_at & positive[order], axis=1)[:, ends]
    called = np.maximum(np.cumsum(looked_at, axis=1)[:, ends], 1)
    total = np.maximum(hits[:, -1:], 1)
    best = (2 * hits / (called + total)).max(axis=1)
    return best, (np.diff(hits, axis=1, prepend=0) / total * hits / called).sum(axis=1)


def compare(
    candidate: Sequence[Floats],
    forests: Sequence[Sequence[Floats]],
    max_loss: float,
    held_out: float,
    *,
    first_only: bool = False,
    strict: bool = False,
) -> Verdict:
    """Compare repeat by repeat.

    Parameters
    ----------
    candidate
        For each repeat what ``part_scores`` gives for the candidate.
    forests
        For each repeat the same for each of the forests that were grown on its folds, which differ in their seeds.
    held_out
        Rows held out for every row that was learned from: 0.25 for five folds.
    first_only
        Whether the candidate is compared with the first forest alone, else with the mean of all.
    strict
        Whether the spread of reseeding excuses nothing.

    Returns
    -------
    Verdict
        A candidate is as good when for macro-F1, best F1 and average precision alike the mean difference is at least
        ``-max_loss``, the mean less one standard error at least that or minus twice the spread of reseeding,
        whichever is lower (with ``strict`` at least that), and its mean Brier score is at most 5%, or 0.0005, worse.
    """
    reference = [several[0] if first_only else np.mean(several, axis=0) for several in forests]
    parts = np.mean([own - other for own, other in zip(candidate, reference, strict=True)], axis=0)
    left_out = parts[1:]
    variance = (len(left_out) - 1) * left_out.var(axis=0)
    # 1 / folds + held_out, as folds are corrected, over the 1 / folds that the rows of one repeat tell.
    corrected = variance * (1 / len(candidate) + held_out * (1 + 1 / held_out))
    found = [Difference(float(mean), float(error)) for mean, error in zip(parts[0], np.sqrt(corrected), strict=True)]
    allowed = np.maximum(max_loss, (0.0 if strict else NOISE) * reseeding(forests))
    equal = all(
        one.mean >= -max_loss and one.low >= -limit for one, limit in zip(found[:JUDGED], allowed[:JUDGED], strict=True)
    )
    slack = max(BRIER_SLACK * float(np.mean([each[0, BRIER] for each in reference])), BRIER_LEAST_SLACK)
    return verdict_of(found, equal=equal and found[BRIER].mean <= slack)


def reseeding(forests: Sequence[Sequence[Floats]]) -> Floats:
    """Give the standard deviation of each score over forests that differ in their seeds; 0 of a single forest."""
    if min(len(several) for several in forests) < 2:
        return np.zeros(BRIER + 1)
    return np.asarray(np.sqrt(np.mean([np.var([each[0] for each in one], axis=0, ddof=1) for one in forests], axis=0)))
