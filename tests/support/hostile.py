"""Model files that want to do harm, made here and now: no file of them is kept."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from onnx import GraphProto, ModelProto, SparseTensorProto, TensorProto, helper, numpy_helper
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import FunctionTransformer
from skops import io as skops_io

from model_builder.errors import Reason

ROWS = np.random.RandomState(0).normal(size=(120, 3)).astype(np.float32)
CODES = (ROWS[:, 0] > 0).astype(np.int64)


class Touch:
    """An object whose unpickling makes a file."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (Path(self._path),)


def pickled(marker: Path, protocol: int) -> bytes:
    return pickle.dumps(Touch(str(marker)), protocol=protocol)


def joblibbed(marker: Path, **options: Any) -> bytes:
    target = io.BytesIO()
    joblib.dump(Touch(str(marker)), target, **options)
    return target.getvalue()


def torch_archive(marker: Path) -> bytes:
    return zipped({"archive/data.pkl": pickled(marker, 2), "archive/version": b"3\n"})


def zipped(files: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


def mlp(
    width: int = 3, outputs: int = 1, end: str = "Sigmoid", opset: int = 18, rows: str | int = "rows"
) -> ModelProto:
    """A small network as PyTorch exports it."""
    random = np.random.RandomState(1)
    weights = [random.normal(size=shape).astype(np.float32) for shape in ((width, 4), (4, outputs))]
    nodes = [
        helper.make_node("MatMul", ["x", "w0"], ["h"]),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("MatMul", ["r", "w1"], ["z"]),
        helper.make_node(end, ["z"], ["p"]),
    ]
    graph = helper.make_graph(
        nodes,
        "mlp",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [rows, width])],
        [helper.make_tensor_value_info("p", TensorProto.FLOAT, [rows, outputs])],
        [numpy_helper.from_array(each, f"w{index}") for index, each in enumerate(weights)],
    )
    return helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", opset)])


def external(path: str = "../../etc/passwd") -> TensorProto:
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=path)
    return tensor


def _changed(change: Callable[[ModelProto], None]) -> bytes:
    model = mlp()
    change(model)
    return bytes(model.SerializeToString())


def _within(tensor: TensorProto, depth: int) -> GraphProto:
    graph = helper.make_graph([], "inner", [], [], [tensor])
    for _ in range(depth):
        node = helper.make_node("If", ["c"], ["o"], then_branch=graph, else_branch=helper.make_graph([], "e", [], []))
        graph = helper.make_graph([node], "outer", [], [])
    return graph


def in_subgraph(model: ModelProto) -> None:
    model.graph.node.append(_within(external(), 3).node[0])


def in_function(model: ModelProto) -> None:
    constant = helper.make_node("Constant", [], ["o"], value=external("/etc/shadow"))
    model.functions.append(helper.make_function("own", "F", [], ["o"], [constant], [helper.make_opsetid("", 18)]))


def in_sparse(model: ModelProto) -> None:
    indices = numpy_helper.from_array(np.array([0], np.int64), "i")
    model.graph.sparse_initializer.append(SparseTensorProto(values=external(), indices=indices, dims=[4]))


def in_attribute(model: ModelProto) -> None:
    model.graph.node.append(helper.make_node("Constant", [], ["o"], value=external("C:\\secret")))


def in_training(model: ModelProto) -> None:
    model.training_info.add().algorithm.CopyFrom(helper.make_graph([], "t", [], [], [external()]))


def without_flag(model: ModelProto) -> None:
    tensor = external()
    tensor.data_location = TensorProto.DEFAULT
    model.graph.initializer.append(tensor)


def deep(model: ModelProto) -> None:
    model.graph.node.append(_within(numpy_helper.from_array(np.zeros(1, np.float32), "w"), 20).node[0])


def calls_itself(model: ModelProto) -> None:
    node = helper.make_node("F", [], ["o"], domain="own")
    model.functions.append(helper.make_function("own", "F", [], ["o"], [node], [helper.make_opsetid("own", 1)]))


def feeds_itself(model: ModelProto) -> None:
    model.graph.node.insert(0, helper.make_node("Add", ["b", "x"], ["a"]))
    model.graph.node.insert(1, helper.make_node("Add", ["a", "x"], ["b"]))


def huge(model: ModelProto) -> None:
    model.graph.initializer[0].dims[:] = [1 << 40, 1 << 20]


def negative(model: ModelProto) -> None:
    model.graph.initializer[0].dims[:] = [-3, -4]


def makes_huge(model: ModelProto) -> None:
    shape = numpy_helper.from_array(np.array([1 << 40], np.int64), "shape")
    model.graph.initializer.append(shape)
    model.graph.node.append(helper.make_node("ConstantOfShape", ["shape"], ["big"]))


def custom(model: ModelProto) -> None:
    model.opset_import.append(helper.make_opsetid("evil.example", 1))
    model.graph.node.append(helper.make_node("Run", ["x"], ["o"], domain="evil.example"))


def hidden_custom(model: ModelProto) -> None:
    model.graph.node.append(helper.make_node("Run", ["x"], ["o"], domain="com.microsoft"))


def loops(model: ModelProto) -> None:
    body = helper.make_graph([], "body", [], [])
    model.graph.node.append(helper.make_node("Loop", ["", ""], ["o"], body=body))


def future_opset(model: ModelProto) -> None:
    model.opset_import[0].version = 99


def future_ir(model: ModelProto) -> None:
    model.ir_version = 999


def two_inputs(model: ModelProto) -> None:
    model.graph.input.append(helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", 3]))


def doubles(model: ModelProto) -> None:
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.DOUBLE


def labels_only(model: ModelProto) -> None:
    del model.graph.output[:]
    model.graph.node.append(helper.make_node("ArgMax", ["p"], ["l"], axis=1))
    model.graph.output.append(helper.make_tensor_value_info("l", TensorProto.INT64, ["rows", 1]))


ONNX = {
    "external data in an initializer": (lambda m: m.graph.initializer.append(external()), Reason.EXTERNAL_DATA_REFUSED),
    "external data without the flag": (without_flag, Reason.EXTERNAL_DATA_REFUSED),
    "external data in a graph in a graph": (in_subgraph, Reason.EXTERNAL_DATA_REFUSED),
    "external data in a function": (in_function, Reason.EXTERNAL_DATA_REFUSED),
    "external data in a sparse initializer": (in_sparse, Reason.EXTERNAL_DATA_REFUSED),
    "external data in an attribute": (in_attribute, Reason.EXTERNAL_DATA_REFUSED),
    "external data in training": (in_training, Reason.EXTERNAL_DATA_REFUSED),
    "graphs twenty deep": (deep, Reason.UNSUPPORTED_OPERATOR),
    "a function that calls itself": (calls_itself, Reason.UNSUPPORTED_OPERATOR),
    "nodes that feed each other": (feeds_itself, Reason.MODEL_UNREADABLE),
    "a tensor announced huge": (huge, Reason.MODEL_UNREADABLE),
    "a tensor of negative length": (negative, Reason.MODEL_UNREADABLE),
    "a tensor made huge": (makes_huge, Reason.UNSUPPORTED_OPERATOR),
    "a custom domain": (custom, Reason.UNSUPPORTED_OPERATOR),
    "a custom operator undeclared": (hidden_custom, Reason.UNSUPPORTED_OPERATOR),
    "a loop": (loops, Reason.UNSUPPORTED_OPERATOR),
    "an opset of the future": (future_opset, Reason.UNSUPPORTED_OPSET),
    "an IR version of the future": (future_ir, Reason.UNSUPPORTED_OPSET),
    "two inputs": (two_inputs, Reason.MODEL_INPUTS_DIFFER),
    "an input of doubles": (doubles, Reason.MODEL_UNREADABLE),
    "labels without probabilities": (labels_only, Reason.MODEL_OUTPUTS_DIFFER),
}


def forest(**settings: Any) -> RandomForestClassifier:
    return RandomForestClassifier(3, random_state=0, **settings).fit(ROWS, CODES)


def boosted() -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(max_iter=3, random_state=0).fit(ROWS, CODES)


def _schema_changed(change: Callable[[dict[str, Any]], None]) -> bytes:
    with zipfile.ZipFile(io.BytesIO(skops_io.dumps(LogisticRegression().fit(ROWS, CODES)))) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(files["schema.json"])
    change(schema)
    return zipped(files | {"schema.json": json.dumps(schema).encode()})


def names_a_function(schema: dict[str, Any]) -> None:
    schema["content"]["content"]["C"] = {
        "__class__": "system",
        "__module__": "os",
        "__loader__": "FunctionNode",
        "content": {"module_path": "os", "function": "system"},
    }


def names_a_type(schema: dict[str, Any]) -> None:
    schema["content"]["content"]["C"] = {"__class__": "Popen", "__module__": "subprocess", "__loader__": "TypeNode"}


def with_child(value: int) -> bytes:
    """A forest with a node that leads to nowhere: scikit-learn would follow it."""
    model = forest()
    model.estimators_[1].tree_.children_left[0] = value
    return bytes(skops_io.dumps(model))


def with_column(value: int) -> bytes:
    model = forest()
    model.estimators_[0].tree_.feature[0] = value
    return bytes(skops_io.dumps(model))


def with_boosted_child() -> bytes:
    model = boosted()
    model._predictors[0][0].nodes["left"][0] = 4_000_000
    return bytes(skops_io.dumps(model))


SKOPS: dict[str, tuple[Callable[[], bytes], Reason]] = {
    "a function by name": (lambda: _schema_changed(names_a_function), Reason.UNTRUSTED_TYPE),
    "a type by name": (lambda: _schema_changed(names_a_type), Reason.UNTRUSTED_TYPE),
    "a transformer with a function": (
        lambda: skops_io.dumps(FunctionTransformer(np.exp).fit(ROWS)),
        Reason.UNTRUSTED_TYPE,
    ),
    "a path as a type": (lambda: skops_io.dumps({"a": Path.touch}), Reason.UNTRUSTED_TYPE),
    "no classifier": (lambda: skops_io.dumps({"a": [1, 2]}), Reason.UNSUPPORTED_ESTIMATOR),
    "not fitted": (lambda: skops_io.dumps(RandomForestClassifier()), Reason.MODEL_UNREADABLE),
    "a child beyond the end": (lambda: with_child(1_000_000), Reason.MODEL_UNREADABLE),
    "a child that is its parent": (lambda: with_child(0), Reason.MODEL_UNREADABLE),
    "a negative child": (lambda: with_child(-5), Reason.MODEL_UNREADABLE),
    "a column beyond the last": (lambda: with_column(1_000_000), Reason.MODEL_UNREADABLE),
    "a boosted child beyond the end": (with_boosted_child, Reason.MODEL_UNREADABLE),
    "a bomb": (
        lambda: zipped({"schema.json": b"[" * (40 << 20)}, zipfile.ZIP_DEFLATED),
        Reason.MODEL_TOO_LARGE,
    ),
    "a schema nested without end": (
        lambda: zipped({"schema.json": b"[" * 100_000}, zipfile.ZIP_DEFLATED),
        Reason.MODEL_UNREADABLE,
    ),
    "a name outside": (
        lambda: zipped({"../../evil": b"x", "schema.json": b"{}"}),
        Reason.MODEL_UNREADABLE,
    ),
}


def pickles(marker: Path) -> dict[str, bytes]:
    """Every way to write a pickle that makes the file ``marker`` when it is opened."""
    found = {f"pickle {protocol}": pickled(marker, protocol) for protocol in range(6)}
    found |= {"joblib": joblibbed(marker), "torch": torch_archive(marker)}
    for kind in ("zlib", "gzip", "bz2", "xz", "lzma"):
        found[f"joblib {kind}"] = joblibbed(marker, compress=(kind, 3))
    return found


def onnx_bytes(name: str) -> bytes:
    """One of the hostile ONNX files."""
    change, _ = ONNX[name]
    return _changed(change)
