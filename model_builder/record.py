"""The record of a build in the store and on the standard output: its report, and the model where one was judged."""

from __future__ import annotations

from pydantic import Field

from model_builder.errors import BuilderError
from model_builder.model_report import ModelReport
from model_builder.report import BuildReport


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
    model: ModelReport | None = Field(
        default=None, description="The model that was judged and refused; an accepted one is in its artifact."
    )


def record(report: BuildReport, name: str = "", error: BuilderError | None = None) -> BuildRecord:
    """Make the record of a build.

    Parameters
    ----------
    error
        What stopped it.
    """
    model = error.model if isinstance(error, RejectedModelError) else None
    return BuildRecord(**dict(report), name=name, model=model)
