"""The stage of a build that explains the model, where the spec asks for it."""

from __future__ import annotations

from model_builder.explanation.stage import Explained, explain
from model_builder.model_report import ExplanationFacts
from model_builder.progress import Progress
from model_builder.spec import BuildSpec
from model_builder.stages import Fitted, Prepared, Proven


def explain_fitted(
    spec: BuildSpec, prepared: Prepared, fitted: Fitted, proven: Proven, progress: Progress
) -> ExplanationFacts | None:
    """Explain what is in the model file, on the held-out rows; None where ``validation.explain`` says no."""
    if not spec.validation.explain.enabled:
        return None
    subject = Explained(
        fitted.model,
        fitted.small.ensemble,
        fitted.signature,
        prepared.held_out_data,
        prepared.held_out_codes,
        proven.held_out,
        prepared.table.rows[prepared.split.held_out],
    )
    return explain(subject, spec.source.train.seed, progress)
