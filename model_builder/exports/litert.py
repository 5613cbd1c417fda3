"""Runs a TensorFlow Lite file by LiteRT's own interpreter."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from model_builder.categories import Rows
from model_builder.contract import FAULT, LABEL, PROBABILITIES, SCORE
from model_builder.frontend import CATEGORICAL, INPUT
from model_builder.parity import Answers

CHUNK_ROWS = 4096


def answer(content: bytes, rows: Rows, *, delegates: bool = False) -> Answers:
    """Answer rows.

    Parameters
    ----------
    delegates
        Whether LiteRT may hand operators to XNNPACK, which chooses its code by the processor. Without it an answer is
        the same on every machine.
    """
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    kind = OpResolverType.AUTO if delegates else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(model_content=content, num_threads=1, experimental_op_resolver_type=kind)
    runner = interpreter.get_signature_runner()
    scores, labels = [], []
    for start in range(0, len(rows), CHUNK_ROWS):
        chunk = rows.take(slice(start, start + CHUNK_ROWS))
        given: dict[str, npt.NDArray[np.generic]] = {}
        if chunk.numeric.shape[1]:
            given[INPUT] = np.ascontiguousarray(chunk.numeric)
        if chunk.categories:
            given[CATEGORICAL] = chunk.codes.astype(np.int32)
        said = runner(**given)
        scores.append(said[SCORE if SCORE in said else PROBABILITIES].copy())
        labels.append(said[FAULT if FAULT in said else LABEL].reshape(-1).astype(np.int64))
    return Answers(np.concatenate(scores), np.concatenate(labels))
