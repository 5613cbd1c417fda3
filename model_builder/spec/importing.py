"""A model that was made elsewhere, as a user may ask for it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from model_builder.spec.base import MAX_NAME_CHARS, ColumnName, cel
from model_builder.spec.data import Data
from model_builder.spec.location import LOCATION_RULES, Location, Sha256, Uri
from model_builder.spec.training import MAX_FEATURES, Features, Train

TARGET_RULE = "features names the target"

ClassName = Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARS)]


class Import(Location):
    """Take in a model that was made elsewhere, and prove it on labelled data."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [*LOCATION_RULES, cel("!(self.target in self.features)", TARGET_RULE)]
        }
    )

    uri: Uri = Field(
        description=(
            "Address of the model file: pvc://CLAIM/PATH, configmap://NAME/KEY, s3://BUCKET/KEY or https://HOST/PATH; "
            "of an MLflow model the file MLmodel in its folder. Outside a cluster also a local path."
        ),
    )
    format: Literal["onnx", "skops", "mlflow"] = Field(
        description=(
            "onnx and skops: the file is one. mlflow: the folder of the file MLmodel holds an ONNX or skops file. A "
            "file that is another one by its content is refused."
        )
    )
    sha256: Sha256 | None = Field(
        default=None,
        description="Expected SHA-256 of the model file in hexadecimal (of MLflow: of the ONNX or skops file).",
    )
    data: Data = Field(
        description=(
            "Labelled rows that the model was not fitted on: without them nothing could be said of it. Four fifths "
            "serve compression and the threshold, the rest decides."
        )
    )
    target: ColumnName = Field(description="Column of the data that the model predicts.")
    positive_class: str | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_NAME_CHARS,
        description="Value of the target that means a fault. Absent: 1 or a word such as true, else the rarer class.",
    )
    features: tuple[ColumnName, ...] = Field(
        min_length=1,
        max_length=MAX_FEATURES,
        description="Columns of the data in the order of the model's input, all of them numbers.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    classes: tuple[ClassName, ...] = Field(
        default=(),
        max_length=64,
        description=(
            "Values of the target in the order of the model's output. Empty: as the model says, or, where it does not, "
            "in their natural order."
        ),
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    threshold: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="For two classes: a score of at least this is a fault. Absent: as validation has it, or 0.5.",
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        for field, names in {"features": self.features, "classes": self.classes}.items():
            if len(set(names)) < len(names):
                raise ValueError(f"{field} names one more than once")
        if self.target in self.features:
            raise ValueError(TARGET_RULE)
        return self

    def address(self) -> Data:
        """Give the model file's address in the form in which data is addressed."""
        return Data(
            uri=self.uri,
            endpoint=self.endpoint,
            credentials_secret_ref=self.credentials_secret_ref,
            ca_bundle_ref=self.ca_bundle_ref,
        )

    def reading(self) -> Train:
        """Say how the data is read and split: as for training, with the columns given and none thought telling."""
        return Train(
            data=self.data,
            target=self.target,
            positive_class=self.positive_class,
            features=Features(include=self.features, allow_leakage=self.features),
        )
