"""The first nodes of a model's graph: from the inputs of the contract to the matrix that the estimator sees."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from model_builder.categories import Category
from model_builder.report import Signature

INPUT = "numeric"
CATEGORICAL = "categorical"
MATRIX = "matrix"


@dataclass(frozen=True)
class FrontEnd:
    """Inputs of the graph and the nodes behind them. ``matrix`` names the tensor that the estimator reads."""

    matrix: str
    inputs: list[ValueInfoProto]
    nodes: list[NodeProto] = field(default_factory=list)
    constants: list[TensorProto] = field(default_factory=list)


def front_end(signature: Signature, categories: tuple[Category, ...]) -> FrontEnd:
    """Write the inputs, and the encoding of texts where there are any. A model of texts alone has no input of numbers.

    A text becomes a 0 or 1 for every value that the model knows; any other text, the empty one too, is all zeros.
    """
    numeric = helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["rows", len(signature.numeric)])
    if not categories:
        return FrontEnd(INPUT, [numeric])
    numbers = [numeric] if signature.numeric else []
    texts = helper.make_tensor_value_info(CATEGORICAL, TensorProto.STRING, ["rows", len(categories)])
    nodes, constants, parts = [], [], [INPUT] if numbers else []
    for index, category in enumerate(categories):
        column, place, known, flat = (f"{part}_{index}" for part in ("text", "place", "known", "flat"))
        constants.append(numpy_helper.from_array(np.array([index], np.int64), place))
        nodes += [
            helper.make_node("Gather", [CATEGORICAL, place], [column], name=f"Text_{index}", axis=1),
            helper.make_node(
                "OneHotEncoder",
                [column],
                [known],
                name=f"Known_{index}",
                domain="ai.onnx.ml",
                cats_strings=[value.encode() for value in category.values],
                zeros=1,
            ),
            helper.make_node("Flatten", [known], [flat], name=f"Flat_{index}", axis=1),
        ]
        parts.append(flat)
    nodes.append(helper.make_node("Concat", parts, [MATRIX], name="Matrix", axis=1))
    return FrontEnd(MATRIX, [*numbers, texts], nodes, constants)
