"""All that one build is given, and the part of it that decides the bytes of the artifact."""

from __future__ import annotations

from typing import Any, Self

from pydantic import ConfigDict, Field, model_validator

from model_builder.spec.base import DNS_LABEL, Spec, cel
from model_builder.spec.compression import Compression
from model_builder.spec.compute import Compute
from model_builder.spec.data import Limits
from model_builder.spec.exports import Exports
from model_builder.spec.runtime import Runtime
from model_builder.spec.source import Source
from model_builder.spec.validation import Validation

SEARCHED_THRESHOLD_RULE = "validation.decisionThreshold does not go with compression.budget"


class BuildSpec(Spec):
    """All that one build is given."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    "!has(self.compression) || !has(self.compression.budget) || !has(self.validation) || "
                    "!has(self.validation.decisionThreshold)",
                    SEARCHED_THRESHOLD_RULE,
                ),
            ]
        }
    )

    name: str = Field(min_length=1, max_length=63, pattern=DNS_LABEL, description="Name of the model in Triton.")
    source: Source = Field(description="What to make the model from.")
    compression: Compression = Field(default_factory=Compression, description="How small the model is made.")
    validation: Validation = Field(default_factory=Validation, description="How the model is judged.")
    exports: Exports = ("onnx",)
    compute: Compute = Field(default_factory=Compute, description="Where selection and search compute.")
    limits: Limits = Field(default_factory=Limits, description="Bounds on the data.")
    runtime: Runtime = Field(default_factory=Runtime, description="What will serve the model.")

    @model_validator(mode="after")
    def _threshold_is_of_the_model(self) -> Self:
        # The threshold is chosen on the forest's scores, and a smaller model has others.
        if self.compression.budget is not None and self.validation.decision_threshold is not None:
            raise ValueError(SEARCHED_THRESHOLD_RULE)
        return self


_ADDRESS = {"data", "uri", "sha256", "endpoint", "credentials_secret_ref", "ca_bundle_ref"}


def canonical(spec: BuildSpec) -> dict[str, Any]:
    """Give the part of a spec that decides the bytes of the artifact, as plain JSON values.

    Where the data lies, who may read it, the limits and where it is computed are left out: the same data read from
    elsewhere gives the same model. So are gates against the serving version, which the builder does not know. Fields at
    their default are left out too, so that a later version with more fields writes the same.
    """
    gates = tuple(gate for gate in spec.validation.gates if gate.min is not None)
    spec = spec.model_copy(update={"validation": spec.validation.model_copy(update={"gates": gates})})
    kind, source = ("train", spec.source.training) if spec.source.training else ("import", spec.source.importing)
    given = (
        {} if source is None else source.model_dump(mode="json", by_alias=True, exclude=_ADDRESS, exclude_defaults=True)
    )
    more = spec.model_dump(
        mode="json",
        by_alias=True,
        include={"compression", "exports", "runtime", "validation"},
        exclude={"validation": {"independent_data"}},
        exclude_defaults=True,
    )
    return {"name": spec.name, "source": {kind: given}, **more}
