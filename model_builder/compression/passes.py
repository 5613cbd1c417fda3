"""A chain of named passes, each with the size before and after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from model_builder.compression.ensemble import Ensemble
from model_builder.report import Reduction

Sized = Callable[[Ensemble], int]


@dataclass
class Chain:
    """The ensemble as it is now, and how it came to be so.

    Attributes
    ----------
    size
        Gives the bytes of the file that an ensemble would make.
    bytes
        Size now; before the first step that of the plain export.
    """

    ensemble: Ensemble
    size: Sized
    bytes: int
    reductions: list[Reduction] = field(default_factory=list)

    def then(self, step: str, ensemble: Ensemble, detail: str = "") -> None:
        """Go on with what a pass made of the ensemble."""
        after = self.size(ensemble)
        self.reductions.append(
            Reduction(
                step=step,
                detail=detail,
                bytes_before=self.bytes,
                bytes_after=after,
                splits_before=self.ensemble.splits,
                splits_after=ensemble.splits,
            )
        )
        self.ensemble, self.bytes = ensemble, after
