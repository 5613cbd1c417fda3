"""`spec.serving`: how a version is served."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from model_builder.spec import OnnxRuntimeVersion, Spec, cel

Quantity = Annotated[
    str,
    Field(
        coerce_numbers_to_str=True,
        max_length=32,
        json_schema_extra={
            "x-kubernetes-int-or-string": True,
            "x-kubernetes-validations": [cel("isQuantity(string(self))", "must be a quantity such as 500m or 256Mi")],
        },
    ),
]
LabelKey = Annotated[str, Field(min_length=1, max_length=317)]
LabelValue = Annotated[str, Field(max_length=63)]


class Compute(Spec):
    """Amounts of processor and memory."""

    cpu: Quantity | None = Field(default=None, description="Processors, such as 500m.")
    memory: Quantity | None = Field(default=None, description="Memory, such as 256Mi.")


def _request_within_limit(name: str) -> JsonDict:
    both_given = " && ".join(f"has(self.{part}) && has(self.{part}.{name})" for part in ("requests", "limits"))
    request, limit = (f"quantity(string(self.{part}.{name}))" for part in ("requests", "limits"))
    return cel(
        f"!({both_given}) || {request}.compareTo({limit}) <= 0", f"requests.{name} must not be more than limits.{name}"
    )


class Resources(Spec):
    """Compute resources of one replica of the model server, as in a pod."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [_request_within_limit("cpu"), _request_within_limit("memory")],
        }
    )

    requests: Compute = Field(default_factory=Compute, description="What the scheduler sets aside.")
    limits: Compute = Field(default_factory=Compute, description="What the kubelet enforces.")


class Toleration(Spec):
    """A taint that the model server's pods tolerate, as in a pod."""

    key: str | None = Field(
        default=None, max_length=317, description="Taint key; empty means all keys, with operator Exists."
    )
    operator: Literal["Exists", "Equal"] | None = Field(default=None, description="How the key relates to the value.")
    value: str | None = Field(default=None, max_length=63, description="Taint value, with operator Equal.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        default=None, description="Taint effect; empty means all."
    )
    toleration_seconds: int | None = Field(
        default=None, ge=0, description="How long a NoExecute taint is tolerated, in seconds."
    )


class Serving(Spec):
    """How a version is served."""

    replicas: int = Field(default=1, ge=1, le=50, description="Model server pods of a version.")
    resources: Resources = Field(
        default_factory=Resources, description="Compute resources of one replica. Default: the operator's setting."
    )
    image: str | None = Field(
        default=None, min_length=1, max_length=512, description="Triton image. Default: the operator's setting."
    )
    onnxruntime: OnnxRuntimeVersion = Field(
        default="1.21",
        description=(
            "Oldest version of ONNX Runtime that must load the model. From 1.21 on the smallest form is written; for "
            "older ones (Triton 24.10 has 1.19) a form that is about four times as large."
        ),
    )
    node_selector: dict[LabelKey, LabelValue] = Field(
        default_factory=dict, max_length=20, description="Labels of the nodes that may run the model server."
    )
    tolerations: tuple[Toleration, ...] = Field(
        default=(), max_length=20, description="Taints that the model server tolerates."
    )
