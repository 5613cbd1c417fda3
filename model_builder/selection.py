"""Chooses among estimators, and says why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from model_builder.crossval import Estimate, Folds, Judged, estimate

MAX_LOSS = 0.005
"""A candidate counts as equal to the best where it loses no more than half a point."""


@dataclass(frozen=True)
class Candidate:
    """One estimator of a comparison: its scores, its differences to the best one, and the size of its file."""

    name: str
    bytes: int
    scores: dict[str, Estimate]
    differences: dict[str, Estimate]
    equal: bool


@dataclass(frozen=True)
class Choice:
    """Which estimator was chosen among which, by what, and why."""

    chosen: str
    metric: str
    candidates: tuple[Candidate, ...]
    why: str


def choose(judged: Mapping[str, Judged], sizes: Mapping[str, int], folded: Folds) -> Choice:
    """Choose the smallest file among those as good as the best.

    The best has the highest mean average precision, for several classes the highest mean macro-F1. Another one counts
    as equal only where, for each metric alike, the mean of its differences fold by fold less one corrected standard
    error is no loss of more than half a point. Where evidence is scarce the error is large, and the best stays.
    """
    first = next(iter(judged.values()))
    metric = "averagePrecision" if "averagePrecision" in first.scores else "macroF1"
    best = max(judged, key=lambda name: float(judged[name].scores[metric].mean()))
    candidates = tuple(
        _candidate(name, each, judged[best], sizes[name], folded.overlap) for name, each in judged.items()
    )
    chosen = min((each for each in candidates if each.equal or each.name == best), key=lambda each: each.bytes).name
    return Choice(chosen, metric, candidates, _why(chosen, best, metric, candidates, folded))


def _candidate(name: str, judged: Judged, best: Judged, size: int, overlap: float) -> Candidate:
    scores = {metric: estimate(values, overlap) for metric, values in judged.scores.items()}
    gaps = {metric: np.asarray(values - best.scores[metric]) for metric, values in judged.scores.items()}
    differences = {metric: estimate(values, overlap) for metric, values in gaps.items()}
    equal = all(each.mean - each.error >= -MAX_LOSS for each in differences.values())
    return Candidate(name, size, scores, differences, equal)


def _why(chosen: str, best: str, metric: str, candidates: tuple[Candidate, ...], folded: Folds) -> str:
    by_name = {each.name: each for each in candidates}
    top = by_name[best].scores[metric]
    basis = f"{len(folded.cuts)} folds ({folded.repeats} times {folded.count})"
    if len(candidates) == 1:
        reached = f"{top.mean:.3f} [{top.low:.3f}, {top.high:.3f}]"
        return f"{chosen} alone was asked for: its mean {metric} is {reached} over {basis}"
    text = f"{best} has the best mean {metric} of {len(candidates)} estimators, {top.mean:.3f}"
    text += f" [{top.low:.3f}, {top.high:.3f}], over {basis}"
    if chosen == best:
        return f"{chosen} was chosen: {text}, and no smaller one is as good"
    lost = by_name[chosen].differences[metric]
    return (
        f"{chosen} was chosen: {text}, but the file of {chosen} is smaller ({by_name[chosen].bytes:,} instead of "
        f"{by_name[best].bytes:,} bytes) and as good: {lost.mean:+.3f} with a corrected standard error of "
        f"{lost.error:.3f}"
    )
