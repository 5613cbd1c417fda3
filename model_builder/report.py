"""What a build tells the operator, and how it fits into a termination message.

Imports nothing but pydantic and the standard library.
"""

from __future__ import annotations

import hashlib
import json
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

TERMINATION_MESSAGE_BYTES = 4096
"""Kubernetes cuts a container's termination message after this many bytes."""


class Report(BaseModel):
    """Base of all report types: frozen, camelCase in JSON; newer fields are ignored so that old readers can read."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)


class Signature(Report):
    """The order and meaning of a model's inputs and outputs.

    ``digest`` identifies the signature even where ``truncated`` says that the lists were left out.
    """

    digest: str
    numeric: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    threshold: float | None = None
    truncated: bool = False

    @classmethod
    def of(
        cls,
        numeric: tuple[str, ...],
        classes: tuple[str, ...],
        threshold: float | None,
        categorical: tuple[str, ...] = (),
    ) -> Signature:
        """Make a signature and its digest.

        Parameters
        ----------
        numeric
            Names of the columns of input ``numeric``, in order.
        classes
            The classes in the order of the model's outputs; of two, the second one is the positive class.
        threshold
            ``fault`` is true where ``score`` is at least this; absent for a multi-class model.
        categorical
            Names of the columns of input ``categorical``, in order.
        """
        shape = {"numeric": numeric, "categorical": categorical, "classes": classes}
        digest = hashlib.sha256(canonical_json(shape)).hexdigest()
        return cls(
            digest=f"sha256:{digest}", numeric=numeric, categorical=categorical, classes=classes, threshold=threshold
        )


class LowerBounds(Report):
    """Lower bounds of the scores' 95% intervals; one is absent where there is too little to tell."""

    accuracy: float | None = None
    precision: float | None = None
    recall: float | None = None
    f1: float | None = None
    macro_f1: float | None = None
    best_f1: float | None = None
    average_precision: float | None = None


class Metrics(Report):
    """Scores on the held-out rows.

    For two classes ``precision``, ``recall`` and ``f1`` are those of the positive class; for several they are
    unweighted means over the classes, and ``best_f1``, ``average_precision`` and ``brier`` are absent. The
    bounds are told to the operator, which compares versions by them.
    """

    accuracy: float
    precision: float
    recall: float
    f1: float
    macro_f1: float
    average_precision: float | None = None
    brier: float | None = None
    best_f1: float | None = None
    lower95: LowerBounds | None = None


class Runtime(Report):
    """What the model file asks of the runtime, and the runtime it was checked with."""

    onnxruntime: str
    opset: int
    ml_opset: int
    ir_version: int


class Reduction(Report):
    """What one step of compression did to the model file."""

    step: str
    detail: str = ""
    bytes_before: int
    bytes_after: int
    splits_before: int
    splits_after: int


class Usage(Report):
    """What a build took of the machine. It differs from run to run, so it is never part of an artifact."""

    seconds: float
    peak_memory_bytes: int


class BuildReport(Report):
    """Outcome of one build. A failed one says why, what was found, what is allowed and how to mend it."""

    format: Literal[1] = 1
    outcome: Literal["Succeeded", "Failed"]
    reason: str
    message: str
    found: str = ""
    allowed: str = ""
    remedy: str = ""
    digest: str | None = None
    uri: str | None = None
    bytes: int | None = Field(default=None, description="Size of model.onnx.")
    artifact_bytes: int | None = Field(default=None, description="Size of all files of the artifact.")
    plain_bytes: int | None = Field(default=None, description="Size of the plain skl2onnx export.")
    data_sha256: str | None = None
    build_inputs_digest: str | None = None
    rows: int | None = None
    positives: int | None = None
    signature: Signature | None = None
    metrics: Metrics | None = None
    confusion_matrix: tuple[tuple[int, ...], ...] | None = Field(
        default=None, description="Held-out rows; row: actual class, column: predicted class, in the signature's order."
    )
    runtime: Runtime | None = None
    reductions: tuple[Reduction, ...] = Field(default=(), description="Steps of compression, with bytes and splits.")
    notes: tuple[str, ...] = Field(default=(), description="What the builder decided by itself, for people.")
    usage: Usage | None = Field(default=None, description="Time and memory of the build.")

    def to_json(self) -> str:
        """Write the report as JSON, absent fields left out."""
        return canonical_json(self.model_dump(mode="json", by_alias=True, exclude_none=True)).decode()


class PreflightReport(Report):
    """How a server answered the golden samples of its artifact.

    Slow: as recorded, but over the limit of latency. Failed: it could not be asked, so nobody knows.
    """

    format: Literal[1] = 1
    outcome: Literal["Passed", "Differ", "Slow", "Failed"]
    message: str
    samples: int | None = None

    def to_json(self) -> str:
        """Write the report as JSON, absent fields left out; it always fits into a termination message."""
        short = self.model_copy(update={"message": _shorten(self.message, 1024)})
        return canonical_json(short.model_dump(mode="json", by_alias=True, exclude_none=True)).decode()


def canonical_json(value: object) -> bytes:
    """Write a value as JSON with sorted keys and no blanks: the same value always gives the same bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode()


def termination_message(report: BuildReport, limit: int = TERMINATION_MESSAGE_BYTES) -> str:
    """Write a report as JSON of at most ``limit`` bytes.

    Notes, reductions and usage go first, then the lists of names (``signature.truncated`` then says so), then the
    confusion matrix of many classes; texts are shortened last. The full report is in the store.
    """
    for shorter in (_whole, _without_notes, _without_names, _without_matrix):
        report = shorter(report)
        message = report.to_json()
        if len(message) <= limit:
            return message
    return _with_short_texts(report, limit)


def _whole(report: BuildReport) -> BuildReport:
    return report


def _without_notes(report: BuildReport) -> BuildReport:
    return report.model_copy(update={"notes": (), "reductions": (), "usage": None})


def _without_names(report: BuildReport) -> BuildReport:
    if report.signature is None:
        return report
    bare = Signature(digest=report.signature.digest, threshold=report.signature.threshold, truncated=True)
    return report.model_copy(update={"signature": bare})


def _without_matrix(report: BuildReport) -> BuildReport:
    return report.model_copy(update={"confusion_matrix": None})


def _with_short_texts(report: BuildReport, limit: int) -> str:
    # Halving ends: at one character a text the rest of the report is far below any sensible limit.
    longest = 1024
    while True:
        texts = {
            field: _shorten(getattr(report, field), longest)
            for field in ("message", "found", "allowed", "remedy", "uri", "reason")
        }
        message = report.model_copy(update=texts).to_json()
        if len(message) <= limit or longest == 1:
            return message
        longest //= 2


def _shorten(text: str | None, longest: int) -> str | None:
    if text is None or len(text) <= longest:
        return text
    return text[: longest - 1] + "…"
