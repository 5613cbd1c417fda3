"""Writes the exports that a spec asks for, and proves each of them against the ONNX file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model_builder.categories import Rows
from model_builder.contract import decision
from model_builder.exports.c99 import write_c
from model_builder.exports.model import Source, Written
from model_builder.exports.network import Network
from model_builder.exports.tables import tables
from model_builder.model_report import ExportFacts
from model_builder.parity import Answers, Parity, compare

FOLDER = "exports"


@dataclass(frozen=True)
class Kind:
    """One kind of export: how it is written, how it is asked, and in whose words the proof is told."""

    write: Callable[[Source], Written]
    answer: Callable[[Source, Written, Rows], Answers]
    proven_by: str


def export_all(
    wanted: tuple[str, ...], source: Source, rows: Rows, expected: Answers
) -> tuple[dict[str, bytes], tuple[ExportFacts, ...]]:
    """Write every export but ONNX.

    Parameters
    ----------
    rows, expected
        Rows to prove the exports on, and what the ONNX file says of them.

    Returns
    -------
    tuple
        Files by path within the artifact, and what the report tells of each export.

    Raises
    ------
    BuilderError
        ``ExportUnsupported``, or ``ParityFailed`` where an export answers otherwise than the ONNX file.
    """
    files: dict[str, bytes] = {}
    facts = []
    for name in wanted:
        if name == "onnx":
            continue
        kind = KINDS[name]
        written = kind.write(source)
        said = kind.answer(source, written, rows)
        parity = compare(said, expected, source.signature, of=kind.proven_by, beside="ONNX Runtime")
        files |= {f"{FOLDER}/{name}/{path}": content for path, content in written.files.items()}
        facts.append(_facts(name, written, parity, kind.proven_by))
    return files, tuple(facts)


def _facts(name: str, written: Written, parity: Parity, proven_by: str) -> ExportFacts:
    return ExportFacts(
        format=name,
        files={f"{FOLDER}/{name}/{path}": len(content) for path, content in sorted(written.files.items())},
        bytes=written.bytes,
        detail=written.detail,
        proven_by=proven_by,
        rows=parity.rows,
        max_score_error=parity.max_score_error,
        label_differences=parity.label_differences,
    )


def _walk(source: Source, _: Written, rows: Rows) -> Answers:
    laid_out = source.ensemble if isinstance(source.ensemble, Network) else tables(source.ensemble)
    return labelled(laid_out.scores(rows.matrix()), source)


def labelled(scores: npt.NDArray[np.float32], source: Source) -> Answers:
    """Label scores by the rules of the prediction contract, in float32."""
    if source.signature.threshold is None:
        return Answers(scores, scores.argmax(axis=1).astype(np.int64))
    return Answers(scores, (scores[:, 0] >= np.float32(decision(source.signature))).astype(np.int64))


def _write_tflite(source: Source) -> Written:
    from model_builder.exports.tflite import write_tflite  # what it imports is heavy, and few ask for it

    return write_tflite(source)


def _interpret(source: Source, written: Written, rows: Rows) -> Answers:
    from model_builder.exports.litert import answer

    return answer(written.files[f"{source.name}.tflite"], rows)


KINDS: Mapping[str, Kind] = {
    "tflite": Kind(_write_tflite, _interpret, "LiteRT's interpreter, without delegates"),
    "c": Kind(write_c, _walk, "the numbers of the C code, worked out in float32 as the code does"),
}
