"""How a model is trained, as a user may ask for it."""

from __future__ import annotations

from typing import Self, get_args

from pydantic import ConfigDict, Field, model_validator
from pydantic.alias_generators import to_snake

from model_builder.spec.base import MAX_NAME_CHARS, ColumnName, Spec, cel
from model_builder.spec.data import Data
from model_builder.spec.params import EstimatorName, Params

MAX_FEATURES = 512

FEATURES_RULE = "give include or exclude, not both"
SPLIT_RULE = "give groupBy or timeColumn, not both"
PARAMS_RULE = "params are only for estimators that are named in estimators"
ROLES_RULE = "groupBy and timeColumn cannot be the target or be named in features.include"


class Features(Spec):
    """Which columns the model sees."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "!has(self.include) || size(self.include) == 0 || !has(self.exclude) || size(self.exclude) == 0",
                    FEATURES_RULE,
                ),
            ]
        }
    )

    include: tuple[ColumnName, ...] = Field(
        default=(),
        max_length=MAX_FEATURES,
        description=(
            "The columns to use, in this order: numbers, or text of up to 50 different values. Empty: every such "
            "column but the target, without those that only number the rows, never change or repeat another one."
        ),
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    exclude: tuple[ColumnName, ...] = Field(
        default=(),
        max_length=MAX_FEATURES,
        description="Columns to leave out where include is empty.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    allow_leakage: tuple[ColumnName, ...] = Field(
        default=(),
        max_length=MAX_FEATURES,
        description=(
            "Columns that may be used although they alone nearly give the target away, because their values are "
            "known before the fault is. Any other such column stops the build."
        ),
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )

    @model_validator(mode="after")
    def _lists_make_sense(self) -> Self:
        lists = {"include": self.include, "exclude": self.exclude, "allowLeakage": self.allow_leakage}
        for field, names in lists.items():
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"{field} names {', '.join(twice)} more than once")
        if self.include and self.exclude:
            raise ValueError(FEATURES_RULE)
        return self


class Train(Spec):
    """Train a model from data."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel("!has(self.groupBy) || !has(self.timeColumn)", SPLIT_RULE),
                *(
                    cel(
                        f"!has(self.{role}) || (self.{role} != self.target && (!has(self.features) || "
                        f"!has(self.features.include) || !(self.{role} in self.features.include)))",
                        ROLES_RULE,
                    )
                    for role in ("groupBy", "timeColumn")
                ),
                *(
                    cel(
                        f"!has(self.params) || !has(self.params.{name}) || !has(self.estimators) || "
                        f"'{name}' in self.estimators",
                        PARAMS_RULE,
                    )
                    for name in get_args(EstimatorName)
                ),
            ]
        }
    )

    data: Data = Field(description="The training data.")
    target: ColumnName = Field(description="Column to predict: two classes, or several for a multi-class model.")
    positive_class: str | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_NAME_CHARS,
        description="Value of the target that means a fault. Absent: 1 or a word such as true, else the rarer class.",
    )
    features: Features = Field(default_factory=Features, description="Columns to use or to leave out.")
    group_by: ColumnName | None = Field(
        default=None,
        description=(
            "Column that says which machine, tool or order a row belongs to. Rows of one never stand on both sides of "
            "a split, so that the scores hold for a new one. It is no feature."
        ),
    )
    time_column: ColumnName | None = Field(
        default=None,
        description=(
            "Column of ISO 8601 timestamps or of numbers that the file is sorted by. The latest rows are then held "
            "out, so that the scores hold for the days to come. It is no feature."
        ),
    )
    sample_rows: int = Field(
        default=1_000_000,
        ge=1000,
        le=10_000_000,
        description="Rows to learn from at most. Of a longer file, that many are drawn at random by the seed.",
    )
    estimators: tuple[EstimatorName, ...] = Field(
        default=("randomForest",),
        min_length=1,
        max_length=len(get_args(EstimatorName)),
        description="One is trained; several are compared by cross-validation, and the smallest of the best is taken.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    params: Params = Field(default_factory=Params, description="Settings of each estimator.")
    seed: int = Field(default=42, ge=0, le=2**32 - 1, description="Seed of sample, split and training.")

    @model_validator(mode="after")
    def _roles_make_sense(self) -> Self:
        if self.group_by is not None and self.time_column is not None:
            raise ValueError(SPLIT_RULE)
        for role in (self.group_by, self.time_column):
            if role is not None and role in (self.target, *self.features.include):
                raise ValueError(ROLES_RULE)
        if len(set(self.estimators)) < len(self.estimators):
            raise ValueError("estimators names one more than once")
        for name in get_args(EstimatorName):
            field = to_snake(name)
            if name not in self.estimators and getattr(self.params, field) != getattr(Params(), field):
                raise ValueError(PARAMS_RULE)
        return self
