"""Writes trees as a TensorFlow Lite file of builtin operators.

All trees of all rows go down one level at a time: an array of shape (rows, trees) holds the node that each one is at,
and gathering from the nodes' tables gives the next one. A leaf leads to itself. This is the tree traversal of
Hummingbird (Nakandala et al., OSDI 2020), whose other two strategies, products of matrices and perfect trees, take
memory that grows with the square of the splits or with two to the power of the depth. One level is the body of a WHILE
loop, so that it stands in the file once and not once a level.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model_builder.compression.ensemble import Combine, Ensemble, Link
from model_builder.contract import FAULT, LABEL, PROBABILITIES, SCORE, decision
from model_builder.exports.flatfile import ROWS, File, Graph, Operator
from model_builder.exports.model import Source, Written
from model_builder.exports.network import Network
from model_builder.exports.nodes import Nodes, nodes
from model_builder.frontend import CATEGORICAL, INPUT
from model_builder.publication import json_bytes

ADD = Operator("ADD", options="AddOptions")
ARG_MAX = Operator("ARG_MAX", options="ArgMaxOptions")
CAST = Operator("CAST", options="CastOptions")
CONCATENATION = Operator("CONCATENATION", options="ConcatenationOptions")
EQUAL = Operator("EQUAL", options="EqualOptions")
FULLY_CONNECTED = Operator("FULLY_CONNECTED", options="FullyConnectedOptions")
GATHER = Operator("GATHER", 5, options="GatherOptions")
GREATER_EQUAL = Operator("GREATER_EQUAL", options="GreaterEqualOptions")
LESS = Operator("LESS", options="LessOptions")
LESS_EQUAL = Operator("LESS_EQUAL", options="LessEqualOptions")
LOGISTIC = Operator("LOGISTIC")
MUL = Operator("MUL", options="MulOptions")
RESHAPE = Operator("RESHAPE", options="ReshapeOptions")
SELECT = Operator("SELECT_V2", options="SelectV2Options")
SOFTMAX = Operator("SOFTMAX", options="SoftmaxOptions")
SUB = Operator("SUB", options="SubOptions")
TANH = Operator("TANH")
SUM = Operator("SUM", options="ReducerOptions")
WHILE = Operator("WHILE", options="WhileOptions")


def write_tflite(source: Source) -> Written:
    """Write ``NAME.tflite``, and ``NAME.json`` with the order of columns, categories and classes.

    Returns
    -------
    Written
        The same model gives the same bytes.
    """
    if isinstance(source.ensemble, Network):
        return _network(source, source.ensemble)
    laid_out = nodes(source.ensemble)
    file = File(f"{source.name} {source.signature.digest}")
    graph = file.graph()
    matrix, inputs = _matrix(graph, source, laid_out)
    raw = _trees(file, graph, matrix, laid_out)
    outputs = _ends(graph, raw, source)
    graph.outputs = list(outputs.values())
    detail = (
        f"{laid_out.splits:,} splits and {len(laid_out.feature) - laid_out.splits:,} distinct leaves, "
        f"a loop of {laid_out.depth} levels, columns in {laid_out.feature.itemsize * 8} and places in "
        f"{laid_out.left.itemsize * 8} bits"
    )
    content = file.write(inputs, outputs)
    return Written({f"{source.name}.tflite": content, f"{source.name}.json": _described(source)}, detail, len(content))


def _network(source: Source, network: Network) -> Written:
    file = File(f"{source.name} {source.signature.digest}")
    graph = file.graph()
    inputs, parts = _inputs(graph, source)
    matrix = _joined(graph, parts)
    shape = (ROWS, matrix.width)
    known = graph.make(EQUAL, [matrix.tensor, matrix.tensor], np.bool_, shape)
    value = graph.make(SELECT, [known, matrix.tensor, graph.constant(network.fill[None, :])], np.float32, shape)
    value = graph.make(SUB, [value, graph.constant(network.shift[None, :])], np.float32, shape)
    value = graph.make(MUL, [value, graph.constant(network.scale[None, :])], np.float32, shape)
    for index, layer in enumerate(network.layers):
        width = (ROWS, len(layer.bias))
        given = [value, graph.constant(np.ascontiguousarray(layer.weights.T)), graph.constant(layer.bias)]
        inner = index < len(network.layers) - 1
        fused = {"fusedActivationFunction": _RELU} if inner and network.activation == "relu" else {}
        value = graph.make(FULLY_CONNECTED, given, np.float32, width, **fused)
        if inner and network.activation in _ACTIVATIONS:
            value = graph.make(_ACTIVATIONS[network.activation], [value], np.float32, width)
    outputs = _ends(graph, value, source)
    graph.outputs = list(outputs.values())
    content = file.write(inputs, outputs)
    sizes = " to ".join(str(size) for size in (network.features, *(len(layer.bias) for layer in network.layers)))
    files = {f"{source.name}.tflite": content, f"{source.name}.json": _described(source)}
    return Written(files, f"layers of {sizes}, float32", len(content))


_RELU = 1
"""Of the schema's ``ActivationFunctionType``."""

_ACTIVATIONS = {"tanh": TANH, "logistic": LOGISTIC}


def _described(source: Source) -> bytes:
    told = {
        "signature": source.signature.model_dump(mode="json", by_alias=True, exclude={"truncated"}),
        "categories": [{"name": each.name, "values": list(each.values)} for each in source.categories],
    }
    return json_bytes(told)


@dataclass(frozen=True)
class _Matrix:
    """A tensor of shape (rows, width)."""

    tensor: int
    width: int


def _matrix(graph: Graph, source: Source, laid_out: Nodes) -> tuple[_Matrix, dict[str, int]]:
    """Write what the trees look at: numbers, categories spread out, pairs, and all of it with missing values low."""
    inputs, parts = _inputs(graph, source)
    plain = _joined(graph, parts)
    with_pairs = _joined(graph, [plain, *_pairs(graph, plain, laid_out.source)])
    if not laid_out.any_missing_left:
        return with_pairs, inputs
    return _joined(graph, [with_pairs, _missing_low(graph, with_pairs)]), inputs


def _inputs(graph: Graph, source: Source) -> tuple[dict[str, int], list[_Matrix]]:
    numbers = len(source.signature.numeric)
    inputs = {INPUT: graph.given(np.float32, (ROWS, numbers), INPUT)}
    parts = [_Matrix(inputs[INPUT], numbers)] if numbers else []
    if source.categories:
        inputs[CATEGORICAL] = graph.given(np.int32, (ROWS, len(source.categories)), CATEGORICAL)
        parts.append(_spread(graph, inputs[CATEGORICAL], source))
    return inputs, parts


def _joined(graph: Graph, parts: list[_Matrix]) -> _Matrix:
    if len(parts) == 1:
        return parts[0]
    width = sum(part.width for part in parts)
    tensors = [part.tensor for part in parts]
    return _Matrix(graph.make(CONCATENATION, tensors, np.float32, (ROWS, width), axis=1), width)


def _spread(graph: Graph, codes: int, source: Source) -> _Matrix:
    sizes = [len(each.values) for each in source.categories]
    width = sum(sizes)
    column = graph.constant(np.repeat(np.arange(len(sizes), dtype=np.int32), sizes))
    value = graph.constant(np.concatenate([np.arange(size, dtype=np.int32) for size in sizes])[None, :])
    spread = graph.make(GATHER, [codes, column], np.int32, (ROWS, width), axis=1)
    known = graph.make(EQUAL, [spread, value], np.bool_, (ROWS, width))
    return _Matrix(graph.make(CAST, [known], np.float32, (ROWS, width)), width)


def _pairs(graph: Graph, plain: _Matrix, ensemble: Ensemble) -> list[_Matrix]:
    parts = []
    for combine, operator in ((Combine.DIFFERENCE, SUB), (Combine.PRODUCT, MUL)):
        pairs = [pair for pair in ensemble.pairs if pair.combine is combine]
        if not pairs:
            continue
        shape = (ROWS, len(pairs))
        sides = [
            graph.make(GATHER, [plain.tensor, graph.constant(np.array(side, np.int32))], np.float32, shape, axis=1)
            for side in ([pair.left for pair in pairs], [pair.right for pair in pairs])
        ]
        parts.append(_Matrix(graph.make(operator, sides, np.float32, shape), len(pairs)))
    return parts


def _missing_low(graph: Graph, matrix: _Matrix) -> _Matrix:
    """Put minus infinity where a value is missing: such a value goes left at every threshold."""
    shape = (ROWS, matrix.width)
    known = graph.make(EQUAL, [matrix.tensor, matrix.tensor], np.bool_, shape)
    low = graph.constant(np.array([[-np.inf]], np.float32))
    return _Matrix(graph.make(SELECT, [known, matrix.tensor, low], np.float32, shape), matrix.width)


def _trees(file: File, graph: Graph, matrix: _Matrix, laid_out: Nodes) -> int:
    """Write the loop and the sum; gives a tensor of shape (rows, outputs)."""
    trees = len(laid_out.roots)
    first = graph.constant(np.array([0], np.int32))
    some = graph.make(GATHER, [matrix.tensor, first], np.float32, (ROWS, 1), axis=1)
    # A caller alone knows how many rows there are, so the roots are repeated by a choice between them and themselves.
    every = graph.make(EQUAL, [some, some], np.bool_, (ROWS, 1))
    roots = graph.constant(laid_out.roots[None, :])
    start = graph.make(SELECT, [every, roots, roots], np.int32, (ROWS, trees))
    zero = graph.constant(np.array([0], np.int32))
    step = graph.tensor(np.int32, (1,))
    place = graph.tensor(np.int32, (ROWS, trees))
    same = graph.tensor(np.float32, (ROWS, matrix.width))
    condition = _condition(file, matrix, laid_out)
    body = _level(file, matrix, laid_out)
    options = {"condSubgraphIndex": condition.index, "bodySubgraphIndex": body.index}
    graph.apply(WHILE, [zero, start, matrix.tensor], [step, place, same], **options)
    return _sum(graph, place, laid_out)


def _state(graph: Graph, matrix: _Matrix, laid_out: Nodes) -> tuple[int, int, int]:
    return (
        graph.given(np.int32, (1,)),
        graph.given(np.int32, (ROWS, len(laid_out.roots))),
        graph.given(np.float32, (ROWS, matrix.width)),
    )


def _condition(file: File, matrix: _Matrix, laid_out: Nodes) -> Graph:
    graph = file.graph()
    step, _, _ = _state(graph, matrix, laid_out)
    levels = graph.constant(np.array([laid_out.depth], np.int32))
    graph.outputs = [graph.make(LESS, [step, levels], np.bool_, (1,))]
    return graph


def _level(file: File, matrix: _Matrix, laid_out: Nodes) -> Graph:
    graph = file.graph()
    step, place, values = _state(graph, matrix, laid_out)
    shape = (ROWS, len(laid_out.roots))

    def look_up(table: npt.NDArray[np.generic]) -> int:
        return graph.make(GATHER, [graph.constant(table), place], table.dtype.type, shape, axis=0)

    feature = look_up(laid_out.feature)
    if laid_out.feature.dtype != np.int32:
        feature = graph.make(CAST, [feature], np.int32, shape)
    value = graph.make(GATHER, [values, feature], np.float32, shape, axis=1, batchDims=1)
    left = graph.make(LESS_EQUAL, [value, look_up(laid_out.threshold)], np.bool_, shape)
    kind = laid_out.left.dtype.type
    then = graph.make(SELECT, [left, look_up(laid_out.left), look_up(laid_out.right)], kind, shape)
    if kind is not np.int32:
        then = graph.make(CAST, [then], np.int32, shape)
    one = graph.constant(np.array([1], np.int32))
    graph.outputs = [graph.make(ADD, [step, one], np.int32, (1,)), then, values]
    return graph


def _sum(graph: Graph, place: int, laid_out: Nodes) -> int:
    trees, outputs = len(laid_out.roots), laid_out.source.outputs
    if laid_out.leaves is not None:
        shape: tuple[int, ...] = (ROWS, trees, outputs)
        offset = graph.constant(np.array([[laid_out.splits]], np.int32))
        leaf = graph.make(SUB, [place, offset], np.int32, (ROWS, trees))
        added, axis = graph.make(GATHER, [graph.constant(laid_out.leaves), leaf], np.float32, shape, axis=0), 1
    else:
        added = graph.make(GATHER, [graph.constant(laid_out.threshold), place], np.float32, (ROWS, trees), axis=0)
        axis = 1
        if outputs > 1:  # trees stand class by class, as many of each
            shape = (ROWS, outputs, trees // outputs)
            added, axis = graph.make(RESHAPE, [added, graph.constant(np.array(shape, np.int32))], np.float32, shape), 2
    total = graph.make(
        SUM,
        [added, graph.constant(np.array([axis], np.int32))],
        np.float32,
        (ROWS, outputs),
        keepDims=outputs == 1,
    )
    base = laid_out.source.base.astype(np.float32)
    return graph.make(ADD, [total, graph.constant(base)], np.float32, (ROWS, outputs)) if base.any() else total


def _ends(graph: Graph, raw: int, source: Source) -> dict[str, int]:
    ensemble, threshold = source.ensemble, source.signature.threshold
    shape = (ROWS, ensemble.outputs)
    scores = raw
    if ensemble.link is Link.SIGMOID:
        scores = graph.make(LOGISTIC, [raw], np.float32, shape)
    elif ensemble.link is Link.SOFTMAX:
        scores = graph.make(SOFTMAX, [raw], np.float32, shape, beta=1.0)
    if threshold is not None:
        limit = graph.constant(np.array([[decision(source.signature)]], np.float32))
        fault = graph.make(GREATER_EQUAL, [scores, limit], np.bool_, (ROWS, 1))
        return _named(graph, {SCORE: scores, FAULT: fault})
    axis = graph.constant(np.array([1], np.int32))
    best = graph.make(ARG_MAX, [scores, axis], np.int64, (ROWS,), outputType=_INT64)
    column = graph.constant(np.array([ROWS, 1], np.int32))
    return _named(graph, {PROBABILITIES: scores, LABEL: graph.make(RESHAPE, [best, column], np.int64, (ROWS, 1))})


_INT64 = 4
"""Of the schema's ``TensorType``."""


def _named(graph: Graph, outputs: dict[str, int]) -> dict[str, int]:
    for name, tensor in outputs.items():
        graph.tensors[tensor].name = name
    return outputs
