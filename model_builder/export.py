"""Writes a fitted pipeline as the ONNX graph of the prediction contract."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.pipeline import Pipeline

from model_builder.categories import Category, matrix_names
from model_builder.compression.encode import OPSET, REGRESSOR, TREE_ENSEMBLE, Form, encode
from model_builder.compression.ensemble import Ensemble
from model_builder.compression.fitted import UnsupportedEstimatorError, from_sklearn
from model_builder.compression.lightgbm_trees import is_lightgbm
from model_builder.compression.weights import Weights, with_integers
from model_builder.contract import FAULT, LABEL, PROBABILITIES, SCORE, decision, metadata
from model_builder.estimators import STEP
from model_builder.frontend import FrontEnd, front_end
from model_builder.imports.foreign import ForeignModel, opset_of, under_contract
from model_builder.imports.foreign_trees import ForeignTrees
from model_builder.report import Signature

_RAW_LABEL, _RAW_PROBABILITIES = "raw_label", "raw_probabilities"


@dataclass(frozen=True)
class Exported:
    """The model file, what a runtime must know to read it, and the size of the plain skl2onnx export.

    ``plain_bytes`` is None of LightGBM, which skl2onnx does not know.
    """

    model: bytes
    plain_bytes: int | None
    ml_opset: int
    ir_version: int
    note: str = ""
    opset: int = OPSET


def export(
    pipeline: Pipeline,
    signature: Signature,
    categories: tuple[Category, ...] = (),
    form: Form = TREE_ENSEMBLE,
    ensemble: Ensemble | None = None,
    layers: tuple[Weights, ...] = (),
) -> Exported:
    """Export a pipeline with last step ``estimator``.

    Trees are written by our own encoder, in the form that the runtime knows; anything else is left to skl2onnx.

    Parameters
    ----------
    signature
        Names of features and classes, and the threshold where there are two classes.
    categories
        The categorical features and the values that the model knows.
    ensemble
        What compression made of the pipeline; None for the pipeline as it is.
    layers
        The weights of the neural network at the pipeline's end in integers, where they are to be stored so.

    Returns
    -------
    Exported
        The same pipeline gives the same bytes: no times, no versions of the exporter, stable names.
    """
    foreign = pipeline.named_steps[STEP]
    front = front_end(signature, categories)
    if isinstance(foreign, ForeignTrees):
        written = encode(ensemble or foreign.ensemble, signature, form, front=front)
        return Exported(written, len(foreign.content), form.ml_opset, form.ir_version)
    if isinstance(foreign, ForeignModel):
        return _foreign(foreign, signature)
    if is_lightgbm(pipeline.named_steps[STEP]):
        written = encode(ensemble or from_sklearn(pipeline), signature, form, front=front)
        return Exported(written, None, form.ml_opset, form.ir_version)
    plain = _converted(pipeline, front.matrix, len(matrix_names(signature.numeric, categories)))
    plain_bytes = len(plain.SerializeToString())
    try:
        ensemble = ensemble or from_sklearn(pipeline)
    except UnsupportedEstimatorError as error:
        model = with_integers(_with_contract(plain, front, signature), layers)
        onnx.checker.check_model(model, full_check=True)
        written = model.SerializeToString(deterministic=True)
        note = f"written by skl2onnx, not by our own encoder: {error}"
        return Exported(written, plain_bytes, REGRESSOR.ml_opset, REGRESSOR.ir_version, note)
    written = encode(ensemble, signature, form, front=front)
    return Exported(written, plain_bytes, form.ml_opset, form.ir_version)


def _foreign(foreign: ForeignModel, signature: Signature) -> Exported:
    model = under_contract(foreign, signature)
    onnx.checker.check_model(model, full_check=True)
    written = model.SerializeToString(deterministic=True)
    note = "the graph of the imported file, under the names of the prediction contract"
    ml_opset = opset_of(model, "ai.onnx.ml")
    return Exported(written, len(foreign.content), ml_opset, model.ir_version, note, opset_of(model))


def _converted(pipeline: Pipeline, matrix: str, columns: int) -> onnx.ModelProto:
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    model: onnx.ModelProto = convert_sklearn(
        pipeline,
        name="andon",
        initial_types=[(matrix, FloatTensorType([None, columns]))],
        final_types=None,
        options={id(pipeline.named_steps[STEP]): {"zipmap": False}},
        target_opset={"": OPSET, "ai.onnx.ml": REGRESSOR.ml_opset},
    )
    return model


def _with_contract(plain: onnx.ModelProto, front: FrontEnd, signature: Signature) -> onnx.ModelProto:
    label, probabilities = (output.name for output in plain.graph.output)
    names = {label: _RAW_LABEL, probabilities: _RAW_PROBABILITIES}
    nodes = []
    for index, node in enumerate(plain.graph.node):
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        copy.name = f"{node.op_type}_{index}"
        copy.output[:] = [names.get(name, name) for name in node.output]
        copy.input[:] = [names.get(name, name) for name in node.input]
        nodes.append(copy)
    ends = _binary_ends(signature) if signature.threshold is not None else _multi_class_ends(signature)
    graph = helper.make_graph(
        front.nodes + nodes + ends.nodes,
        "andon",
        front.inputs,
        ends.outputs,
        [*front.constants, *plain.graph.initializer, *ends.constants],
    )
    model = helper.make_model(
        graph,
        ir_version=REGRESSOR.ir_version,
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", REGRESSOR.ml_opset)],
        producer_name="andon",
        producer_version="",
        doc_string="",
    )
    helper.set_model_props(model, metadata(signature))
    return model


@dataclass(frozen=True)
class _Ends:
    nodes: list[onnx.NodeProto]
    outputs: list[onnx.ValueInfoProto]
    constants: list[onnx.TensorProto]


def _binary_ends(signature: Signature) -> _Ends:
    column = numpy_helper.from_array(np.array([1], np.int64), "positive_column")
    threshold = numpy_helper.from_array(np.array([decision(signature)], np.float32), "threshold")
    nodes = [
        helper.make_node("Gather", [_RAW_PROBABILITIES, "positive_column"], [SCORE], name="Score", axis=1),
        helper.make_node("GreaterOrEqual", [SCORE, "threshold"], [FAULT], name="Fault"),
    ]
    outputs = [
        helper.make_tensor_value_info(SCORE, TensorProto.FLOAT, ["rows", 1]),
        helper.make_tensor_value_info(FAULT, TensorProto.BOOL, ["rows", 1]),
    ]
    return _Ends(nodes, outputs, [column, threshold])


def _multi_class_ends(signature: Signature) -> _Ends:
    nodes = [
        helper.make_node("Identity", [_RAW_PROBABILITIES], [PROBABILITIES], name="Probabilities"),
        helper.make_node("ArgMax", [_RAW_PROBABILITIES], [LABEL], name="Label", axis=1, keepdims=1),
    ]
    outputs = [
        helper.make_tensor_value_info(PROBABILITIES, TensorProto.FLOAT, ["rows", len(signature.classes)]),
        helper.make_tensor_value_info(LABEL, TensorProto.INT64, ["rows", 1]),
    ]
    return _Ends(nodes, outputs, [])
