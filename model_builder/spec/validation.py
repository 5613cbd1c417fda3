"""How a model is judged, as a user may ask for it."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import ConfigDict, Field, model_validator

from model_builder.spec.base import ColumnName, Spec, cel
from model_builder.spec.data import IndependentData

GATE_RULE = "a gate takes either min or maxLossToStable"
COSTS_RULE = "costs are for optimize: cost, and are needed there"


class CrossValidation(Spec):
    """How candidates are compared on the rows that are not held out."""

    folds: int = Field(default=5, ge=2, le=10, description="Parts that the rows are cut into.")
    repeats: int = Field(
        default=2, ge=1, le=20, description="Times that it is done, each with another cut; more where faults are few."
    )


Metric = Literal["accuracy", "precision", "recall", "f1", "macroF1", "bestF1", "averagePrecision"]


SHARE = r"^(0|1|0[.][0-9]{1,6}|1[.]0{1,6})$"


class Gate(Spec):
    """What a score must be: at least so much, or not much less than that of the version that serves."""

    model_config = ConfigDict(
        json_schema_extra={"x-kubernetes-validations": [cel("has(self.min) != has(self.maxLossToStable)", GATE_RULE)]}
    )

    metric: Metric = Field(
        description=(
            "The score. precision, recall and f1 are those of the positive class, for several classes means over all; "
            "bestF1 is F1 at its best threshold. bestF1 and averagePrecision are for two classes."
        )
    )
    min: str | None = Field(
        default=None,
        min_length=1,
        max_length=8,
        pattern=SHARE,
        description='Smallest value that is accepted, from 0 to 1, such as "0.60"; a build that misses it fails.',
    )
    max_loss_to_stable: str | None = Field(
        default=None,
        min_length=1,
        max_length=8,
        pattern=SHARE,
        description=(
            'By how much a new version may score less than the one that serves, such as "0.02"; each score is that '
            "on the version's own held-out rows. One that lost more gets no request until a person approves it."
        ),
    )
    bound: Literal["point", "lower95"] = Field(
        default="lower95",
        description=(
            "What is compared: the value itself, or the lower bound of its 95% interval; of both versions alike."
        ),
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.min is None) == (self.max_loss_to_stable is None):
            raise ValueError(GATE_RULE)
        return self


class Costs(Spec):
    """What mistakes cost, in any unit."""

    missed_fault: float = Field(default=1, gt=0, le=1e9, description="A fault that was not called.")
    false_alarm: float = Field(default=1, gt=0, le=1e9, description="A call without a fault.")


class DecisionThreshold(Spec):
    """From which score on a row is called a fault. It is chosen by cross-validation on rows that are not held out."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [cel("(self.optimize == 'cost') == has(self.costs)", COSTS_RULE)]
        }
    )

    optimize: Literal["f1", "cost"] = Field(description="f1: the largest F1. cost: the smallest cost of mistakes.")
    costs: Costs | None = Field(default=None, description="What mistakes cost, for optimize: cost.")

    @model_validator(mode="after")
    def _costs_where_they_count(self) -> Self:
        if (self.optimize == "cost") != (self.costs is not None):
            raise ValueError(COSTS_RULE)
        return self


class Explain(Spec):
    """Whether the report says which columns count, in which direction, and what led the model astray."""

    enabled: bool = Field(
        default=True, description="Explain the model on held-out rows: exact Shapley values of trees, and shuffling."
    )
    per_row: bool = Field(
        default=False,
        description=(
            "Have the served model give the output contributions: for each row the exact Shapley value of each column. "
            "Trees only, and compressed ones: the build fails where they are too many. score and fault stay as they "
            "are; an answer takes longer."
        ),
    )


class Validation(Spec):
    """How a model is judged, besides on the held-out rows."""

    cross_validation: CrossValidation | None = Field(
        default=None,
        description=(
            "Cross-validation. Absent: done by default where several estimators are compared or a threshold is "
            "chosen, else not at all."
        ),
    )
    independent_data: IndependentData | None = Field(
        default=None, description="Data of another machine or time to judge the model on; gates hold there too."
    )
    slices: tuple[ColumnName, ...] = Field(
        default=(),
        max_length=8,
        description="Columns of up to 50 different values, features or not: scores are told for each value.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    gates: tuple[Gate, ...] = Field(
        default=(), max_length=16, description="What the model must reach, by itself or beside the serving version."
    )
    decision_threshold: DecisionThreshold | None = Field(
        default=None, description="How the threshold is chosen, for two classes. Absent: 0.5."
    )
    explain: Explain = Field(default_factory=Explain, description="How the model is explained in the report.")

    @model_validator(mode="after")
    def _slices_differ(self) -> Self:
        if len(set(self.slices)) < len(self.slices):
            raise ValueError("slices names a column more than once")
        return self
