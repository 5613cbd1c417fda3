"""What each stage of a build hands to the next."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.pipeline import Pipeline

from model_builder.categories import Rows
from model_builder.classes import Labels
from model_builder.estimators import Test, tests
from model_builder.evaluation import Evaluation
from model_builder.export import Exported
from model_builder.gates import Verdict
from model_builder.golden import Golden
from model_builder.model_report import ContributionFacts
from model_builder.modelling import Selected
from model_builder.parity import Answers, Model, Parity, Scorer
from model_builder.reading import Table
from model_builder.report import Metrics, Signature
from model_builder.shrinking import Small
from model_builder.splitting import Order, Split


@dataclass(frozen=True, eq=False)
class Prepared:
    """Checked data, ready to learn from. ``notes`` is what was decided without being asked."""

    table: Table
    labels: Labels
    split: Split
    order: Order
    notes: tuple[str, ...]

    @property
    def held_out_data(self) -> Rows:
        """Features of the held-out rows."""
        return self.table.data.take(self.split.held_out)

    @property
    def held_out_codes(self) -> npt.NDArray[np.int64]:
        """Actual classes of the held-out rows."""
        return self.labels.codes[self.split.held_out]


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fitted estimator and the model file made of it. ``origin`` says where it is from, if not trained here."""

    selected: Selected
    pipeline: Pipeline
    signature: Signature
    exported: Exported
    model: Model
    small: Small
    origin: str = ""
    notes: tuple[str, ...] = ()
    contributions: ContributionFacts | None = None

    @property
    def score(self) -> Scorer:
        """What the file must answer: as the estimator does, or as what compression made of it."""
        score: Scorer = self.small.predict_proba if self.small.lossy else self.pipeline.predict_proba
        return score

    @property
    def tests(self) -> list[Test]:
        """Column and threshold of every test of every tree in the file."""
        return tests(self.pipeline) if self.small.ensemble is None else self.small.tests()


@dataclass(frozen=True, eq=False)
class Judgement:
    """Scores on rows that the model was not fitted on, and how its gates went.

    ``uncompressed`` is what the estimator scored on the held-out rows before anything was given up; None where
    nothing was.
    """

    held_out: Evaluation
    independent: Evaluation | None
    verdicts: tuple[Verdict, ...]
    uncompressed: Metrics | None = None


@dataclass(frozen=True, eq=False)
class Proven:
    """The proof that the model file answers as the estimator does, and what it says of the held-out rows."""

    parity: Parity
    golden: Golden
    held_out: Answers
