"""What compression did, for reports and for people."""

from __future__ import annotations

from pydantic import Field

from model_builder.report import Reduction, Report


class CandidateFacts(Report):
    """One candidate of the search, compared with the forest over all folds; differences in shares of one.

    The three lower bounds are the mean difference less one corrected standard error.
    """

    name: str
    bytes: int
    equal: bool
    macro_f1: float
    macro_f1_low: float
    best_f1: float
    best_f1_low: float
    average_precision: float
    average_precision_low: float
    brier: float


class CompressionReport(Report):
    """How a model became as small as it is."""

    bytes: int
    gzip_bytes: int
    plain_bytes: int | None = Field(default=None, description="Size of the plain skl2onnx export.")
    chosen: str
    why: str
    reductions: tuple[Reduction, ...]
    front: tuple[CandidateFacts, ...] = Field(
        default=(), description="Candidates that none is both smaller and better than, smallest first."
    )
    folds: int = 0
    stopped_early: bool = False
