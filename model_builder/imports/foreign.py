"""A foreign ONNX file: what goes in and comes out, and the same file under the prediction contract."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper
from sklearn.base import BaseEstimator, ClassifierMixin

from model_builder.contract import FAULT, LABEL, PROBABILITIES, SCORE, decision, metadata
from model_builder.errors import BuilderError, Reason, listed, shown
from model_builder.frontend import INPUT
from model_builder.imports.content import refusing
from model_builder.imports.onnx_check import NEWEST_ML_OPSET, NEWEST_OPSET
from model_builder.report import Signature
from model_builder.runtime import open_session

Matrix = npt.NDArray[np.float32]
CONVERTED_OPSET = 18
OLDEST_KEPT_OPSET = 13
"""From here on the operators that are put around a model mean the same as in opset 18."""

IR_VERSION = 8
PROBABILITY_NAMES = ("probabilities", "score", "output_probability", "probability", "scores")
_CLASSIFIERS = ("TreeEnsembleClassifier", "LinearClassifier", "SVMClassifier")


@dataclass(frozen=True)
class Shape:
    """What goes in and comes out.

    Attributes
    ----------
    width
        Number of columns of the input; None where the file does not say.
    outputs
        Columns of the output; None where the file does not say.
    classes
        Names of the classes in the order of the output; None where the file does not say.
    """

    input: str
    width: int | None
    output: str
    outputs: int | None
    classes: tuple[str, ...] | None


def shape_of(model: ModelProto) -> Shape:
    """Find the one input and the probabilities.

    Raises
    ------
    BuilderError
        ``ModelInputsDiffer`` or ``ModelOutputsDiffer``.
    """
    constants = {each.name for each in model.graph.initializer}
    inputs = [each for each in model.graph.input if each.name not in constants]
    if len(inputs) != 1:
        raise _inputs(f"{len(inputs)} inputs: {listed([each.name for each in inputs])}")
    given = inputs[0]
    if _type(given) != TensorProto.FLOAT or _rank(given) != 2 or _fixed_rows(given):
        raise _inputs(_written(given))
    output = _probabilities(model)
    return Shape(given.name, _length(given, 1), output.name, _length(output, 1), _classes(model))


def _probabilities(model: ModelProto) -> ValueInfoProto:
    outputs = list(model.graph.output)
    if any(each.type.HasField("sequence_type") for each in outputs):
        raise _outputs("a list of maps (ZipMap)", 'convert it with options={"zipmap": False}')
    floats = [each for each in outputs if _type(each) == TensorProto.FLOAT]
    named = [each for each in floats if each.name in PROBABILITY_NAMES]
    chosen = named if len(named) == 1 else floats
    if len(chosen) != 1 or _rank(chosen[0]) not in (None, 2):
        raise _outputs(", ".join(_written(each) for each in outputs) or "no output")
    found: ValueInfoProto = chosen[0]
    return found


def _classes(model: ModelProto) -> tuple[str, ...] | None:
    for node in model.graph.node:
        if node.op_type not in _CLASSIFIERS:
            continue
        for attribute in node.attribute:
            if attribute.name in ("classlabels_int64s", "classlabels_ints") and attribute.ints:
                return tuple(str(each) for each in attribute.ints)
            if attribute.name in ("classlabels_strings",) and attribute.strings:
                return tuple(each.decode(errors="replace") for each in attribute.strings)
    return None


class ForeignModel(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn publishes no types
    """The file as it came, asked as an estimator is: the reference for what is made of it.

    Parameters
    ----------
    content
        The file.
    order
        For each class of the signature, its column in the file's output.
    medians
        What stands in for missing values; None where the model knows them.
    """

    def __init__(self, content: bytes, order: tuple[int, ...] | None = None, medians: Matrix | None = None) -> None:
        self.content = content
        self.order = order
        self.medians = medians
        model = onnx.load_model_from_string(content)
        self._model = model
        self._shape = shape_of(model)
        self._session = open_session(content)

    @property
    def model(self) -> ModelProto:
        """The file, parsed."""
        return self._model

    @property
    def shape(self) -> Shape:
        """What goes in and comes out."""
        return self._shape

    @property
    def columns(self) -> int:
        """Columns of the output."""
        if self.shape.outputs is not None:
            return self.shape.outputs
        nothing = np.zeros((2, self.shape.width or 1), np.float32)
        return int(np.asarray(self._session.run([self.shape.output], {self.shape.input: nothing})[0]).size // 2)

    def __reduce__(self) -> tuple[object, ...]:
        """Go to another process as the file, which is opened anew there."""
        return type(self), (self.content, self.order, self.medians)

    def __sklearn_is_fitted__(self) -> bool:
        """Say so to scikit-learn's pipelines."""
        return True

    def fit(self, rows: Matrix, codes: npt.NDArray[np.int64]) -> ForeignModel:  # noqa: ARG002 (as estimators have it)
        """Refuse: a foreign model is fitted already."""
        raise TypeError("a foreign model cannot be fitted")

    def predict_proba(self, rows: Matrix) -> npt.NDArray[np.float64]:
        """Answer rows of shape (rows, columns); shape (rows, classes)."""
        rows = np.ascontiguousarray(rows, np.float32)
        if self.medians is not None:
            rows = np.where(np.isnan(rows), self.medians, rows)
        said = np.asarray(self._session.run([self.shape.output], {self.shape.input: rows})[0], np.float64)
        said = said.reshape(len(rows), -1)
        both = np.concatenate([1 - said, said], axis=1) if said.shape[1] == 1 else said
        return both if self.order is None else both[:, list(self.order)]


def under_contract(foreign: ForeignModel, signature: Signature) -> ModelProto:
    """Write the model with the names, types and labels of the prediction contract.

    Raises
    ------
    BuilderError
        ``UnsupportedOpset`` where it is written for an opset that the runtimes do not know and cannot be converted.
    """
    model = _in_known_opset(foreign.model)
    builder = _Builder(model, foreign.shape)
    source = builder.filled(foreign.medians)
    builder.copy(source)
    builder.ends(foreign, signature)
    outputs, width = builder.outputs, len(signature.numeric)
    inputs = [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["rows", width])]
    graph = helper.make_graph(builder.nodes, "andon", inputs, outputs, builder.constants)
    opsets = [helper.make_opsetid(each.domain, each.version) for each in model.opset_import]
    written = helper.make_model(
        graph, ir_version=IR_VERSION, opset_imports=opsets, producer_name="andon", producer_version="", doc_string=""
    )
    helper.set_model_props(written, metadata(signature))
    return written


def opset_of(model: ModelProto, domain: str = "") -> int:
    """Give the opset that a model is written for."""
    names = ("", "ai.onnx") if not domain else (domain,)
    return next((each.version for each in model.opset_import if each.domain in names), 0)


def _in_known_opset(model: ModelProto) -> ModelProto:
    found = opset_of(model)
    if OLDEST_KEPT_OPSET <= found <= NEWEST_OPSET:
        return model
    with refusing(lambda error: _not_converted(found, error)):
        return onnx.version_converter.convert_version(model, CONVERTED_OPSET)


def _not_converted(found: int, error: Exception) -> BuilderError:
    return BuilderError(
        Reason.UNSUPPORTED_OPSET,
        f"the model is written for opset {found} and cannot be converted to {CONVERTED_OPSET}",
        found=f"opset {found}; {shown(str(error), 200)}",
        allowed=f"opsets {OLDEST_KEPT_OPSET} to {NEWEST_OPSET}, ai.onnx.ml up to {NEWEST_ML_OPSET}",
        remedy=f"export it with target_opset (torch: opset_version) {CONVERTED_OPSET}",
    )


@dataclass
class _Builder:
    """Copies a graph under other names and puts nodes around it."""

    model: ModelProto
    shape: Shape
    nodes: list[NodeProto] = field(default_factory=list)
    constants: list[TensorProto] = field(default_factory=list)
    outputs: list[ValueInfoProto] = field(default_factory=list)

    def filled(self, medians: Matrix | None) -> str:
        """Put the medians where values are missing; gives the name of the tensor to go on with."""
        if medians is None:
            return INPUT
        self.constants.append(numpy_helper.from_array(medians.reshape(1, -1).astype(np.float32), "medians"))
        self.nodes.append(helper.make_node("IsNaN", [INPUT], ["missing"], name="Missing"))
        self.nodes.append(helper.make_node("Where", ["missing", "medians", INPUT], ["filled"], name="Filled"))
        return "filled"

    def copy(self, source: str) -> None:
        """Copy what the probabilities need and nothing else."""
        needed, kept = {self.shape.output}, []
        for node in reversed(self.model.graph.node):
            if needed & set(node.output):
                needed |= {name for name in node.input if name}
                kept.append(node)

        def renamed(name: str) -> str:
            return source if name == self.shape.input else f"model.{name}" if name else ""

        for index, node in enumerate(reversed(kept)):
            copy = NodeProto()
            copy.CopyFrom(node)
            copy.doc_string = ""
            copy.name = f"{node.op_type}_{index}"
            copy.input[:] = [renamed(name) for name in node.input]
            copy.output[:] = [renamed(name) for name in node.output]
            self.nodes.append(copy)
        for tensor in self.model.graph.initializer:
            if tensor.name in needed:
                constant = TensorProto()
                constant.CopyFrom(tensor)
                constant.name, constant.doc_string = renamed(tensor.name), ""
                self.constants.append(constant)

    def ends(self, foreign: ForeignModel, signature: Signature) -> None:
        """Write score and fault, or probabilities and label."""
        raw, order = f"model.{self.shape.output}", foreign.order
        if self.shape.output == self.shape.input:
            raise _outputs("the input itself")
        if signature.threshold is None:
            self._chosen(raw, PROBABILITIES, tuple(range(len(signature.classes))) if order is None else order)
            self.nodes.append(helper.make_node("ArgMax", [PROBABILITIES], [LABEL], name="Label", axis=1, keepdims=1))
            self._output(PROBABILITIES, TensorProto.FLOAT, len(signature.classes))
            self._output(LABEL, TensorProto.INT64, 1)
            return
        if foreign.columns == 1:
            flipped = order == (1, 0)
            self.constants.append(numpy_helper.from_array(np.array([1], np.float32), "one"))
            node = ("Sub", ["one", raw]) if flipped else ("Identity", [raw])
            self.nodes.append(helper.make_node(*node, [SCORE], name="Score"))
        else:
            self._chosen(raw, SCORE, (1 if order is None else order[1],))
        threshold = np.array([decision(signature)], np.float32)
        self.constants.append(numpy_helper.from_array(threshold, "threshold"))
        self.nodes.append(helper.make_node("GreaterOrEqual", [SCORE, "threshold"], [FAULT], name="Fault"))
        self._output(SCORE, TensorProto.FLOAT, 1)
        self._output(FAULT, TensorProto.BOOL, 1)

    def _chosen(self, raw: str, name: str, columns: tuple[int, ...]) -> None:
        self.constants.append(numpy_helper.from_array(np.array(columns, np.int64), "columns"))
        self.nodes.append(helper.make_node("Gather", [raw, "columns"], [name], name="Columns", axis=1))

    def _output(self, name: str, kind: int, width: int) -> None:
        self.outputs.append(helper.make_tensor_value_info(name, kind, ["rows", width]))


def _type(value: ValueInfoProto) -> int:
    return int(value.type.tensor_type.elem_type)


def _rank(value: ValueInfoProto) -> int | None:
    return len(value.type.tensor_type.shape.dim) if value.type.tensor_type.HasField("shape") else None


def _length(value: ValueInfoProto, axis: int) -> int | None:
    dims = value.type.tensor_type.shape.dim
    return int(dims[axis].dim_value) or None if len(dims) > axis and dims[axis].HasField("dim_value") else None


def _fixed_rows(value: ValueInfoProto) -> bool:
    return bool(value.type.tensor_type.shape.dim[0].HasField("dim_value"))


def _written(value: ValueInfoProto) -> str:
    kind = TensorProto.DataType.Name(_type(value)).lower() if value.type.HasField("tensor_type") else "no tensor"
    dims: list[Any] = [
        each.dim_value if each.HasField("dim_value") else each.dim_param or "?"
        for each in value.type.tensor_type.shape.dim
    ]
    return f"{shown(value.name)} {kind} [{', '.join(str(each) for each in dims)}]"


def _inputs(found: str) -> BuilderError:
    return BuilderError(
        Reason.MODEL_INPUTS_DIFFER,
        f"the model takes {found}, and the prediction contract gives one float [rows, columns]",
        found=found,
        allowed="one input of type float and shape [rows, columns], rows being variable",
        remedy="export it with one float input whose first axis is dynamic (skl2onnx: FloatTensorType([None, n]))",
    )


def _outputs(found: str, remedy: str = "") -> BuilderError:
    return BuilderError(
        Reason.MODEL_OUTPUTS_DIFFER,
        f"the model gives {found}, and the prediction contract wants probabilities, float [rows, classes]",
        found=found,
        allowed="one output of type float and shape [rows, 1] or [rows, classes], besides labels",
        remedy=remedy or "end the model with a Sigmoid or Softmax, and leave other outputs of floats away",
    )
