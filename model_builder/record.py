"""The record of a build in the store and on the standard output: its report, and the model where one was judged."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from model_builder.errors import BuilderError
from model_builder.model_report import ModelReport
from model_builder.report import BuildReport
from model_builder.spec import BuildSpec, canonical


class RejectedModelError(BuilderError):
    """A model that was finished and judged, and must not be served. ``model`` is all that is known of it."""

    def __init__(self, refusal: BuilderError, model: ModelReport) -> None:
        super().__init__(
            refusal.reason,
            refusal.message,
            found=refusal.found,
            allowed=refusal.allowed,
            remedy=refusal.remedy,
        )
        self.model = model


class BuildRecord(BuildReport):
    """A build's report with what was too long for a termination message."""

    name: str = Field(default="", description="Name of the model.")
    spec: dict[str, Any] | None = Field(
        default=None, description="The settings that decide a build's bytes, as build.json of an artifact has them."
    )
    model: ModelReport | None = Field(
        default=None, description="The model that was judged and refused; an accepted one is in its artifact."
    )


def record(report: BuildReport, spec: BuildSpec | None = None, error: BuilderError | None = None) -> BuildRecord:
    """Make the record of a build.

    Parameters
    ----------
    spec
        What was asked for, so far as it could be read.
    error
        What stopped it.
    """
    model = error.model if isinstance(error, RejectedModelError) else None
    if spec is None:
        return BuildRecord(**dict(report), model=model)
    return BuildRecord(**dict(report), name=spec.name, spec=canonical(spec), model=model)
