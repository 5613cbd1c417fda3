"""The artifact's own report: all that is known of a model, with nothing that changes from one run to the next."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from model_builder.compression.report import CompressionReport
from model_builder.report import Metrics, Reduction, Report, Runtime, Signature


class LeftOutColumn(Report):
    """A column that the model does not see, and why."""

    name: str
    why: str


class DataFacts(Report):
    """What was read, and how."""

    sha256: str
    format: str
    delimiter: str | None
    decimal_mark: str | None
    rows: int
    rows_in_file: int
    columns: int
    empty_rows: int
    missing_values: int
    left_out: tuple[LeftOutColumn, ...]


class CategoryFacts(Report):
    """A categorical feature and the values that the model knows; any other text counts as unknown."""

    name: str
    values: tuple[str, ...]


class ClassFacts(Report):
    """One class of the target."""

    name: str
    rows: int
    held_out_rows: int


class SplitFacts(Report):
    """How the rows were split. The model was fitted on the first part; the scores are those on the second."""

    method: Literal["stratified", "group", "time"]
    seed: int
    fitted_rows: int
    held_out_rows: int


class IntervalFacts(Report):
    """A value with its 95% interval, and its standard error where that is known; absent where none can be given."""

    value: float
    low: float | None = None
    high: float | None = None
    error: float | None = None


class ScoreFacts(Report):
    """A score with its 95% interval and the method of that; absent where there is too little to tell.

    ``wilson``: Wilson (1927). ``bootstrap``: percentiles of rows drawn again (Efron and Tibshirani 1993), or of whole
    groups where rows come in groups.
    """

    value: float | None
    low: float | None
    high: float | None
    method: str


class CurvePoint(Report):
    """Precision and recall where every row of at least this score is called a fault, or of the class."""

    score: float
    precision: float
    recall: float


class ClassScoreFacts(Report):
    """Scores of one class against all others; average precision and curve are of models of several classes."""

    name: str
    rows: int
    precision: ScoreFacts
    recall: ScoreFacts
    f1: ScoreFacts
    average_precision: ScoreFacts | None = None
    curve: tuple[CurvePoint, ...] = ()


class BinFacts(Report):
    """One of ten bins of the score: rows in it, their mean score, and the share of them that are faults."""

    rows: int
    score: float
    faults: float


class SliceFacts(Report):
    """Scores of the rows with one value of a column; an empty value stands for missing."""

    column: str
    value: str
    rows: int
    faults: int | None
    scores: dict[str, ScoreFacts]


class EvaluationFacts(Report):
    """All scores of one set of rows."""

    rows: int
    threshold: float | None
    scores: dict[str, ScoreFacts]
    classes: tuple[ClassScoreFacts, ...]
    calibration: tuple[BinFacts, ...]
    curve: tuple[CurvePoint, ...] = ()
    slices: tuple[SliceFacts, ...]


class GateFacts(Report):
    """How a gate went: ``value`` is what was held against ``min``, the score itself or its lower bound.

    Where the upper bound is below ``min`` too the gate is missed, otherwise the rows are too few to tell.
    """

    metric: str
    bound: str
    min: str
    where: str
    rows: int = 0
    value: float | None
    score: float | None = None
    low: float | None = None
    high: float | None = None
    method: str
    verdict: Literal["met", "missed", "inconclusive"] = "met"


class CandidateFacts(Report):
    """One estimator of a comparison, its differences being those to the best one, fold by fold."""

    name: str
    bytes: int
    equal: bool
    scores: dict[str, IntervalFacts]
    differences: dict[str, IntervalFacts]


class SelectionFacts(Report):
    """The comparison by repeated cross-validation on rows that were not held out.

    Intervals are Student's, by the standard error that Nadeau and Bengio (2003) correct for overlapping folds.
    """

    chosen: str
    why: str
    metric: str
    rows: int
    folds: int
    repeats: int
    candidates: tuple[CandidateFacts, ...]


class ParityFacts(Report):
    """How far ONNX Runtime and scikit-learn differ, over all rows and the golden samples."""

    rows: int
    max_score_error: float
    worst_row: int
    label_differences: int
    tolerance: float


class ExportFacts(Report):
    """A file for devices without ONNX Runtime, and how far it differs from the ONNX file.

    ``bytes`` is what a device must hold: the whole file, of C the tables, to which some hundred bytes of code come.
    ``proven_by`` says who answered the rows.
    """

    format: str
    files: dict[str, int]
    bytes: int
    detail: str
    proven_by: str
    rows: int
    max_score_error: float
    label_differences: int


class Importance(Report):
    """Share of a column in the decrease of impurity of trees, or in the weights of standardized columns."""

    name: str
    value: float


class EffectFacts(Report):
    """What one column, with the value that the row has there, adds to a score."""

    name: str
    value: str
    effect: float


class WorstError(Report):
    """A held-out row that the model was sure of and wrong; ``row`` is its number in the data file."""

    row: int
    actual: str
    called: str
    score: float
    effects: tuple[EffectFacts, ...]


class FeatureFacts(Report):
    """What one column does to the score; ``columns`` names the two that a computed quantity is made of.

    ``importance`` is the mean size of its effect, ``share`` its part of all; ``loss`` is what the measure loses when
    the column's values are shuffled over the held-out rows.
    """

    name: str
    columns: tuple[str, ...] = ()
    importance: float
    share: float
    direction: Literal["raises", "lowers", "extremes", "middle", "mixed", "texts", "none"]
    sentence: str
    loss: float | None = None
    loss_error: float | None = None


class ExplanationFacts(Report):
    """Why the model says what it says, strongest first.

    ``shapley``: exact Shapley values of the trees in the file (Lundberg et al. 2020). ``shuffling``: the score less its
    mean over values that other rows have in the column.
    """

    method: Literal["shapley", "shuffling"]
    unit: Literal["score", "log-odds"]
    rows: int
    measure: str
    features: tuple[FeatureFacts, ...]
    worst: tuple[WorstError, ...]


class ContributionFacts(Report):
    """The output ``contributions`` of the model file: what each of ``names`` adds to the score of a row.

    With ``base``, one number a class, they add up to the score, or to its log-odds. ``bytes`` is what the output costs
    in the file; ``max_error`` how far it is from Shapley's definition on ``rows`` rows, ``max_sum_error`` how far sum
    and base are from what the trees say, on these and on the held-out rows.
    """

    names: tuple[str, ...]
    base: tuple[float, ...]
    unit: Literal["score", "log-odds"]
    method: Literal["shapley"] = "shapley"
    bytes: int
    rows: int = 0
    max_error: float = 0.0
    max_sum_error: float = 0.0

    def told(self) -> dict[str, object]:
        """Give what a client must know, for the metadata of the file and of the server."""
        return self.model_dump(mode="json", by_alias=True, include={"names", "base", "unit", "method"})


class ColumnFacts(Report):
    """A feature over all rows: its range in numbers, or how often each text is there."""

    name: str
    missing: int
    low: float | None = None
    median: float | None = None
    high: float | None = None
    values: dict[str, int] = Field(default_factory=dict)


class ModelReport(Report):
    """Everything about a model but its digest, which is taken over this too."""

    format: Literal[1] = 1
    name: str
    target: str
    estimator: str
    trees: int
    nodes: int
    selection: SelectionFacts | None = None
    data: DataFacts
    classes: tuple[ClassFacts, ...]
    split: SplitFacts
    signature: Signature
    metrics: Metrics
    confusion_matrix: tuple[tuple[int, ...], ...]
    evaluation: EvaluationFacts
    independent: EvaluationFacts | None = None
    gates: tuple[GateFacts, ...] = ()
    parity: ParityFacts
    categories: tuple[CategoryFacts, ...]
    importances: tuple[Importance, ...]
    columns: tuple[ColumnFacts, ...] = ()
    explanation: ExplanationFacts | None = None
    contributions: ContributionFacts | None = None
    bytes: int
    plain_bytes: int | None
    reductions: tuple[Reduction, ...] = ()
    compression: CompressionReport | None = None
    exports: tuple[ExportFacts, ...] = ()
    uncompressed: Metrics | None = Field(
        default=None, description="Scores on the held-out rows before anything was given up; absent where nothing was."
    )
    runtime: Runtime
    libraries: dict[str, str]
    notes: tuple[str, ...]

    @property
    def steps(self) -> tuple[Reduction, ...]:
        """The steps of compression, and what ``contributions`` then added: the last one ends at ``bytes``."""
        if not self.reductions or self.contributions is None:
            return self.reductions
        last = self.reductions[-1]
        added = Reduction(
            step="contributions",
            detail="the output that explains each row was added, as validation.explain.perRow asks",
            bytes_before=self.bytes - self.contributions.bytes,
            bytes_after=self.bytes,
            splits_before=last.splits_after,
            splits_after=last.splits_after,
        )
        return (*self.reductions, added)
