"""What will serve a model, as a user may ask for it."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from model_builder.spec.base import Spec, cel

OLDEST_MINOR = 19
"""Of ONNX Runtime 1: that of Triton 24.10, the oldest that a model is written for."""

RUNTIME_RULE = "onnxruntime must be 1.19 or later"


def _not_too_old(value: str) -> str:
    if int(value.split(".")[1]) < OLDEST_MINOR:
        raise ValueError(RUNTIME_RULE)
    return value


OnnxRuntimeVersion = Annotated[
    str,
    Field(
        max_length=32,
        pattern=r"^1[.][0-9]{1,3}([.][0-9]{1,3})?$",
        json_schema_extra={
            "x-kubernetes-validations": [
                cel(
                    f"!self.matches('^1[.][0-9]+') || int(self.split('.')[1]) >= {OLDEST_MINOR}",
                    RUNTIME_RULE,
                ),
            ]
        },
    ),
    AfterValidator(_not_too_old),
]


class Runtime(Spec):
    """The runtime that the model is written for."""

    onnxruntime: OnnxRuntimeVersion = Field(
        default="1.21", description="Oldest version of ONNX Runtime that must load the model."
    )
