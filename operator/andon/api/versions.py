"""One artifact of a FaultModel, by its digest."""

from pydantic import Field

from andon.api.meta import NAME_MAX_LENGTH
from model_builder.report import Metrics, Runtime, Signature
from model_builder.spec import Spec


class ArtifactReference(Spec):
    """Where an artifact lies in the store."""

    uri: str = Field(max_length=1024, description="Its folder in the store.")
    bytes: int = Field(ge=0, description="Size of the ONNX file in bytes.")
    plain_bytes: int | None = Field(
        default=None, ge=0, description="Size of the same model as skl2onnx writes it, in bytes."
    )


class BuiltFrom(Spec):
    """What a version was built from."""

    plan: str = Field(max_length=71, description="Digest of the build plan.")
    inputs_digest: str = Field(
        max_length=71, description="Digest over data, spec and builder format; the same inputs give the same bytes."
    )
    data_sha256: str = Field(max_length=64, description="sha256 of the data file.")
    generation: int = Field(ge=0, description="Generation of the FaultModel.")


class FaultModelVersionSpec(Spec):
    """One artifact of a FaultModel, by its digest."""

    fault_model_name: str = Field(max_length=NAME_MAX_LENGTH, description="The FaultModel that it belongs to.")
    version: int = Field(ge=1, description="Its number; Triton's version folder.")
    digest: str = Field(pattern="^sha256:[0-9a-f]{64}$", description="sha256 of the artifact's manifest.json.")
    artifact: ArtifactReference = Field(description="Where it lies.")
    built_from: BuiltFrom = Field(description="What it was built from.")
    signature: Signature = Field(description="Columns, classes and threshold.")
    runtime: Runtime = Field(description="What it was written for.")
    metrics: Metrics = Field(description="Scores on data that it was not trained on.")
