"""The budgeted search: which candidate is smallest and surely as good as the forest, by repeated cross-validation.

Two rounds, so that choosing among many does not pass for being good. The first tries all candidates on one round of
folds and lists a few in order, the one that promises most for its size first. The second tries only those, on new folds
with new seeds, and only its scores decide: the first on the list that is surely as good is taken. No score that made a
candidate look good helps it through, and only few get a chance.

Where nothing passes that is half as large as the lossless form, larger candidates are tried in the same way, on other
folds again.

The forest is grown several times on each fold and the mean of its scores is what a candidate is compared with: how
lucky one forest was says nothing about the candidate.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from model_builder.compression.candidates import (
    LOSSLESS,
    Family,
    Variant,
    families,
    larger_families,
    pairs_of,
    seeds_of,
)
from model_builder.compression.encode import TREE_ENSEMBLE, Form, encode
from model_builder.compression.ensemble import Ensemble, Rows
from model_builder.compression.fitted import from_sklearn
from model_builder.compression.judge import Difference, Verdict, verdict_of
from model_builder.compression.pooled import parts_left_out
from model_builder.compression.rounds import Codes, Key, Round
from model_builder.compression.trying import Fold, Task, Tried, try_fold
from model_builder.compute.local import LOCAL
from model_builder.compute.ports import Compute
from model_builder.report import Signature

Clock = Callable[[], float]

FOLDS = 5
SEARCH_ROWS = 40_000
"""The search looks at no more rows; the winner is fitted on all of them."""

FEWEST_OF_A_CLASS = 50
"""With fewer rows of the rarest class no loss of a few points can be told from noise."""

FORESTS = 3
"""So many forests are grown on each fold of the second round, and their scores averaged."""

MANY_OF_A_CLASS = 1000
"""From so many rows of the rarest class on two forests and two rounds of folds tell enough."""

SMALL_ENOUGH = 0.3
"""Larger candidates are tried where what was found takes more than this share of the lossless form."""


@dataclass(frozen=True)
class Budget:
    """What a smaller model may cost.

    Attributes
    ----------
    max_bytes
        Largest model file; None sets no limit.
    max_loss
        Largest loss of macro-F1, best F1 and average precision, as a share: 0.005 is half a point.
    strict
        Whether the loss with its standard error added must stay inside ``max_loss`` too, instead of inside twice the
        spread of reseeding the forest.
    """

    max_bytes: int | None = None
    max_loss: float = 0.005
    strict: bool = False


@dataclass(frozen=True)
class Trial:
    """One candidate after all folds of the second round.

    Attributes
    ----------
    bytes
        Mean over the models of the folds.
    surely
        Whether it is surely as good as the forest.
    """

    family: str
    variant: Variant | None
    bytes: int
    verdict: Verdict
    surely: bool

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
        The winner; ``front`` holds the trials that none is both smaller and better than.
    trials
        The lossless form and the candidates of the second round.
    candidates
        Number of candidates of the first round.
    folds
        Number of folds of both rounds.
    why
        In a sentence, for the report.
    """

    chosen: Trial
    front: tuple[Trial, ...]
    trials: tuple[Trial, ...]
    candidates: int
    folds: int
    stopped_early: bool
    why: str


@dataclass(frozen=True)
class Progress:
    """How far the search is."""

    done: int
    total: int
    candidates: int


class Search:
    """One search.

    Everything random follows from ``seed``. Only a time limit can change what is found; where it is computed cannot.
    """

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
        compute: Compute = LOCAL,
    ) -> None:
        self._forest, self._signature, self._budget, self._form, self._seed = forest, signature, budget, form, seed
        self._all = rows, codes
        self._rows, self._codes, self._groups = _sampled(rows, codes, groups, seed)
        self._kept = parts_left_out(self._codes, self._groups, seed)
        self._whole = from_sklearn(forest)
        trees = len(self._whole.trees)
        binary = self._whole.outputs == 1
        small, larger = families(trees, interactions, binary=binary), larger_families(trees, binary=binary)
        self._stages = [tried] if tried else [small, larger]
        self._repeats = repeats or _repeats(self._codes)
        self._deadline = None if limit_s is None else clock() + limit_s
        self._clock, self._tell, self._compute = clock, on_progress, compute
        self._folds_done = 0

    def run(self) -> Found:
        """Search. The forest must be fitted already; it is only cloned here."""
        rarest = int(np.bincount(self._all[1]).min())
        if rarest < FEWEST_OF_A_CLASS:
            return self._only_lossless(
                f"the rarest class has {rarest} rows, too few to tell a loss from noise: the lossless form is kept"
            )
        found = self._stage(0)
        wanted = SMALL_ENOUGH * self._lossless.bytes
        if found.stopped_early or len(self._stages) == 1 or found.chosen.bytes <= wanted:
            return found
        larger = self._stage(1)
        better = larger if larger.chosen.variant is not None and larger.chosen.bytes < found.chosen.bytes else found
        return replace(better, folds=self._folds_done, stopped_early=larger.stopped_early)

    def _stage(self, number: int) -> Found:
        """Play both rounds with the families of a stage."""
        everything = [(family, variant) for family in self._stages[number] for variant in family.variants]
        start = number * (1 + self._repeats)
        first = self._round(everything)
        if not self._play(first, range(start, start + 1), forests=1):
            return self._only_lossless("the time was too short for one round of folds: the lossless form is kept", True)
        second = self._round(first.listed())
        few = int(np.bincount(self._codes).min()) < MANY_OF_A_CLASS
        forests = (FORESTS if few else 2) if seeds_of(self._forest) else 1
        repeats = range(start + 1, start + 1 + self._repeats)
        ended = not second.records or self._play(second, repeats, forests)
        if second.records and not second.repeats:
            return self._only_lossless("the time was too short to confirm a candidate: the lossless form is kept", True)
        return self._decide(second, len(everything), not ended)

    def _round(self, keys: Sequence[Key]) -> Round:
        allowed, strict = self._budget.max_loss, self._budget.strict
        return Round(keys, self._codes, self._kept, allowed, 1 / (FOLDS - 1), strict=strict)

    def ensemble(self, trial: Trial) -> Ensemble:
        """Fit a trial on all rows. The lossless one is the forest that was given."""
        if trial.variant is None:
            return self._whole
        rows, codes = self._all
        family = next(each for stage in self._stages for each in stage if each.name == trial.family)
        pairs = pairs_of(rows, codes, self._seed, (family,))
        made = family.ensembles(rows, codes, self._seed, {trial.variant}, forest=self._forest, pairs=pairs)
        return next(ensemble for _, ensemble in made)

    def _play(self, played: Round, repeats: range, forests: int) -> bool:
        """Play a round to its end, or until the time is up, which gives False."""
        folds = [Fold(fit, held_out, repeat) for repeat in repeats for fit, held_out in self._folds(repeat)]
        keys, before = tuple(played.records), self._folds_done
        task = Task(self._forest, self._rows, self._codes, keys, self._signature, self._form, self._seed, forests)
        told = lambda done: self._say(before + done, len(keys))  # noqa: E731
        for number, tried in enumerate(self._compute.map(try_fold, task, folds, told), 1):
            self._add(played, folds[number - 1].held_out, tried)
            if number % FOLDS == 0:
                played.end_repeat()
            if self._deadline is not None and self._clock() > self._deadline:
                return False
        return True

    def _folds(self, repeat: int) -> Iterator[tuple[Codes, Codes]]:
        seed = self._seed + repeat
        if self._groups is None:
            return iter(StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(self._rows, self._codes))
        splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
        return iter(splitter.split(self._rows, self._codes, self._groups))

    def _add(self, played: Round, held_out: Codes, tried: Tried) -> None:
        for number, answers in enumerate(tried.forests):
            played.answered(number, held_out, answers)
        for (key, record), (size, answers) in zip(played.records.items(), tried.candidates, strict=True):
            record.bytes.append(size)
            played.answered(key, held_out, answers)
        self._folds_done += 1

    def _say(self, done: int, candidates: int) -> None:
        if self._tell is not None:
            stages = -(-done // ((1 + self._repeats) * FOLDS))
            self._tell(Progress(done, stages * (1 + self._repeats) * FOLDS, candidates))

    @cached_property
    def _lossless(self) -> Trial:
        size = len(encode(self._whole, self._signature, self._form))
        return Trial(LOSSLESS, None, size, verdict_of([Difference(0.0, 0.0)] * 4, equal=True), True)

    def _only_lossless(self, why: str, stopped: bool = False) -> Found:
        trial = self._lossless
        return Found(trial, (trial,), (trial,), 0, self._folds_done, stopped, why + self._over_budget(trial))

    def _over_budget(self, trial: Trial) -> str:
        limit = self._budget.max_bytes
        return f"; it is larger than the {limit:,} bytes asked for" if limit and trial.bytes > limit else ""

    def _decide(self, second: Round, candidates: int, stopped: bool) -> Found:
        trials = [self._lossless]
        for key, record in second.records.items():
            verdict = second.verdict(key)
            trials.append(Trial(key[0].name, key[1], record.size, verdict, verdict.equal))
        sure = [trial for trial in trials[1:] if trial.surely and trial.bytes < trials[0].bytes]
        limit = self._budget.max_bytes
        fitting = [trial for trial in sure if not limit or trial.bytes <= limit]
        chosen = next(iter(fitting or sorted(sure, key=lambda trial: trial.bytes)), trials[0])
        why = (
            f"of {candidates} candidates {len(trials) - 1} were tried on new folds and {len(sure)} are surely as good; "
            "this one promised most for its size"
        )
        if chosen.variant is None:
            why = "no smaller candidate is surely as good: the lossless form is kept"
        ordered = tuple(sorted(trials, key=lambda trial: (trial.bytes, trial.name)))
        why += self._over_budget(chosen)
        return Found(chosen, front(ordered), ordered, candidates, self._folds_done, stopped, why)


def front(trials: tuple[Trial, ...]) -> tuple[Trial, ...]:
    """Keep the trials that none is both smaller and better than, by the measure that lost most; smallest first."""
    kept: list[Trial] = []
    for trial in sorted(trials, key=lambda trial: (trial.bytes, -trial.verdict.lowest)):
        if not kept or trial.verdict.lowest > kept[-1].verdict.lowest:
            kept.append(trial)
    return tuple(kept)


def _repeats(codes: Codes) -> int:
    """More repeats of the second round where faults are few, since there every fold says little."""
    rarest = int(np.bincount(codes).min())
    return 2 if rarest >= MANY_OF_A_CLASS else 3 if rarest >= 200 else 4


def _sampled(
    rows: Rows, codes: Codes, groups: npt.NDArray[Any] | None, seed: int
) -> tuple[Rows, Codes, npt.NDArray[Any] | None]:
    if len(rows) <= SEARCH_ROWS:
        return rows, codes, groups
    chosen = np.sort(np.random.default_rng(seed).permutation(len(rows))[:SEARCH_ROWS])
    return rows[chosen], codes[chosen], None if groups is None else groups[chosen]
