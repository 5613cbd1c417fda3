"""Weights of a neural network as 8-bit integers, and what ONNX Runtime's own dynamic quantisation would do instead.

The integers are what the file holds; two nodes of the graph turn them into floats where the runtime multiplies, so that
the answer to a row depends on that row alone. Dynamic quantisation (``onnxruntime.quantization``) also rounds
the numbers between the layers, by the range that they have in one request: with it the same row gets another score in
other company, and a server puts requests together. It is measured here, and never served.
"""

from __future__ import annotations

import copy
import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline

from model_builder.frontend import INPUT
from model_builder.runtime import open_session

Matrix = npt.NDArray[np.float32]

LEVELS = 127
COMPANY_ROWS = 256


@dataclass(frozen=True, eq=False)
class Weights:
    """One layer: integers of shape (inputs, outputs), and the scale of each output's column, so that w = q · scale."""

    integers: npt.NDArray[np.int8]
    scales: npt.NDArray[np.float32]

    @property
    def floats(self) -> Matrix:
        """The weights that the integers stand for, as the runtime computes them."""
        return np.asarray(self.integers.astype(np.float32) * self.scales)

    @classmethod
    def of(cls, weights: npt.NDArray[np.floating]) -> Weights:
        """Round a layer's weights, each output's column by its own largest one."""
        largest = np.abs(weights).max(axis=0)
        scales = (np.where(largest > 0, largest, 1.0) / LEVELS).astype(np.float32)
        return cls(np.rint(weights / scales).clip(-LEVELS, LEVELS).astype(np.int8), scales)


@dataclass(frozen=True, eq=False)
class Quantized:
    """A pipeline that computes with the rounded weights, the layers in integers, and the largest error of a weight."""

    pipeline: Pipeline
    layers: tuple[Weights, ...]
    largest_error: float


@dataclass(frozen=True)
class DynamicEffect:
    """What dynamic quantisation would do: size of the file, and changes of scores on rows that were fitted on.

    ``by_company`` is the largest change of a row's score when it is asked alone instead of among others.
    """

    bytes: int
    largest_change: float
    by_company: float


def network(pipeline: Pipeline) -> MLPClassifier | None:
    """Give the neural network at a pipeline's end; None for any other estimator."""
    last = pipeline.steps[-1][1]
    return last if isinstance(last, MLPClassifier) else None


def quantize_weights(pipeline: Pipeline) -> Quantized:
    """Round the weights of the neural network at a pipeline's end to 8 bits."""
    rounded = copy.deepcopy(pipeline)
    estimator = network(rounded)
    if estimator is None:
        raise ValueError("there is no neural network in this pipeline")
    layers = tuple(Weights.of(weights) for weights in estimator.coefs_)
    errors = [np.abs(layer.floats - weights).max() for layer, weights in zip(layers, estimator.coefs_, strict=True)]
    estimator.coefs_ = [layer.floats.astype(np.float64) for layer in layers]
    return Quantized(rounded, layers, float(max(errors)))


def with_integers(model: onnx.ModelProto, layers: tuple[Weights, ...]) -> onnx.ModelProto:
    """Store the layers' weights as integers.

    Parameters
    ----------
    model
        A file written of the rounded pipeline: each layer's floats stand in it exactly.
    """
    found = onnx.ModelProto()
    found.CopyFrom(model)
    graph, nodes, stored = found.graph, [], []
    for index, layer in enumerate(layers):
        place, name = _find(graph, layer.floats), f"weights_{index}"
        original = graph.initializer[place].name
        del graph.initializer[place]
        stored += [
            numpy_helper.from_array(layer.integers, name),
            numpy_helper.from_array(layer.scales, f"{name}_scale"),
        ]
        # Not DequantizeLinear: of it and a multiplication of matrices ONNX Runtime makes one node, MatMulNBits, that
        # rounds the rows as well. These two it computes once, when it loads the file.
        nodes += [
            helper.make_node("Cast", [name], [f"{name}_float"], name=f"Float_{index}", to=onnx.TensorProto.FLOAT),
            helper.make_node("Mul", [f"{name}_float", f"{name}_scale"], [original], name=f"Weights_{index}"),
        ]
    graph.initializer.extend(stored)
    every = [*nodes, *graph.node]
    del graph.node[:]
    graph.node.extend(every)
    return found


def _find(graph: onnx.GraphProto, weights: Matrix) -> int:
    for index, tensor in enumerate(graph.initializer):
        if tensor.data_type == onnx.TensorProto.FLOAT and np.array_equal(numpy_helper.to_array(tensor), weights):
            return index
    raise ValueError("the file does not hold the rounded weights")


def dynamic_effect(model: bytes, rows: Matrix) -> DynamicEffect:
    """Measure what ONNX Runtime's dynamic quantisation to 8 bits does to a file.

    Parameters
    ----------
    model
        A file without categories, or of the estimator alone: its one input is ``numeric``.
    rows
        Rows to ask it, shape (rows, features).
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    # It warns of a preparation for images that these graphs do not need.
    logging.getLogger().addFilter(_no_advice)
    try:
        with tempfile.TemporaryDirectory(prefix="andon-") as folder:
            place = Path(folder) / "dynamic.onnx"
            quantize_dynamic(onnx.load_model_from_string(model), place, weight_type=QuantType.QInt8)
            dynamic = place.read_bytes()
    finally:
        logging.getLogger().removeFilter(_no_advice)
    before, after = open_session(model), open_session(dynamic)
    together = after.run(None, {INPUT: rows})[0]
    some = rows[:COMPANY_ROWS]
    alone = np.concatenate([after.run(None, {INPUT: row[None]})[0] for row in some])
    return DynamicEffect(
        bytes=len(dynamic),
        largest_change=float(np.abs(together - before.run(None, {INPUT: rows})[0]).max()),
        by_company=float(np.abs(alone - together[: len(some)]).max()),
    )


def _no_advice(record: logging.LogRecord) -> bool:
    return "pre-processing before quantization" not in record.getMessage()
