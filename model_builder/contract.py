"""Names and rules of the prediction contract that every exporter keeps."""

from __future__ import annotations

from model_builder.report import Signature, canonical_json

SCORE, FAULT = "score", "fault"
PROBABILITIES, LABEL = "probabilities", "label"
CONTRIBUTIONS = "contributions"
"""What each column adds to the score of a row; there only where it was asked for."""

TIE = 5e-6
"""A score this close below the threshold counts as on it.

Scores of exactly 0.5 are common, and runtimes add up in different orders: without a margin for the last bits such a
row would be a fault in one release of ONNX Runtime and none in another.
"""


def decision(signature: Signature) -> float:
    """Give the score from which on a row is called a fault: the threshold less the margin for ties."""
    if signature.threshold is None:
        raise ValueError("several classes have no threshold")
    return signature.threshold - TIE


def metadata(signature: Signature) -> dict[str, str]:
    """Write what a client must know into the model's own metadata."""
    shape = signature.model_dump(mode="json", by_alias=True, exclude={"truncated"})
    return {"andon.signature": canonical_json(shape).decode()}
