"""The compression stage of a build: from a fitted pipeline to the ensemble that is served."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.pipeline import Pipeline

from model_builder.compression.api import compression_report
from model_builder.compression.encode import encode, form_for
from model_builder.compression.ensemble import Ensemble, Floats
from model_builder.compression.fitted import UnsupportedEstimatorError, from_sklearn
from model_builder.compression.passes import Chain
from model_builder.compression.prune import Criterion, by_gain, to_share
from model_builder.compression.prune_trees import by_mutual_information
from model_builder.compression.quantize import quantize_leaves, quantize_thresholds
from model_builder.compression.report import CompressionReport
from model_builder.compression.search import Budget, Search
from model_builder.compression.weights import Weights
from model_builder.compute.local import LOCAL
from model_builder.compute.ports import Compute
from model_builder.frontend import FrontEnd
from model_builder.progress import Progress
from model_builder.report import Reduction, Signature
from model_builder.spec import BuildSpec
from model_builder.spec.compression import Prune, Quantize

Matrix = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Small:
    """What became of the pipeline: another ensemble of trees, a network with other weights, or nothing but a note.

    ``layers`` are the weights of the network ``pipeline`` as the integers that its file holds.
    """

    ensemble: Ensemble | None
    reductions: tuple[Reduction, ...] = ()
    found: CompressionReport | None = None
    notes: tuple[str, ...] = ()
    pipeline: Pipeline | None = None
    layers: tuple[Weights, ...] = ()

    @property
    def lossy(self) -> bool:
        """Whether anything was given up: more was done than to write the same trees in another way."""
        return len(self.reductions) > 1

    def predict_proba(self, matrix: Matrix) -> Floats:
        """Answer as what is served does, in float64: the reference for the file. Columns are the classes."""
        if self.pipeline is not None:
            return np.asarray(self.pipeline.predict_proba(matrix), np.float64)
        if self.ensemble is None:
            raise ValueError("there is no ensemble")
        scores = self.ensemble.scores(matrix)
        return np.concatenate([1 - scores, scores], axis=1) if scores.shape[1] == 1 else scores

    def tests(self) -> list[tuple[int, np.float32]]:
        """List the column and threshold of every test of every tree; those of computed columns are left out."""
        return [] if self.ensemble is None else self.ensemble.tests()


def shrink(
    spec: BuildSpec,
    pipeline: Pipeline,
    matrix: Matrix,
    codes: Codes,
    groups: npt.NDArray[np.int64] | None,
    signature: Signature,
    front: FrontEnd,
    plain_bytes: int | None,
    progress: Progress,
    compute: Compute = LOCAL,
) -> Small:
    """Make the model small as the spec asks.

    Parameters
    ----------
    matrix, codes, groups
        The rows that the pipeline was fitted on.
    front
        First nodes of the file, so that the sizes of all steps are those of whole files.
    plain_bytes
        Size of the plain skl2onnx export, for the first line of the report; None where there is none.
    compute
        Where a search computes.
    """
    asked = spec.compression
    try:
        original = from_sklearn(pipeline)
    except UnsupportedEstimatorError as error:
        lossy = asked.budget is not None or asked.prune is not None or asked.quantize is not None
        return Small(None, notes=(f"nothing was compressed: {error}",) if lossy else ())
    form = form_for(spec.runtime.onnxruntime)

    def size(ensemble: Ensemble) -> int:
        return len(encode(ensemble, signature, form, front=front))

    chain = Chain(original, size, plain_bytes or size(original))
    chain.then("encode", original, f"our own encoder, {form.name}, no change of any answer")
    if asked.budget is not None:
        return _searched(spec, pipeline, matrix, codes, groups, signature, front, chain, progress, compute)
    if asked.prune is not None:
        _prune(chain, asked.prune, matrix, codes)
    if asked.quantize is not None:
        _quantize(chain, asked.quantize)
    return Small(chain.ensemble, tuple(chain.reductions))


def _prune(chain: Chain, asked: Prune, matrix: Matrix, codes: Codes) -> None:
    keep, ensemble = float(asked.keep), chain.ensemble
    if asked.by == "mutualInformation":
        count = max(1, round(keep * len(ensemble.trees)))
        chain.then("prune", by_mutual_information(ensemble, matrix, codes, count), f"{count} trees by {asked.by}")
        return
    pruned = to_share(ensemble, keep) if asked.by == "costComplexity" else by_gain(ensemble, Criterion(asked.by), keep)
    chain.then("prune", pruned, f"{asked.keep} of the splits by {asked.by}")


def _quantize(chain: Chain, asked: Quantize) -> None:
    ensemble, leaves = quantize_leaves(chain.ensemble, asked.bits)
    detail = f"leaves in {asked.bits} bits, scale {leaves.scale:.6g}, zero point {leaves.zero_point + 0.0:.6g}, "
    chain.then("quantize", ensemble, detail + f"largest error {leaves.largest_error:.3g}")
    if asked.what == "leavesAndThresholds":
        ensemble, found = quantize_thresholds(chain.ensemble, asked.bits)
        worst = max((each.largest_error / (each.scale * (2**each.bits - 1)) for each in found.values()), default=0.0)
        detail = f"thresholds in {asked.bits} bits, largest error {worst:.3g} of a feature's range"
        chain.then("quantize", ensemble, detail)


def _searched(
    spec: BuildSpec,
    pipeline: Pipeline,
    matrix: Matrix,
    codes: Codes,
    groups: npt.NDArray[np.int64] | None,
    signature: Signature,
    front: FrontEnd,
    chain: Chain,
    progress: Progress,
    compute: Compute,
) -> Small:
    asked = spec.compression.budget
    if asked is None:
        raise ValueError("there is no budget")
    form = form_for(spec.runtime.onnxruntime)
    with progress.step("compress", "Looking for the smallest model that is as good") as step:
        search = Search(
            pipeline,
            matrix,
            codes,
            signature,
            budget=Budget(asked.max_bytes, float(asked.max_loss), asked.evidence == "Strict"),
            interactions=spec.compression.interactions == "Auto",
            groups=groups,
            form=form,
            seed=spec.source.train.seed,
            limit_s=60.0 * asked.max_minutes,
            on_progress=lambda at: step.far(f"fold {at.done} of {at.total}, {at.candidates} candidates"),
            compute=compute,
        )
        found = search.run()
        if found.chosen.variant is not None:
            chain.then("search", search.ensemble(found.chosen), found.chosen.name)
        step.done(f"{chain.bytes:,} bytes: {found.chosen.name}", bytes=chain.bytes, folds=found.folds)
    model = encode(chain.ensemble, signature, form, front=front)
    told = compression_report(found, model, chain.reductions[0].bytes_before, tuple(chain.reductions))
    return Small(chain.ensemble, tuple(chain.reductions), told, (f"compression: {found.why}",))
