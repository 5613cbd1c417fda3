"""The stage of a build that writes files for devices and proves them."""

from __future__ import annotations

import numpy as np

from model_builder.compression.ensemble import Ensemble
from model_builder.compression.fitted import UnsupportedEstimatorError, from_sklearn
from model_builder.errors import BuilderError
from model_builder.exports.api import export_all
from model_builder.exports.model import Source, unsupported
from model_builder.exports.network import Network, from_pipeline
from model_builder.model_report import ExportFacts
from model_builder.parity import Answers
from model_builder.progress import Progress
from model_builder.spec import BuildSpec
from model_builder.stages import Fitted, Prepared, Proven

MAX_ROWS = 10_000
"""Held-out rows that exports are proven on at most, besides the golden samples."""


def write_exports(
    spec: BuildSpec, prepared: Prepared, fitted: Fitted, proven: Proven, progress: Progress
) -> tuple[dict[str, bytes], tuple[ExportFacts, ...]]:
    """Write what ``spec.exports`` asks for beside ONNX.

    Returns
    -------
    tuple
        Files by path within the artifact, and what the report tells of each export.

    Raises
    ------
    BuilderError
        ``ExportUnsupported`` or ``ParityFailed``.
    """
    wanted = [name for name in spec.exports if name != "onnx"]
    if not wanted:
        return {}, ()
    with progress.step("exports", f"Writing and proving {', '.join(wanted)}") as step:
        source = Source(spec.name, fitted.signature, prepared.table.data.categories, _ensemble(fitted))
        golden = fitted.model.answer(proven.golden.rows)
        some = np.arange(min(MAX_ROWS, len(proven.held_out.labels)))
        rows = proven.golden.rows.and_then(prepared.held_out_data.take(some))
        expected = Answers(
            np.concatenate([golden.scores, proven.held_out.scores[some]]),
            np.concatenate([golden.labels, proven.held_out.labels[some]]),
        )
        files, facts = export_all(spec.exports, source, rows, expected)
        step.done(", ".join(f"{each.format} {each.bytes:,} bytes" for each in facts))
    return files, facts


def _ensemble(fitted: Fitted) -> Ensemble | Network:
    if fitted.small.ensemble is not None:
        return fitted.small.ensemble
    try:
        return from_sklearn(fitted.pipeline)
    except UnsupportedEstimatorError as error:
        network = None if fitted.small.lossy else from_pipeline(fitted.pipeline)
        if network is not None:
            return network
        raise _no_trees(fitted.origin or fitted.selected.name, error) from None


def _no_trees(estimator: str, error: UnsupportedEstimatorError) -> BuilderError:
    return unsupported(
        f"{estimator} cannot be exported: {error}",
        found=estimator,
        allowed="trees of any kind, compressed or not; logisticRegression and mlp as they are",
        remedy="train one of these, leave compression out for an mlp, or leave tflite and c out of exports",
    )
