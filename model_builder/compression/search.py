"""The budgeted search: which candidate is smallest and still as good as the forest, by repeated cross-validation."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from model_builder.compression.candidates import LOSSLESS, Family, Variant, families, pairs_of, refitted
from model_builder.compression.encode import TREE_ENSEMBLE, Form, encode
from model_builder.compression.ensemble import Ensemble, Floats, Rows
from model_builder.compression.fitted import from_sklearn
from model_builder.compression.judge import Scores, Verdict, judge, score
from model_builder.frontend import INPUT
from model_builder.report import Signature
from model_builder.runtime import open_session

Codes = npt.NDArray[np.int64]
Clock = Callable[[], float]

FOLDS = 5
SEARCH_ROWS = 40_000
"""The search looks at no more rows; the winner is fitted on all of them."""

FEWEST_OF_A_CLASS = 50
"""With fewer rows of the rarest class no loss of a few points can be told from noise."""

HOPELESS = 0.03
"""A candidate this far below the budget after the first repeat is not tried again."""


WORTH_A_DOUBLING = 0.02
"""By how much the measure that lost most must rise for a model of twice the size: two points."""


@dataclass(frozen=True)
class Budget:
    """What a smaller model may cost.

    Attributes
    ----------
    max_bytes
        Largest model file; None sets no limit.
    max_loss
        Largest loss of macro-F1, best F1 and average precision, as a share: 0.005 is half a point.
    """

    max_bytes: int | None = None
    max_loss: float = 0.005


@dataclass(frozen=True)
class Trial:
    """One candidate after all folds. ``bytes`` is the mean over the folds' models."""

    family: str
    variant: Variant | None
    bytes: int
    verdict: Verdict

    @property
    def name(self) -> str:
        """The candidate in words."""
        return LOSSLESS if self.variant is None else f"{self.family}: {self.variant}"


@dataclass(frozen=True)
class Found:
    """What the search found.

    Attributes
    ----------
    chosen
        The winner; ``front`` holds the candidates that none is both smaller and better than.
    why
        In a sentence, for the report.
    """

    chosen: Trial
    front: tuple[Trial, ...]
    trials: tuple[Trial, ...]
    folds: int
    stopped_early: bool
    why: str


@dataclass(frozen=True)
class Progress:
    """How far the search is."""

    done: int
    total: int
    candidates: int


@dataclass
class _Record:
    bytes: list[int] = field(default_factory=list)
    scores: list[Scores] = field(default_factory=list)


class Search:
    """One search. Everything random follows from ``seed``; only a time limit can change what is found."""

    def __init__(
        self,
        forest: Any,  # noqa: ANN401 (scikit-learn publishes no types)
        rows: Rows,
        codes: Codes,
        signature: Signature,
        *,
        budget: Budget,
        interactions: bool = False,
        groups: npt.NDArray[Any] | None = None,
        form: Form = TREE_ENSEMBLE,
        seed: int = 0,
        repeats: int | None = None,
        limit_s: float | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        clock: Clock = time.monotonic,
        tried: tuple[Family, ...] | None = None,
    ) -> None:
        self._forest, self._signature, self._budget, self._form, self._seed = forest, signature, budget, form, seed
        self._all = rows, codes
        self._rows, self._codes, self._groups = _sampled(rows, codes, groups, seed)
        self._families = tried or families(forest, len(from_sklearn(forest).trees), interactions)
        self._repeats = repeats or _repeats(self._codes)
        self._deadline = None if limit_s is None else clock() + limit_s
        self._clock, self._tell = clock, on_progress
        self._baseline = _Record()
        self._records: dict[tuple[Family, Variant], _Record] = {
            (family, variant): _Record() for family in self._families for variant in family.variants
        }
        self._alive = set(self._records)

    def run(self) -> Found:
        """Search. The forest must be fitted already; it is only cloned here."""
        rarest = int(np.bincount(self._all[1]).min())
        if rarest < FEWEST_OF_A_CLASS:
            return self._only_lossless(
                f"the rarest class has {rarest} rows, too few to tell a loss from noise: the lossless form is kept"
            )
        stopped = False
        for repeat in range(self._repeats):
            for fit, held_out in self._folds(repeat):
                self._try(fit, held_out, repeat)
                if self._deadline is not None and self._clock() > self._deadline:
                    stopped = True
                    break
            if stopped:
                break
            self._drop_hopeless()
        if len(self._baseline.scores) < FOLDS:
            return self._only_lossless("the time was too short for one round of folds: the lossless form is kept", True)
        return self._decide(stopped)

    def ensemble(self, trial: Trial) -> Ensemble:
        """Fit a trial on all rows. The lossless one is the forest that was given."""
        if trial.variant is None:
            return from_sklearn(self._forest)
        rows, codes = self._all
        family = next(each for each in self._families if each.name == trial.family)
        pairs = pairs_of(rows, codes, self._seed, (family,))
        return next(ensemble for _, ensemble in family.ensembles(rows, codes, self._seed, pairs, {trial.variant}))

    def _folds(self, repeat: int) -> Iterator[tuple[Codes, Codes]]:
        seed = self._seed + repeat
        if self._groups is None:
            return iter(StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(self._rows, self._codes))
        splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
        return iter(splitter.split(self._rows, self._codes, self._groups))

    def _try(self, fit: Codes, held_out: Codes, repeat: int) -> None:
        rows, codes, seed = self._rows[fit], self._codes[fit], self._seed + repeat
        asked, actual = self._rows[held_out], self._codes[held_out]
        alive = tuple(f for f in self._families if any(family is f for family, _ in self._alive))
        pairs = pairs_of(rows, codes, seed, alive)
        baseline = from_sklearn(refitted(self._forest, rows, codes, seed))
        self._judge(self._baseline, baseline, asked, actual)
        for family in alive:
            wanted = {variant for one, variant in self._alive if one is family}
            for variant, ensemble in family.ensembles(rows, codes, seed, pairs, wanted):
                self._judge(self._records[family, variant], ensemble, asked, actual)
        if self._tell is not None:
            done = len(self._baseline.scores)
            self._tell(Progress(done, self._repeats * FOLDS, len(self._alive)))

    def _judge(self, record: _Record, ensemble: Ensemble, asked: Rows, actual: Codes) -> None:
        # By the file and the runtime, not by what they stand for.
        model = encode(ensemble, self._signature, self._form, labelled=False)
        answered: Floats = open_session(model).run(None, {INPUT: asked})[0].astype(np.float64)
        record.bytes.append(len(model))
        record.scores.append(score(actual, answered))

    def _verdict(self, record: _Record) -> Verdict:
        forest = self._baseline.scores[: len(record.scores)]
        return judge(record.scores, forest, self._budget.max_loss, 1 / (FOLDS - 1))

    def _drop_hopeless(self) -> None:
        limit = -self._budget.max_loss - HOPELESS
        for key in sorted(self._alive, key=lambda key: (key[0].name, str(key[1]))):
            verdict = self._verdict(self._records[key])
            if verdict.lowest < limit and not verdict.equal:
                self._alive.discard(key)

    def _trials(self) -> tuple[Trial, ...]:
        done = len(self._baseline.scores)
        trials = [self._lossless()]
        for (family, variant), record in self._records.items():
            if (family, variant) in self._alive and len(record.scores) == done:
                trials.append(Trial(family.name, variant, round(float(np.mean(record.bytes))), self._verdict(record)))
        return tuple(sorted(trials, key=lambda trial: (trial.bytes, trial.name)))

    def _lossless(self) -> Trial:
        size = len(encode(from_sklearn(self._forest), self._signature, self._form))
        scores = self._baseline.scores or [Scores(0, 0, 0, 0)] * 2
        return Trial(LOSSLESS, None, size, judge(scores, scores, 0.0, 0.0))

    def _only_lossless(self, why: str, stopped: bool = False) -> Found:
        trial = self._lossless()
        why += self._over_budget(trial)
        return Found(trial, (trial,), (trial,), len(self._baseline.scores), stopped, why)

    def _over_budget(self, trial: Trial) -> str:
        limit = self._budget.max_bytes
        return f"; it is larger than the {limit:,} bytes asked for" if limit and trial.bytes > limit else ""

    def _decide(self, stopped: bool) -> Found:
        trials = self._trials()
        equal = [trial for trial in trials if trial.verdict.equal]  # the lossless form is always among them
        limit = self._budget.max_bytes
        fitting = [trial for trial in equal if not limit or trial.bytes <= limit]
        chosen = max(fitting, key=_worth) if fitting else equal[0]
        why = f"of {len(trials)} candidates {len(equal)} are surely as good; this one gives most for its size"
        if chosen.variant is None:
            why = "no smaller candidate is surely as good: the lossless form is kept"
        why += self._over_budget(chosen)
        return Found(chosen, front(trials), trials, len(self._baseline.scores), stopped, why)


def _worth(trial: Trial) -> float:
    return trial.verdict.lowest - WORTH_A_DOUBLING * float(np.log2(trial.bytes))


def front(trials: tuple[Trial, ...]) -> tuple[Trial, ...]:
    """Keep the trials that none is both smaller and better than, by the measure that lost most; smallest first."""
    kept: list[Trial] = []
    for trial in sorted(trials, key=lambda trial: (trial.bytes, -trial.verdict.lowest)):
        if not kept or trial.verdict.lowest > kept[-1].verdict.lowest:
            kept.append(trial)
    return tuple(kept)


def _repeats(codes: Codes) -> int:
    """More repeats where faults are few, since there every fold says little."""
    rarest = int(np.bincount(codes).min())
    return 2 if rarest >= 200 else 4


def _sampled(
    rows: Rows, codes: Codes, groups: npt.NDArray[Any] | None, seed: int
) -> tuple[Rows, Codes, npt.NDArray[Any] | None]:
    if len(rows) <= SEARCH_ROWS:
        return rows, codes, groups
    chosen = np.sort(np.random.default_rng(seed).permutation(len(rows))[:SEARCH_ROWS])
    return rows[chosen], codes[chosen], None if groups is None else groups[chosen]
