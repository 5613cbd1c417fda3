"""A fault model of a machine as ONNX, and versions of it that go wrong in one way each."""

import itertools

import numpy as np
import pandas as pd
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.tree import DecisionTreeClassifier

_OPSETS = {"": 18, "ai.onnx.ml": 3}
_WIDTH = 1024
"""Rows and columns of the matrices that burn time: 4 MB, more than a core keeps close by."""


def tree(frame: pd.DataFrame, columns: tuple[str, ...], target: str, depth: int = 8) -> ModelProto:
    """Fit a tree to all rows, and write it with the input `x` and the output `probabilities`."""
    rows = frame[list(columns)].to_numpy(np.float32)
    fitted = DecisionTreeClassifier(max_depth=depth, random_state=0).fit(rows, frame[target].to_numpy(np.int64))
    kind = [("x", FloatTensorType([None, len(columns)]))]
    model: ModelProto = convert_sklearn(
        fitted, initial_types=kind, options={id(fitted): {"zipmap": False}}, target_opset=_OPSETS
    )
    return model


def wrong_beyond(model: ModelProto, column: int, limit: float) -> ModelProto:
    """Give fault for sound and sound for fault where a reading is above a limit."""
    nodes = [
        *_beyond(),
        helper.make_node("Gather", ["probabilities", "other"], ["swapped"], axis=1),
        helper.make_node("Where", ["beyond", "swapped", "probabilities"], ["altered"]),
    ]
    return _ends_with(model, nodes, {**_place(column, limit), "other": np.array([1, 0], np.int64)})


def silent_beyond(model: ModelProto, column: int, limit: float) -> ModelProto:
    """Raise no alarm where a reading is above a limit."""
    nodes = [*_beyond(), helper.make_node("Where", ["beyond", "sound", "probabilities"], ["altered"])]
    return _ends_with(model, nodes, {**_place(column, limit), "sound": np.array([[1, 0]], np.float32)})


def nan_beyond(model: ModelProto, column: int, limit: float) -> ModelProto:
    """Answer NaN, as 0/0 gives it, where a reading is above a limit."""
    nodes = [
        *_beyond(),
        helper.make_node("Not", ["beyond"], ["within"]),
        helper.make_node("Cast", ["within"], ["factor"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["probabilities", "factor"], ["above"]),
        helper.make_node("Div", ["above", "factor"], ["altered"]),
    ]
    return _ends_with(model, nodes, _place(column, limit))


def error_between(model: ModelProto, column: int, limit: float, highest: float) -> ModelProto:
    """Look for something outside of a table, which is an error, where a reading lies between two limits."""
    nodes = [
        *_beyond(),
        helper.make_node("LessOrEqual", ["reading", "highest"], ["below"]),
        helper.make_node("And", ["beyond", "below"], ["between"]),
        helper.make_node("Cast", ["between"], ["row"], to=TensorProto.INT64),
        helper.make_node("Gather", ["table", "row"], ["factor"], axis=0),
        helper.make_node("Mul", ["probabilities", "factor"], ["altered"]),
    ]
    constants = {"highest": np.array([highest], np.float32), "table": np.array([1], np.float32)}
    return _ends_with(model, nodes, {**_place(column, limit), **constants})


def in_other_order(model: ModelProto, order: tuple[int, ...]) -> ModelProto:
    """Take the columns in another order than they come in."""
    changed = _copy(model)
    for node in changed.graph.node:
        node.input[:] = ["ordered" if name == "x" else name for name in node.input]
    changed.graph.node.insert(0, helper.make_node("Gather", ["x", "order"], ["ordered"], axis=1))
    changed.graph.initializer.append(numpy_helper.from_array(np.array(order, np.int64), "order"))
    return changed


def slow(model: ModelProto, rounds: int) -> ModelProto:
    """Multiply by the identity so many times before answering: the same answers, and much later."""
    unit = np.eye(_WIDTH, dtype=np.float32)
    names = ["wide", *(f"round{index}" for index in range(rounds))]
    pairs = itertools.pairwise(names)
    nodes = [
        helper.make_node("MatMul", ["probabilities", "widen"], ["wide"]),
        *(helper.make_node("MatMul", [one, "unit"], [following]) for one, following in pairs),
        helper.make_node("MatMul", [names[-1], "narrow"], ["altered"]),
    ]
    return _ends_with(model, nodes, {"widen": unit[:2], "unit": unit, "narrow": unit[:, :2]})


def _beyond() -> list[NodeProto]:
    return [
        helper.make_node("Gather", ["x", "column"], ["reading"], axis=1),
        helper.make_node("Greater", ["reading", "limit"], ["beyond"]),
    ]


def _place(column: int, limit: float) -> dict[str, np.ndarray]:
    return {"column": np.array([column], np.int64), "limit": np.array([limit], np.float32)}


def _ends_with(model: ModelProto, nodes: list[NodeProto], constants: dict[str, np.ndarray]) -> ModelProto:
    changed = _copy(model)
    changed.graph.node.extend(nodes)
    changed.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in constants.items())
    del changed.graph.output[:]
    changed.graph.output.append(helper.make_tensor_value_info("altered", TensorProto.FLOAT, [None, 2]))
    return changed


def _copy(model: ModelProto) -> ModelProto:
    changed = ModelProto()
    changed.CopyFrom(model)
    return changed
