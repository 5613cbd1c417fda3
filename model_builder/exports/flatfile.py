"""A TensorFlow Lite file, written as the flatbuffer that its schema describes: no TensorFlow, no converter."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

_IDENTIFIER = b"TFL3"
_SCHEMA_VERSION = 3
_ALIGNMENT = 16
"""Of constants, as the schema wants it: a device may not be able to read a float from an odd address."""

_TYPES = {
    np.dtype(np.float32): schema.TensorType.FLOAT32,
    np.dtype(np.int8): schema.TensorType.INT8,
    np.dtype(np.int16): schema.TensorType.INT16,
    np.dtype(np.int32): schema.TensorType.INT32,
    np.dtype(np.int64): schema.TensorType.INT64,
    np.dtype(np.bool_): schema.TensorType.BOOL,
}
Kind = type[np.generic]
Shape = tuple[int, ...]
ROWS = -1
"""The length of a batch, which only a caller knows."""


@dataclass(frozen=True)
class Operator:
    """A builtin operator: its number, the version of it that we use, and its options."""

    name: str
    version: int = 1
    options: str = ""

    @property
    def code(self) -> int:
        """The number in the schema."""
        return int(getattr(schema.BuiltinOperator, self.name))


class File:
    """Graphs that share constants."""

    def __init__(self, description: str) -> None:
        self._description = description
        self._buffers: list[bytes] = [b""]
        self._operators: list[Operator] = []
        self.graphs: list[Graph] = []

    def graph(self) -> Graph:
        """Begin another graph; the first one is what a caller runs."""
        self.graphs.append(Graph(self, len(self.graphs)))
        return self.graphs[-1]

    def buffer(self, content: bytes) -> int:
        """Keep the bytes of a constant, equal ones once."""
        if content not in self._buffers[1:]:
            self._buffers.append(content)
        return self._buffers.index(content, 1)

    def operator(self, operator: Operator) -> int:
        """Keep an operator once."""
        if operator not in self._operators:
            self._operators.append(operator)
        return self._operators.index(operator)

    def write(self, inputs: dict[str, int], outputs: dict[str, int]) -> bytes:
        """Write the file; inputs and outputs are those of the first graph, by name."""
        model = schema.ModelT()
        model.version = _SCHEMA_VERSION
        model.description = self._description
        model.operatorCodes = [_code(each) for each in self._operators]
        model.buffers = [_Constant(content) for content in self._buffers]
        model.subgraphs = [each.packed() for each in self.graphs]
        model.signatureDefs = [_signature(inputs, outputs)]
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), _IDENTIFIER)
        return bytes(builder.Output())


@dataclass
class Graph:
    """Tensors and the operators between them."""

    file: File
    index: int
    tensors: list[Any] = field(default_factory=list)
    operators: list[Any] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)

    def tensor(self, kind: Kind, shape: Shape, name: str = "") -> int:
        """Add a tensor that is computed or given; ``ROWS`` stands for the length of a batch."""
        tensor = schema.TensorT()
        tensor.type = _TYPES[np.dtype(kind)]
        tensor.shape = [1 if length == ROWS else length for length in shape]
        tensor.buffer = 0
        tensor.name = name or None
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def given(self, kind: Kind, shape: Shape, name: str = "") -> int:
        """Add an input."""
        self.inputs.append(self.tensor(kind, shape, name))
        return self.inputs[-1]

    def constant(self, values: npt.NDArray[np.generic]) -> int:
        """Add a constant."""
        number = self.tensor(values.dtype.type, values.shape)
        self.tensors[number].buffer = self.file.buffer(values.astype(values.dtype.newbyteorder("<")).tobytes())
        return number

    def apply(self, operator: Operator, inputs: list[int], outputs: list[int], **options: Any) -> None:  # noqa: ANN401
        """Add an operator with its options by their names in the schema."""
        node = schema.OperatorT()
        node.opcodeIndex = self.file.operator(operator)
        node.inputs, node.outputs = inputs, outputs
        if operator.options:
            node.builtinOptionsType = getattr(schema.BuiltinOptions, operator.options)
            node.builtinOptions = getattr(schema, f"{operator.options}T")()
            for name, value in options.items():
                setattr(node.builtinOptions, name, value)
        self.operators.append(node)

    def make(self, operator: Operator, inputs: list[int], kind: Kind, shape: Shape, **options: Any) -> int:  # noqa: ANN401
        """Add an operator of one output, and that tensor."""
        output = self.tensor(kind, shape)
        self.apply(operator, inputs, [output], **options)
        return output

    def packed(self) -> Any:  # noqa: ANN401 (the schema has no types)
        """Give the graph in the schema's form."""
        graph = schema.SubGraphT()
        if self.index == 0:
            # Only at its ends: within the graph LiteRT works lengths out by itself, which spares some hundred bytes.
            for number in (*self.inputs, *self.outputs):
                self.tensors[number].shapeSignature = [ROWS, *self.tensors[number].shape[1:]]
        graph.tensors, graph.operators = self.tensors, self.operators
        graph.inputs, graph.outputs = self.inputs, self.outputs
        return graph


class _Constant(schema.BufferT):  # type: ignore[misc]  # the schema has no types
    """A buffer whose data is aligned, which the generated code forgets."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self._content = content

    def Pack(self, builder: Any) -> int:  # noqa: ANN401, N802 (the schema's name)
        if self._content:
            builder.StartVector(1, len(self._content), _ALIGNMENT)
            builder.head = builder.head - len(self._content)
            builder.Bytes[builder.head : builder.head + len(self._content)] = self._content
            data = builder.EndVector()
        schema.BufferStart(builder)
        if self._content:
            schema.BufferAddData(builder, data)
        return int(schema.BufferEnd(builder))


def _code(operator: Operator) -> Any:  # noqa: ANN401
    code = schema.OperatorCodeT()
    # Readers from before 2020 know the first field only, which ends at 127.
    code.deprecatedBuiltinCode = min(operator.code, 127)
    code.builtinCode = operator.code
    code.version = operator.version
    return code


def _signature(inputs: dict[str, int], outputs: dict[str, int]) -> Any:  # noqa: ANN401
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = "serving_default", 0
    signature.inputs = [_named(name, index) for name, index in inputs.items()]
    signature.outputs = [_named(name, index) for name, index in outputs.items()]
    return signature


def _named(name: str, index: int) -> Any:  # noqa: ANN401
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name, index
    return entry
