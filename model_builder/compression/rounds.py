"""One round of the search: what the forest and some candidates answered for the rows held out, repeat by repeat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from model_builder.compression.candidates import Family, Variant
from model_builder.compression.ensemble import Floats
from model_builder.compression.judge import Verdict
from model_builder.compression.pooled import Kept, compare, part_scores

Codes = npt.NDArray[np.int64]
Key = tuple[Family, Variant]

HOPELESS = 0.02
"""A candidate this far below the budget in the first round is not tried again."""

LISTED = 20
"""Most candidates of the second round."""

STEP = 1.15
"""Sizes that differ by less count as one, of which the best is listed."""

WORTH_A_DOUBLING = 0.04
"""By how much the measure that lost most must rise for a model of twice the size: four points."""


@dataclass
class Record:
    """A candidate so far.

    Attributes
    ----------
    bytes
        Of the file of each fold.
    scores
        For each repeat that is complete, what ``part_scores`` gives.
    """

    bytes: list[int] = field(default_factory=list)
    scores: list[Floats] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Mean over the folds."""
        return round(float(np.mean(self.bytes)))


class Round:
    """The scores of the forest and of some candidates on the same folds.

    Attributes
    ----------
    forests
        For each repeat that is complete, the scores of each of the forests that were grown on its folds.
    """

    def __init__(
        self, keys: Sequence[Key], codes: Codes, kept: Kept, max_loss: float, held_out: float, *, strict: bool = False
    ) -> None:
        self.forests: list[list[Floats]] = []
        self.records: dict[Key, Record] = {key: Record() for key in keys}
        self._codes, self._kept, self._max_loss, self._held_out = codes, kept, max_loss, held_out
        self._strict = strict
        self._answers: dict[Key | int, Floats] = {}

    @property
    def repeats(self) -> int:
        """Number of repeats that are complete."""
        return len(self.forests)

    def answered(self, who: Key | int, rows: Codes, answers: Floats) -> None:
        """Note what a candidate, or the forest of a number, answered for the rows that a fold held out."""
        if who not in self._answers:
            self._answers[who] = np.zeros((len(self._codes), answers.shape[1]))
        self._answers[who][rows] = answers

    def end_repeat(self) -> None:
        """Judge the answers for all rows at once."""
        scores = {who: part_scores(self._codes, answers, self._kept) for who, answers in self._answers.items()}
        self.forests.append([found for who, found in scores.items() if isinstance(who, int)])
        for who, found in scores.items():
            if not isinstance(who, int):
                self.records[who].scores.append(found)
        self._answers = {}

    def verdict(self, key: Key) -> Verdict:
        """Judge a candidate by the repeats that are complete.

        What is made of the first forest is compared with it alone: what its trees owe to luck they have in common.
        """
        scores, alone = self.records[key].scores, key[0].is_forest
        return compare(scores, self.forests, self._max_loss, self._held_out, first_only=alone, strict=self._strict)

    def listed(self) -> list[Key]:
        """List the best candidate of each size, those that give most for their size first."""
        limit = -self._max_loss - HOPELESS
        best: dict[int, tuple[float, Key]] = {}
        for key, record in self.records.items():
            lowest, step = self.verdict(key).lowest, int(np.log(record.size) / np.log(STEP))
            if lowest >= limit and (step not in best or lowest > best[step][0]):
                best[step] = lowest, key
        ordered = sorted(best.values(), key=lambda each: -_worth(each[0], self.records[each[1]].size))
        return [key for _, key in ordered[:LISTED]]


def _worth(lowest: float, size: int) -> float:
    return lowest - WORTH_A_DOUBLING * float(np.log2(size))
