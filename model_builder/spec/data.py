"""Where data lies and how it is read, as a user may ask for it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from model_builder.spec.base import Spec
from model_builder.spec.location import Location, Sha256, Uri


class Data(Location):
    """Where the training data is and how to read it."""

    uri: Uri = Field(
        description=(
            "Address of one CSV or Parquet file: pvc://CLAIM/PATH, configmap://NAME/KEY, s3://BUCKET/KEY or "
            "https://HOST/PATH. Outside a cluster also a local path."
        ),
    )
    format: Literal["csv", "parquet"] | None = Field(
        default=None, description="Format of the file. Absent: by the suffix .csv or .parquet."
    )
    sha256: Sha256 | None = Field(
        default=None,
        description="Expected SHA-256 of the file in hexadecimal. A file with another one is refused.",
    )


class IndependentData(Data):
    """Data that the model is judged on and never fitted on, with the columns of the training data."""


class Limits(Spec):
    """Bounds on the data, checked while it is read."""

    max_bytes: int = Field(default=1 << 30, ge=1, description="Largest data file in bytes.")
    max_rows: int = Field(default=10_000_000, ge=1, description="Largest number of data rows.")
    max_columns: int = Field(default=1000, ge=1, description="Largest number of columns in the file.")
