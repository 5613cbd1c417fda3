"""Checks an ONNX file before a runtime sees it: what it is made of, at every depth."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import onnx
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto

from model_builder.errors import BuilderError, Reason, listed, shown
from model_builder.imports.content import refusing, unreadable

MAX_NODES = 10_000
OLDEST_OPSET, NEWEST_OPSET = 7, 22
NEWEST_ML_OPSET = 5

_STANDARD = (
    "Abs Add And ArgMax BatchNormalization Cast Clip Concat Constant Div Dropout Elu Equal Erf Exp Flatten Gather Gelu "
    "Gemm Greater GreaterOrEqual HardSigmoid Identity IsNaN LayerNormalization LeakyRelu Less LessOrEqual Log "
    "LogSoftmax MatMul Max Min Mul Neg Not Or PRelu Pow Reciprocal ReduceMax ReduceMean ReduceSum Relu Reshape Selu "
    "Shape Sigmoid Slice Softmax Softplus Split Sqrt Squeeze Sub Sum Tanh Transpose Unsqueeze Where"
)
_LEARNED = (
    "ArrayFeatureExtractor Binarizer FeatureVectorizer Imputer LabelEncoder LinearClassifier LinearRegressor "
    "Normalizer OneHotEncoder Scaler SVMClassifier TreeEnsemble TreeEnsembleClassifier TreeEnsembleRegressor ZipMap"
)
OPERATORS = {"": frozenset(_STANDARD.split()), "ai.onnx.ml": frozenset(_LEARNED.split())}
"""What is taken in, by domain: what classifiers are made of. Nothing that loops, that makes tensors of a size that only
a value tells, or that reads or writes anything."""

_ITEM_BYTES: dict[int, int] = {
    TensorProto.FLOAT: 4,
    TensorProto.DOUBLE: 8,
    TensorProto.INT32: 4,
    TensorProto.INT64: 8,
    TensorProto.BOOL: 1,
    TensorProto.UINT8: 1,
    TensorProto.INT8: 1,
}


@dataclass(frozen=True)
class _Place:
    """A tensor and where it stands."""

    tensor: TensorProto
    where: str


def read_onnx(content: bytes) -> ModelProto:
    """Parse a file and check all that it is made of.

    Raises
    ------
    BuilderError
        ``ModelUnreadable``, ``ExternalDataRefused``, ``UnsupportedOperator`` or ``UnsupportedOpset``.
    """
    try:
        model = onnx.load_model_from_string(content)
    except (DecodeError, ValueError, RecursionError) as error:
        raise unreadable("no ONNX, or cut off", error) from None
    _check_texts(model)
    places = list(_tensors(model))
    for place in places:
        _check_inside(place)
    _check_versions(model)
    _check_operators(model)
    for place in places:
        _check_size(place)
    with refusing(lambda error: unreadable("ONNX that breaks the rules of ONNX", error)):
        onnx.checker.check_model(model, full_check=True)
    return model


def _check_texts(message: Message) -> None:
    """Refuse names that are no UTF-8, which the parser lets pass and gives as bytes."""
    for told, value in message.ListFields():
        if told.type == FieldDescriptor.TYPE_STRING:
            texts = [value] if isinstance(value, str | bytes) else value
            if any(isinstance(text, bytes) for text in texts):
                raise unreadable("ONNX with a name that is no text", f"{told.name} in {type(message).__name__}")
        elif told.type == FieldDescriptor.TYPE_MESSAGE:
            for each in [value] if isinstance(value, Message) else value:
                _check_texts(each)


def _tensors(model: ModelProto) -> Iterator[_Place]:
    """Find every tensor: of graphs, graphs within nodes, functions, sparse ones and training, however deep."""
    yield from _of_graph(model.graph, "graph")
    for function in model.functions:
        for node in function.node:
            yield from _of_node(node, f"function {function.name}")
        for attribute in function.attribute_proto:
            yield from _of_attribute(attribute, f"function {function.name}")
    for training in model.training_info:
        yield from _of_graph(training.initialization, "training")
        yield from _of_graph(training.algorithm, "training")


def _of_graph(graph: GraphProto, where: str) -> Iterator[_Place]:
    for tensor in graph.initializer:
        yield _Place(tensor, f"{where}, initializer {tensor.name}")
    for sparse in graph.sparse_initializer:
        yield _Place(sparse.values, f"{where}, sparse initializer {sparse.values.name}")
        yield _Place(sparse.indices, f"{where}, sparse initializer {sparse.values.name}")
    for node in graph.node:
        yield from _of_node(node, where)


def _of_node(node: NodeProto, where: str) -> Iterator[_Place]:
    for attribute in node.attribute:
        yield from _of_attribute(attribute, f"{where}, {node.op_type} {node.name}")


def _of_attribute(attribute: AttributeProto, where: str) -> Iterator[_Place]:
    here = f"{where}, attribute {attribute.name}"
    for tensor in (attribute.t, *attribute.tensors):
        yield _Place(tensor, here)
    for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
        yield _Place(sparse.values, here)
        yield _Place(sparse.indices, here)
    if attribute.HasField("g"):
        yield from _of_graph(attribute.g, here)
    for graph in attribute.graphs:
        yield from _of_graph(graph, here)


def _check_inside(place: _Place) -> None:
    told = {entry.key: entry.value for entry in place.tensor.external_data}
    if place.tensor.data_location == TensorProto.EXTERNAL or told:
        raise BuilderError(
            Reason.EXTERNAL_DATA_REFUSED,
            f"the model wants to read another file, {shown(told.get('location', ''))}: {shown(place.where)}",
            found=f"external data at {shown(told.get('location', 'no location'))}",
            allowed="a model with all its numbers in the one file",
            remedy="export it with external_data=False (torch), or save it by onnx.save_model without external data",
        )


def _check_versions(model: ModelProto) -> None:
    if not 3 <= model.ir_version <= onnx.IR_VERSION:
        raise _version(f"IR version {model.ir_version}", f"IR versions 3 to {onnx.IR_VERSION}")
    known = {"", "ai.onnx", "ai.onnx.ml"}
    for opset in model.opset_import:
        if opset.domain not in known:
            raise _operator(f"operators of the domain {shown(opset.domain)}")
        newest = NEWEST_ML_OPSET if opset.domain == "ai.onnx.ml" else onnx.defs.onnx_opset_version()
        oldest = 1 if opset.domain == "ai.onnx.ml" else OLDEST_OPSET
        if not oldest <= opset.version <= newest:
            name = opset.domain or "ai.onnx"
            raise _version(f"opset {opset.version} of {name}", f"opsets {oldest} to {newest} of {name}")
    if not any(opset.domain in ("", "ai.onnx") for opset in model.opset_import):
        raise _version("no opset of ai.onnx", f"opsets {OLDEST_OPSET} to {NEWEST_OPSET} of ai.onnx")


def _check_operators(model: ModelProto) -> None:
    if model.functions:
        raise _operator(f"functions of the model's own: {listed([each.name for each in model.functions])}")
    if model.training_info:
        raise _operator("graphs for training")
    if model.graph.sparse_initializer:
        raise _operator("sparse initializers")
    if len(model.graph.node) > MAX_NODES:
        raise _operator(f"{len(model.graph.node):,} nodes", f"at most {MAX_NODES:,} nodes")
    for node in model.graph.node:
        domain = "" if node.domain == "ai.onnx" else node.domain
        if node.op_type not in OPERATORS.get(domain, frozenset()):
            raise _operator(f"the operator {shown(f'{node.domain}.{node.op_type}' if node.domain else node.op_type)}")
        if any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute):
            raise _operator(f"a graph within the operator {shown(node.op_type)}")


def _check_size(place: _Place) -> None:
    tensor = place.tensor
    if tensor.data_type == TensorProto.UNDEFINED and not tensor.dims:
        return  # an attribute of another type
    if any(length < 0 for length in tensor.dims):
        raise unreadable("ONNX with a tensor of negative length", f"{place.where}: {list(tensor.dims)}")
    count = math.prod(tensor.dims)
    if tensor.HasField("raw_data"):
        held = len(tensor.raw_data) // _ITEM_BYTES.get(tensor.data_type, 1)
    else:
        held = max(
            len(values)
            for values in (
                tensor.float_data,
                tensor.int32_data,
                tensor.int64_data,
                tensor.double_data,
                tensor.string_data,
                tensor.uint64_data,
            )
        )
    if held != count:
        where = f"{place.where}: {count:,} numbers announced, {held:,} found"
        raise unreadable("ONNX that announces other sizes than it has", where)


def _operator(what: str, allowed: str = "") -> BuilderError:
    names = sorted(OPERATORS[""] | OPERATORS["ai.onnx.ml"])
    return BuilderError(
        Reason.UNSUPPORTED_OPERATOR,
        f"the model has {what}, which is not taken in",
        found=what,
        allowed=allowed or f"a graph of {', '.join(names)}",
        remedy="export the classifier alone, without control flow, custom operators or functions of its own "
        "(onnx.inliner.inline_local_functions writes functions out)",
    )


def _version(found: str, allowed: str) -> BuilderError:
    return BuilderError(
        Reason.UNSUPPORTED_OPSET,
        f"the model is written for {found}, which this builder does not know",
        found=found,
        allowed=allowed,
        remedy="export it with target_opset (torch: opset_version) 18",
    )
