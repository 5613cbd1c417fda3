"""The compression stage for neural networks: weights in 8 bits, where that is asked for or costs nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.pipeline import Pipeline

from model_builder.categories import Category
from model_builder.compression.judge import Scores, Verdict, judge, score
from model_builder.compression.search import FEWEST_OF_A_CLASS
from model_builder.compression.weights import DynamicEffect, Quantized, dynamic_effect, quantize_weights
from model_builder.crossval import MAX_ROWS, make_folds
from model_builder.estimators import fit
from model_builder.export import export
from model_builder.progress import Progress
from model_builder.report import Reduction, Signature
from model_builder.shrinking import Small
from model_builder.spec import BuildSpec
from model_builder.splitting import Order

Matrix = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int64]

BITS = 8
FOLDS, REPEATS = 5, 2
DYNAMIC_ROWS = 2000


@dataclass(frozen=True, eq=False)
class Network:
    """A fitted network and the rows that it was fitted on, ``matrix`` being what it sees of them."""

    pipeline: Pipeline
    matrix: Matrix
    codes: Codes
    order: Order
    columns: int


def shrink_network(
    spec: BuildSpec,
    network: Network,
    signature: Signature,
    categories: tuple[Category, ...],
    plain_bytes: int | None,
    progress: Progress,
) -> Small:
    """Store the weights in 8 bits where the spec asks for it, or where a budget's folds show that it costs nothing.

    What ONNX Runtime's dynamic quantisation would do is measured beside it and told in a note.
    """
    asked = spec.compression
    notes = ["nothing was pruned: a neural network has no trees"] if asked.prune is not None else []
    if asked.quantize is not None and asked.quantize.bits != BITS:
        notes.append(f"nothing was quantized: the weights of a neural network take {BITS} bits or stay floats")
    eight_bits = asked.quantize is not None and asked.quantize.bits == BITS
    if not eight_bits and asked.budget is None:
        return Small(None, notes=tuple(notes))
    with progress.step("compress", "Measuring the network's weights in 8 bits") as step:
        quantized = quantize_weights(network.pipeline)
        before = len(export(network.pipeline, signature, categories).model)
        after = len(export(quantized.pipeline, signature, categories, layers=quantized.layers).model)
        kept, why = (True, "") if asked.budget is None else _judged(spec, network, before, after)
        effect = _dynamic(network, signature)
        step.done(f"{after:,} bytes instead of {before:,}: {'kept' if kept else 'not kept'}", bytes=after)
    notes += [why] if why else []
    notes.append(_said(effect, len(export(network.pipeline, _plain(network, signature)).model)))
    if not kept:
        return Small(None, notes=tuple(notes))
    return Small(
        None,
        _reductions(plain_bytes or before, before, after, quantized),
        notes=tuple(notes),
        pipeline=quantized.pipeline,
        layers=quantized.layers,
    )


def _judged(spec: BuildSpec, network: Network, before: int, after: int) -> tuple[bool, str]:
    """Compare both kinds of weights fold by fold, by the rule that smaller trees are compared by."""
    budget = spec.compression.budget
    if budget is None:
        raise ValueError("there is no budget")
    if after >= before:
        return (
            False,
            f"compression: in 8 bits the file would be no smaller ({after:,} bytes): weights stay floats",
        )
    rarest = int(np.bincount(network.codes).min())
    if rarest < FEWEST_OF_A_CLASS:
        return False, f"compression: the rarest class has {rarest} rows, too few to tell a loss: weights stay floats"
    verdict = _verdict(spec, network, float(budget.max_loss))
    lost = f"the measure that lost most changed by {100 * verdict.lowest:+.2f} points less one standard error"
    if verdict.equal:
        return True, f"compression: weights in 8 bits are surely as good: {lost}"
    return False, f"compression: weights in 8 bits are not surely as good, so they stay floats: {lost}"


def _verdict(spec: BuildSpec, network: Network, max_loss: float) -> Verdict:
    train, rows = spec.source.train, np.arange(len(network.codes))
    if len(rows) > MAX_ROWS:
        rows = np.sort(np.random.RandomState(train.seed).permutation(len(rows))[:MAX_ROWS])
    matrix, codes, order = network.matrix[rows], network.codes[rows], network.order.take(rows)
    folded = make_folds(codes, order, FOLDS, REPEATS, train.seed)
    floats: list[Scores] = []
    integers: list[Scores] = []
    for fitted, judged in folded.cuts:
        pipeline = fit("mlp", train.params, matrix[fitted], codes[fitted], train.seed, network.columns)
        for scores, one in ((floats, pipeline), (integers, quantize_weights(pipeline).pipeline)):
            probabilities = one.predict_proba(matrix[judged])
            scores.append(score(codes[judged], probabilities[:, 1:] if probabilities.shape[1] == 2 else probabilities))
    return judge(integers, floats, max_loss, folded.overlap)


def _dynamic(network: Network, signature: Signature) -> DynamicEffect:
    # The estimator alone: what texts become before it is no multiplication, and is not quantized.
    model = export(network.pipeline, _plain(network, signature)).model
    return dynamic_effect(model, network.matrix[:DYNAMIC_ROWS])


def _plain(network: Network, signature: Signature) -> Signature:
    names = tuple(f"x{index}" for index in range(network.matrix.shape[1]))
    return Signature.of(names, signature.classes, signature.threshold)


def _said(effect: DynamicEffect, floats: int) -> str:
    return (
        f"dynamic int8 quantisation by ONNX Runtime was measured and is not served: {effect.bytes:,} bytes instead of "
        f"{floats:,}, scores change by up to {effect.largest_change:.3g}, and that of one row by up to "
        f"{effect.by_company:.3g} with the rows that it is asked with"
    )


def _reductions(plain: int, before: int, after: int, quantized: Quantized) -> tuple[Reduction, ...]:
    detail = f"weights in {BITS} bits, a scale for each neuron, largest error {quantized.largest_error:.3g}"
    sizes = (("export", "skl2onnx, with the contract's outputs", plain, before), ("quantize", detail, before, after))
    return tuple(
        Reduction(step=step, detail=what, bytes_before=first, bytes_after=then, splits_before=0, splits_after=0)
        for step, what, first, then in sizes
    )
