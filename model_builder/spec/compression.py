"""What a user may ask of compression. Imports nothing but pydantic and the standard library."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import ConfigDict, Field, model_validator

from model_builder.spec.base import Spec, cel

WAY_RULE = "give budget, or prune and quantize, not both: the budget's search prunes and quantizes by itself"
INTERACTIONS_RULE = "interactions: Auto needs a budget, because the search decides on them"
SHARE = r"^(0[.][0-9]{1,6}|1|1[.]0{1,6})$"


class Prune(Spec):
    """Drop the splits that tell least. Changes answers; look at the scores."""

    by: Literal["gini", "informationGain", "mutualInformation", "costComplexity"] = Field(
        description=(
            "What a split is worth: its decrease of Gini impurity, its information gain, or (costComplexity) its "
            "decrease of impurity against the leaves that it costs. mutualInformation chooses whole trees instead: "
            "those that tell most of the classes and least of what the others tell."
        )
    )
    keep: str = Field(
        default="0.5",
        min_length=1,
        max_length=8,
        pattern=SHARE,
        description='Share of splits, for mutualInformation of trees, that is kept: above 0 to 1, such as "0.5".',
    )


class Quantize(Spec):
    """Let leaves and thresholds take few values. Changes answers a little; the report tells the largest error."""

    bits: int = Field(ge=4, le=16, description="Bits of a value, 4 to 16.")
    what: Literal["leaves", "leavesAndThresholds"] = Field(
        default="leaves", description="What is quantized: the leaves' values only, or the thresholds too."
    )


class Budget(Spec):
    """What a smaller model may cost. The builder then searches for the smallest that is surely as good."""

    max_bytes: int | None = Field(
        default=None,
        ge=500,
        le=1 << 30,
        description="Largest model file in bytes. Where nothing as good is that small, the report says so.",
    )
    max_loss: str = Field(
        default="0.005",
        min_length=1,
        max_length=8,
        pattern=r"^(0|0[.][0-9]{1,6})$",
        description=(
            "Largest loss of macro-F1, of F1 at its best threshold and of average precision alike, as a share: 0.005 "
            "is half a point. The mean loss over repeated folds must stay inside it, and `evidence` says what holds "
            "for the mean loss with its standard error added."
        ),
    )
    evidence: Literal["Reseeding", "Strict"] = Field(
        default="Reseeding",
        description=(
            "Strict: with its standard error added, too, the loss must stay inside maxLoss. Reseeding: inside twice "
            "what another seed of the forest changes, where that is more; models get about half as large by it."
        ),
    )
    max_minutes: int = Field(
        default=30, ge=1, le=1440, description="Minutes after which the search stops with the best so far."
    )


class Compression(Spec):
    """How the model is made small. Always lossless; anything more only where it is asked for."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel("!has(self.budget) || (!has(self.prune) && !has(self.quantize))", WAY_RULE),
                cel(
                    "has(self.budget) || !has(self.interactions) || self.interactions != 'Auto'",
                    INTERACTIONS_RULE,
                ),
            ]
        }
    )

    prune: Prune | None = Field(default=None, description="Splits or trees to drop.")
    quantize: Quantize | None = Field(default=None, description="Values to round.")
    interactions: Literal["Off", "Auto"] = Field(
        default="Off",
        description=(
            "Auto: the search may use products and differences of two columns, computed in the model file. They often "
            "make a model both smaller and better, and harder to explain."
        ),
    )
    budget: Budget | None = Field(default=None, description="Search for the smallest model that is surely as good.")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.budget is not None and (self.prune is not None or self.quantize is not None):
            raise ValueError(WAY_RULE)
        if self.budget is None and self.interactions == "Auto":
            raise ValueError(INTERACTIONS_RULE)
        return self
