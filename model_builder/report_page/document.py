"""What a page is made of: how a build ended and, where there is one, all that is known of its model."""

from __future__ import annotations

from dataclasses import dataclass

from model_builder.model_report import ModelReport


@dataclass(frozen=True)
class Problem:
    """Why a build gave no artifact."""

    reason: str
    message: str
    found: str = ""
    allowed: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Document:
    """One build.

    Attributes
    ----------
    name
        Of the model; empty where a build failed before it was known.
    digest
        Of the artifact; absent where there is none.
    inputs
        What decides the artifact's bytes, as ``build.json`` has it; of a build that failed, the spec where it was read.
    build_inputs_digest, data_sha256
        Which build and which data, so far as that was known.
    """

    name: str
    model: ModelReport | None = None
    problem: Problem | None = None
    digest: str | None = None
    inputs: dict[str, object] | None = None
    build_inputs_digest: str | None = None
    data_sha256: str | None = None
