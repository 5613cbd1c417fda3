"""The output ``contributions``: exact Shapley values of the trees, computed by the model file itself.

Each condition of each path is looked at once. Which players of a leaf a row follows makes a number, and under that
number stands the players' part in a table. The file holds no table: it holds what the table is computed from, by nodes
whose inputs are all constant, which a runtime computes once as it loads the file.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from onnx import NodeProto, TensorProto, helper, numpy_helper

from model_builder.compression.encode import Addition
from model_builder.contract import CONTRIBUTIONS
from model_builder.explanation.games import NO_PLAYER, Games

Array = npt.NDArray[np.generic]


class _Nodes:
    """Nodes and constants under short names of their own."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def constant(self, values: Array) -> str:
        """Add a constant."""
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(values, name))
        return name

    def indices(self, values: npt.NDArray[np.integer]) -> str:
        """Add whole numbers in as few bytes as hold them, and a node that makes indices of them."""
        small = np.min_scalar_type(int(values.max(initial=0)))
        return self.cast(self.constant(values.astype(small)), TensorProto.INT32)

    def cast(self, name: str, to: int) -> str:
        """Turn a tensor into another type."""
        return self.add("Cast", name, to=to)

    def add(self, operator: str, *inputs: str, **attributes: int) -> str:
        """Add a node with one output and name that."""
        return self._add(operator, inputs, f"n{len(self.nodes)}", attributes)

    def last(self, operator: str, *inputs: str, output: str) -> None:
        """Add the node that gives an output of the graph."""
        self._add(operator, inputs, output, {})

    def _add(self, operator: str, inputs: tuple[str, ...], output: str, attributes: dict[str, int]) -> str:
        node = helper.make_node(operator, list(inputs), [output])
        node.attribute.extend(helper.make_attribute(name, value) for name, value in attributes.items())
        self.nodes.append(node)
        return output


def contributions(games: Games, players: int, outputs: int, matrix: str, properties: dict[str, str]) -> Addition:
    """Write the nodes that take the trees' sum apart.

    Parameters
    ----------
    players, outputs
        How many there are: the output has the shape (rows, players), of several classes (rows, classes, players).
    matrix
        Name of the tensor with all features, the computed ones included.
    properties
        What the file's metadata shall say of the output.
    """
    graph = _Nodes()
    follows = _follows(graph, games, matrix)
    powers = graph.constant(2.0 ** np.arange(games.slots, dtype=np.float32).reshape(1, games.slots))
    wide = graph.add("Reshape", follows, graph.constant(np.array([games.slots, -1], np.int64)))
    known = graph.add("MatMul", powers, wide)
    known = graph.add("Reshape", known, graph.constant(np.array([games.leaves, -1], np.int64)))
    subsets = 2**games.slots
    starts = (np.array(each, np.float32) for each in (0, games.leaves * subsets, subsets))
    offsets = graph.add("Range", *(graph.constant(each) for each in starts))
    offsets = graph.add("Reshape", offsets, graph.constant(np.array([games.leaves, 1], np.int64)))
    place = graph.cast(graph.add("Add", known, offsets), TensorProto.INT32)
    place = graph.add("Transpose", place)
    parts = graph.add("Gather", _table(graph, games), place, axis=0)
    slots = games.leaves * games.slots
    flat = graph.add("Reshape", parts, graph.constant(np.array([0, slots], np.int64)))
    spread = _spread(graph, games, players, outputs)
    shape: list[int | str]
    if outputs == 1:
        graph.last("MatMul", flat, spread, output=CONTRIBUTIONS)
        shape = ["rows", players]
    else:
        wide = graph.add("MatMul", flat, spread)
        shape = ["rows", outputs, players]
        graph.last("Reshape", wide, graph.constant(np.array([0, outputs, players], np.int64)), output=CONTRIBUTIONS)
    told = [helper.make_tensor_value_info(CONTRIBUTIONS, TensorProto.FLOAT, shape)]
    return Addition(graph.nodes, graph.constants, told, properties)


def _follows(graph: _Nodes, games: Games, matrix: str) -> str:
    """Tell for each leaf and slot whether a row follows: 0 or 1, shape (rows, leaves, slots)."""
    each = games.conditions
    columns = graph.add("Transpose", matrix)
    seen = graph.add("Gather", columns, graph.indices(np.array([max(one.feature, 0) for one in each])), axis=0)
    # Nothing is at most NaN, so that NaN for no lower bound holds for an infinite value too.
    low = graph.constant(np.array([[np.nan if one.low is None else one.low] for one in each], np.float32))
    high = graph.constant(np.array([[one.high] for one in each], np.float32))
    not_below = graph.add("Not", graph.add("LessOrEqual", seen, low))
    inside = graph.add("And", graph.add("LessOrEqual", seen, high), not_below)
    missing = graph.constant(np.array([[one.missing] for one in each]))
    inside = graph.add("Or", inside, graph.add("And", graph.add("IsNaN", seen), missing))
    met = graph.cast(inside, TensorProto.FLOAT)
    follows, *more = (graph.add("Gather", met, graph.indices(asks.T), axis=0) for asks in games.asks)
    for other in more:
        follows = graph.add("Mul", follows, other)
    return follows


def _table(graph: _Nodes, games: Games) -> str:
    """Compute each slot's part of a leaf of value one, for each subset of slots that a row follows.

    The integral of ``explanation.shapley``, by the same rule. Shape (leaves times subsets, slots).
    """
    leaves, slots, subsets = games.leaves, games.slots, 2**games.slots
    bits = (np.arange(subsets)[:, np.newaxis] >> np.arange(slots)) & 1
    points, weights = np.polynomial.legendre.leggauss(slots // 2 + 1)
    known, weight = ((each / 2).astype(np.float32) for each in (points + 1, weights))
    follow = graph.cast(graph.constant(bits.astype(np.uint8).reshape(1, subsets, slots, 1)), TensorProto.FLOAT)
    share = graph.constant(games.shares.astype(np.float32).reshape(leaves, 1, slots, 1))
    unknown = graph.add("Mul", share, graph.constant(1 - known))
    factors = graph.add("Add", unknown, graph.add("Mul", follow, graph.constant(known)))
    whole = graph.add("ReduceProd", factors, graph.constant(np.array([2], np.int64)), keepdims=1)
    integral = graph.add(
        "ReduceSum",
        graph.add("Mul", graph.add("Div", whole, factors), graph.constant(weight)),
        graph.constant(np.array([3], np.int64)),
        keepdims=1,
    )
    parts = graph.add("Mul", integral, graph.add("Sub", follow, share))
    return graph.add("Reshape", parts, graph.constant(np.array([leaves * subsets, slots], np.int64)))


def _spread(graph: _Nodes, games: Games, players: int, outputs: int) -> str:
    """Compute what turns slots into players: the leaf's value where the slot is the player's, else 0."""
    leaves, slots = games.leaves, games.slots
    # The player of a slot is the owner of its first condition, which costs no byte more; padding has none.
    owner = np.full(len(games.conditions), players, np.int64)
    owner[games.asks[0].reshape(-1)] = np.where(games.players == NO_PLAYER, players, games.players).reshape(-1)
    slot_owner = graph.add("Gather", graph.indices(owner), graph.indices(games.asks[0]))
    column = graph.add("Reshape", slot_owner, graph.constant(np.array([leaves, slots, 1, 1], np.int64)))
    mine = graph.add("Equal", column, graph.constant(np.arange(players, dtype=np.int32)))
    value = graph.constant(games.values.astype(np.float32).reshape(leaves, 1, outputs, 1))
    spread = graph.add("Mul", graph.cast(mine, TensorProto.FLOAT), value)
    return graph.add("Reshape", spread, graph.constant(np.array([leaves * slots, outputs * players], np.int64)))
