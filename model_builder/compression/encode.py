"""Writes an ensemble as an ONNX file of the prediction contract, as small as the runtime lets it be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from model_builder.compression import wire
from model_builder.compression.ensemble import Combine, Ensemble, Link
from model_builder.compression.tree_nodes import ML_DOMAIN, tree_ensemble, tree_ensemble_regressor
from model_builder.contract import FAULT, LABEL, PROBABILITIES, SCORE, decision, metadata
from model_builder.frontend import INPUT, FrontEnd
from model_builder.report import Signature

OPSET = 18
_PRODUCER = "andon"


@dataclass(frozen=True)
class Form:
    """How the trees are written, and what a runtime must know to read them."""

    name: str
    ml_opset: int
    ir_version: int
    write: Callable[[Ensemble, str, str], bytes]


TREE_ENSEMBLE = Form("TreeEnsemble", ml_opset=5, ir_version=10, write=tree_ensemble)
"""The small form, for ONNX Runtime 1.21 and later."""

REGRESSOR = Form("TreeEnsembleRegressor", ml_opset=3, ir_version=8, write=tree_ensemble_regressor)
"""The lean form of old, for runtimes before that (Triton 24.10 has 1.19)."""

FIRST_WITH_TREE_ENSEMBLE = (1, 21)


def form_for(onnxruntime: str) -> Form:
    """Choose the form for a runtime's version, such as ``1.23`` or ``1.23.2``."""
    major, minor = (int(part) for part in onnxruntime.split(".")[:2])
    return TREE_ENSEMBLE if (major, minor) >= FIRST_WITH_TREE_ENSEMBLE else REGRESSOR


@dataclass(frozen=True)
class Addition:
    """What a file has besides the contract's outputs: nodes, what they give, and what the file's metadata say of it."""

    nodes: list[NodeProto]
    constants: list[TensorProto]
    outputs: list[ValueInfoProto]
    properties: dict[str, str] = field(default_factory=dict)


Adding = Callable[[Ensemble, str], Addition]
"""Makes an addition, given the ensemble as it is written and the name of the tensor with its features."""


def encode(
    ensemble: Ensemble,
    signature: Signature,
    form: Form = TREE_ENSEMBLE,
    *,
    front: FrontEnd | None = None,
    labelled: bool = True,
    adding: Adding | None = None,
) -> bytes:
    """Write the model file.

    Parameters
    ----------
    signature
        Names of features and classes, and the threshold where there are two classes.
    front
        Inputs of the graph and what makes the ensemble's columns of them; None where they are the columns.
    labelled
        Whether the file has the output ``fault`` or ``label``; without it only ``score`` or ``probabilities``.
    adding
        What makes further outputs; what the file has without them stays as it is.

    Returns
    -------
    bytes
        The same ensemble gives the same bytes. A score is the sum in the runtime's float32, so it differs from the
        ensemble's in the last bits.
    """
    ensemble = ensemble.simplified()
    front = front or _numeric_only(ensemble.features)
    head, source = _expansion(ensemble, front.matrix)
    tail, outputs = _ends(ensemble, signature, labelled)
    more = adding(ensemble, source) if adding is not None else Addition([], [], [])
    inner = _raw_name(ensemble)
    nodes = [*(_plain(node) for node in [*front.nodes, *head.nodes]), form.write(ensemble, source, inner)]
    nodes += [_plain(node) for node in [*tail.nodes, *more.nodes]]
    constants = [_plain(each) for each in [*front.constants, *head.constants, *tail.constants, *more.constants]]
    graph = (
        b"".join(wire.data(1, node) for node in nodes)
        + wire.data(2, _PRODUCER.encode())
        + b"".join(wire.data(5, each) for each in constants)
        + b"".join(wire.data(11, _plain(each)) for each in front.inputs)
        + b"".join(wire.data(12, _plain(each)) for each in [*outputs, *more.outputs])
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(ML_DOMAIN, form.ml_opset)]
    properties = [
        wire.data(1, key.encode()) + wire.data(2, value.encode())
        for key, value in (metadata(signature) | more.properties).items()
    ]
    return (
        wire.integer(1, form.ir_version)
        + wire.data(2, _PRODUCER.encode())
        + wire.data(7, graph)
        + b"".join(wire.data(8, _plain(each)) for each in opsets)
        + b"".join(wire.data(14, each) for each in properties)
    )


def _plain(message: NodeProto | TensorProto | ValueInfoProto) -> bytes:
    return bytes(message.SerializeToString(deterministic=True))


@dataclass(frozen=True)
class _Part:
    nodes: list[NodeProto]
    constants: list[TensorProto]


def _numeric_only(features: int) -> FrontEnd:
    return FrontEnd(INPUT, [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["rows", features])])


def _expansion(ensemble: Ensemble, matrix: str) -> tuple[_Part, str]:
    """Compute the pairs and append them to the columns: sorted ones, so differences before products."""
    if not ensemble.pairs:
        return _Part([], []), matrix
    nodes, constants, columns = [], [], [matrix]
    for combine, operator in ((Combine.DIFFERENCE, "Sub"), (Combine.PRODUCT, "Mul")):
        pairs = [pair for pair in ensemble.pairs if pair.combine is combine]
        if not pairs:
            continue
        sides = []
        for side, chosen in (("l", [pair.left for pair in pairs]), ("r", [pair.right for pair in pairs])):
            name = f"{operator[0]}{side}"
            constants.append(numpy_helper.from_array(np.array(chosen, np.int32), f"{name}i"))
            nodes.append(helper.make_node("Gather", [matrix, f"{name}i"], [name], axis=1))
            sides.append(name)
        nodes.append(helper.make_node(operator, sides, [operator]))
        columns.append(operator)
    nodes.append(helper.make_node("Concat", columns, ["x"], axis=1))
    return _Part(nodes, constants), "x"


def _raw_name(ensemble: Ensemble) -> str:
    if ensemble.link is not Link.IDENTITY:
        return "raw"
    return SCORE if ensemble.outputs == 1 else PROBABILITIES


def _ends(ensemble: Ensemble, signature: Signature, labelled: bool) -> tuple[_Part, list[ValueInfoProto]]:
    binary = ensemble.outputs == 1
    if binary != (signature.threshold is not None) or (not binary and len(signature.classes) != ensemble.outputs):
        raise ValueError("the signature is of another model: it has other classes")
    scores = SCORE if binary else PROBABILITIES
    nodes, constants = [], []
    if ensemble.link is Link.SIGMOID:
        nodes.append(helper.make_node("Sigmoid", ["raw"], [scores]))
    elif ensemble.link is Link.SOFTMAX:
        nodes.append(helper.make_node("Softmax", ["raw"], [scores], axis=1))
    outputs = [helper.make_tensor_value_info(scores, TensorProto.FLOAT, ["rows", ensemble.outputs])]
    if labelled and binary:
        constants.append(numpy_helper.from_array(np.array([decision(signature)], np.float32), "threshold"))
        nodes.append(helper.make_node("GreaterOrEqual", [scores, "threshold"], [FAULT]))
        outputs.append(helper.make_tensor_value_info(FAULT, TensorProto.BOOL, ["rows", 1]))
    elif labelled:
        nodes.append(helper.make_node("ArgMax", [scores], [LABEL], axis=1, keepdims=1))
        outputs.append(helper.make_tensor_value_info(LABEL, TensorProto.INT64, ["rows", 1]))
    return _Part(nodes, constants), outputs
