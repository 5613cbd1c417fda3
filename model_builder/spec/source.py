"""Where a model comes from."""

from __future__ import annotations

from typing import Self

from pydantic import ConfigDict, Field, model_validator

from model_builder.spec.base import Spec, cel
from model_builder.spec.importing import Import
from model_builder.spec.training import Train

SOURCE_RULE = "give exactly one of train and import"


class Source(Spec):
    """Where the model comes from: it is trained, or taken in."""

    # `import` is a word of CEL's own, so that it has another name there.
    model_config = ConfigDict(
        json_schema_extra={"x-kubernetes-validations": [cel("has(self.train) != has(self.__import__)", SOURCE_RULE)]}
    )

    training: Train | None = Field(
        default=None, alias="train", description="Data, target and settings to train a model with."
    )
    importing: Import | None = Field(
        default=None, alias="import", description="A model that was made elsewhere, and the data to prove it on."
    )

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.training is None) == (self.importing is None):
            raise ValueError(SOURCE_RULE)
        return self

    @property
    def train(self) -> Train:
        """How data is read, split and judged: as asked for, or as it follows from an import."""
        if self.training is not None:
            return self.training
        if self.importing is None:
            raise ValueError(SOURCE_RULE)
        return self.importing.reading()
