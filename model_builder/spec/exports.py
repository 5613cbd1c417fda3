"""The files that a build writes beside the one that is served."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field

ExportName = Literal["onnx", "tflite", "c"]


def _in_order(names: tuple[ExportName, ...]) -> tuple[ExportName, ...]:
    if len(set(names)) < len(names):
        raise ValueError("exports names one more than once")
    # The ONNX file is what serves: it is always there. One order, so that the same wishes are the same build.
    return tuple(name for name in get_args(ExportName) if name == "onnx" or name in names)


Exports = Annotated[
    tuple[ExportName, ...],
    Field(
        max_length=len(get_args(ExportName)),
        description=(
            "Files for devices without a server, written into the artifact under exports/: tflite for LiteRT, c for "
            "plain C99. onnx is always there, since it is what serves."
        ),
        json_schema_extra={"x-kubernetes-list-type": "set"},
    ),
    AfterValidator(_in_order),
]
