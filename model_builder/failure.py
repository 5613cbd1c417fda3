"""Failures as reports. Light: the init container uses it too."""

from __future__ import annotations

import errno

from model_builder.errors import BuilderError, Reason
from model_builder.report import BuildReport, termination_message
from model_builder.settings import Settings


def failed(error: BuilderError, build_inputs_digest: str | None = None, data_sha256: str | None = None) -> BuildReport:
    """Report a failure."""
    return BuildReport(
        outcome="Failed",
        reason=error.reason.value,
        message=error.message,
        found=error.found,
        allowed=error.allowed,
        remedy=error.remedy,
        build_inputs_digest=build_inputs_digest,
        data_sha256=data_sha256,
    )


def as_builder_error(error: Exception) -> BuilderError:
    """Give every failure a reason: those of the machine are worth a retry."""
    if isinstance(error, BuilderError):
        return error
    if isinstance(error, MemoryError):
        return BuilderError(
            Reason.OUT_OF_MEMORY,
            "the build ran out of memory",
            found=str(error) or "MemoryError",
            allowed="data that fits into the build's memory limit",
            remedy="raise the build's memory limit, or leave out rows",
            retry=True,
        )
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return BuilderError(
            Reason.DISK_FULL,
            "the build ran out of scratch space",
            found=str(error),
            allowed="data that fits into the build's scratch volume",
            remedy="raise the build's ephemeral-storage limit, or lower maxBytes",
            retry=True,
        )
    return BuilderError(
        Reason.INTERNAL_ERROR,
        f"the build failed unexpectedly: {type(error).__name__}: {error}",
        found=type(error).__name__,
        allowed="no such failure",
        remedy="see the log of the build, and report this as a defect",
        retry=True,
    )


def tell(settings: Settings, report: BuildReport) -> None:
    """Write the termination message."""
    if settings.termination_log is not None:
        settings.termination_log.write_text(termination_message(report), encoding="utf-8")
