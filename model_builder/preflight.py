"""Asks a server for the golden samples of its artifact and holds the answers against those that were recorded.

Runs as a small Job before a version gets its first request, against the version's own address: imports nothing heavy.
Rows travel as binary tensors of the Open Inference Protocol, so that a missing value arrives as the NaN that it is.
"""

from __future__ import annotations

import http.client
import json
import math
import struct
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from model_builder.errors import EXIT_INPUT, EXIT_OK, EXIT_RETRY, BuilderError
from model_builder.report import PreflightReport
from model_builder.settings import Settings
from model_builder.store import open_store, read_artifact
from model_builder.timing import too_slow

GOLDEN = "golden.json"
ROWS = 64
"""Rows of one request: no server is configured to take fewer."""

_HEADER = "Inference-Header-Content-Length"
_TIMEOUT = 30.0
_SCORES = ("score", "probabilities")
_PARTS = "contributions"
_UNPACK = {"FP32": "f", "INT64": "q", "BOOL": "?"}

Row = Sequence[Any]


class Ask(Protocol):
    """Sends the body of a request, with the length of its JSON part; gives the body of the answer, and that length."""

    def __call__(self, body: bytes, json_length: int) -> tuple[bytes, int]: ...


class ServerError(Exception):
    """The server does not answer, or not with predictions."""


def over_http(host: str, name: str, version: int) -> Ask:
    """Ask one version of a model at ``HOST:PORT``."""
    path = f"/v2/models/{name}/versions/{version}/infer"

    def ask(body: bytes, json_length: int) -> tuple[bytes, int]:
        connection = http.client.HTTPConnection(host, timeout=_TIMEOUT)
        try:
            headers = {"Content-Type": "application/octet-stream", _HEADER: str(json_length)}
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise ServerError(f"{host} does not answer: {error or type(error).__name__}") from error
        finally:
            connection.close()
        if response.status != 200:
            raise ServerError(f"{host} answered {response.status}: {answer[:300].decode(errors='replace')}")
        return answer, int(response.headers.get(_HEADER) or len(answer))

    return ask


@dataclass(frozen=True)
class _Difference:
    error: float
    text: str


def preflight(
    read: Callable[[str], bytes], digest: str, ask: Ask, latency_limit: float | None = None
) -> PreflightReport:
    """Hold a server's answers against the golden samples of an artifact, then its latency against a limit.

    Parameters
    ----------
    read
        Reads a path of the store.
    latency_limit
        Seconds; None: however long it takes.

    Raises
    ------
    BuilderError
        ``DigestMismatch``, ``ArtifactNotFound`` or ``StoreUnavailable``.
    ServerError
        Where the server does not answer, or not with predictions.
    """
    document = json.loads(read_artifact(digest, read)[GOLDEN])
    signature, outputs = document["signature"], document["outputs"]
    # Inputs stand under their names; the rows of each are as wide as its list of columns in the signature.
    inputs = {name: document[name] for name in ("numeric", "categorical") if document.get(name)}
    samples = len(next(iter(inputs.values())))
    worst, largest = _Difference(0.0, ""), 0.0
    for start in range(0, samples, ROWS):
        part = {name: rows[start : start + ROWS] for name, rows in inputs.items()}
        said = _infer(ask, part, list(outputs))
        expected = {name: values[start : start + ROWS] for name, values in outputs.items()}
        for row in range(len(next(iter(part.values())))):
            kind = document["kinds"][start + row]
            error, found = _compare(row, expected, said, document["tolerance"], signature.get("threshold"))
            largest = max(largest, error if math.isfinite(error) else 0.0)
            if found and error >= worst.error:
                worst = _Difference(error, f"sample {start + row} ({kind}): {found}")
    if worst.text:
        message = f"The server answers differently than the build recorded; worst {worst.text}."
        return PreflightReport(outcome="Differ", message=message, samples=samples)
    one = {name: rows[:1] for name, rows in inputs.items()}
    late = too_slow(lambda: _infer(ask, one, list(outputs)), latency_limit) if latency_limit is not None else ""
    if late:
        message = f"The server answers as the build recorded, but too late: {late}, though it has nothing else to do."
        return PreflightReport(outcome="Slow", message=message, samples=samples)
    message = f"{samples} golden samples answered as recorded; scores differ by at most {largest:.1e}."
    return PreflightReport(outcome="Passed", message=message, samples=samples)


def _infer(ask: Ask, inputs: dict[str, list[Row]], outputs: list[str]) -> dict[str, list[Any]]:
    """Ask for rows; give the values of each output, those of a row side by side."""
    tensors = {name: _encode(name, rows) for name, rows in inputs.items()}
    header = {
        "inputs": [
            {
                "name": name,
                "shape": [len(rows), len(rows[0])],
                "datatype": "FP32" if name == "numeric" else "BYTES",
                "parameters": {"binary_data_size": len(tensors[name])},
            }
            for name, rows in inputs.items()
        ],
        "outputs": [{"name": name, "parameters": {"binary_data": True}} for name in outputs],
    }
    text = json.dumps(header).encode()
    answer, length = ask(text + b"".join(tensors.values()), len(text))
    try:
        found, position = {}, length
        for output in json.loads(answer[:length])["outputs"]:
            size = output["parameters"]["binary_data_size"]
            content, position = answer[position : position + size], position + size
            found[output["name"]] = _decode(output["datatype"], content)
        return {name: found[name] for name in outputs}
    except (KeyError, ValueError, struct.error) as error:
        raise ServerError(f"the answer is no answer of the Open Inference Protocol: {error!r}") from error


def _encode(name: str, rows: list[Row]) -> bytes:
    cells = [cell for row in rows for cell in row]
    if name == "numeric":
        return struct.pack(f"<{len(cells)}f", *(math.nan if cell is None else cell for cell in cells))
    texts = ["" if cell is None else str(cell) for cell in cells]
    return b"".join(struct.pack("<I", len(text.encode())) + text.encode() for text in texts)


def _decode(datatype: str, content: bytes) -> list[Any]:
    code = _UNPACK[datatype]
    return [value for (value,) in struct.iter_unpack(f"<{code}", content)]


def _compare(
    row: int, expected: dict[str, list[Any]], said: dict[str, list[Any]], tolerance: float, threshold: float | None
) -> tuple[float, str]:
    """Give the largest error of a row's scores, and what is wrong with it; empty where all is as recorded."""
    recorded = _row(row, expected)
    answered = _row(row, said, len(expected[next(iter(expected))]))
    errors = [abs(one - other) for one, other in zip(recorded.scores, answered.scores, strict=True)]
    error = math.inf if any(math.isnan(one) for one in errors) else max(errors)
    if error > tolerance:
        return error, f"score {_shown(answered.scores)}, recorded {_shown(recorded.scores)}"
    # Contributions to log-odds may be large, and a float has so many digits.
    off = [abs(one - other) / max(1.0, abs(one)) for one, other in zip(recorded.parts, answered.parts, strict=True)]
    apart = math.inf if any(math.isnan(one) for one in off) else max(off, default=0.0)
    if apart > tolerance:
        return apart, f"contributions {_shown(answered.parts)}, recorded {_shown(recorded.parts)}"
    if answered.label != recorded.label and not _tie(recorded.scores, tolerance, threshold):
        return error, f"label {answered.label}, recorded {recorded.label}"
    return error, ""


@dataclass(frozen=True)
class _Row:
    """What is said of one row; ``parts`` are its contributions, none where they are not asked for."""

    scores: list[float]
    label: int
    parts: list[float]


def _row(row: int, values: dict[str, list[Any]], rows: int | None = None) -> _Row:
    scores: list[float] = []
    parts: list[float] = []
    label = -1
    for name, column in values.items():
        cells = _cells(row, column, rows)
        if name in _SCORES:
            scores = cells
        elif name == _PARTS:
            parts = cells
        else:
            label = int(cells[0])
    return _Row(scores, label, parts)


def _cells(row: int, column: list[Any], rows: int | None) -> list[float]:
    """Give a row's numbers: of a flat list for so many rows, or of a list with an element, of any depth, for each."""
    if rows:
        width = len(column) // rows
        return [float(cell) for cell in column[row * width : (row + 1) * width]]
    cells, flat = [column[row]], []
    while cells:
        cell = cells.pop(0)
        if isinstance(cell, list):
            cells = cell + cells
        else:
            flat.append(math.nan if cell is None else float(cell))
    return flat


def _tie(scores: list[float], tolerance: float, threshold: float | None) -> bool:
    if threshold is not None:
        return abs(scores[0] - threshold) <= tolerance
    best, second = sorted(scores, reverse=True)[:2]
    return best - second <= tolerance


def _shown(scores: list[float]) -> str:
    return ", ".join(f"{score:.6g}" for score in scores[:8])


def run_preflight(
    settings: Settings, digest: str, name: str, version: int, host: str, latency_limit: float | None = None
) -> int:
    """Do what the operator's Job does: report by termination message, and give the exit code."""
    try:
        report = preflight(open_store(settings).read, digest, over_http(host, name, version), latency_limit)
        code = EXIT_OK if report.outcome == "Passed" else EXIT_INPUT
    except (BuilderError, ServerError) as error:
        report, code = PreflightReport(outcome="Failed", message=str(error)[:1024]), EXIT_RETRY
    print(report.to_json(), file=sys.stderr)  # noqa: T201
    if settings.termination_log is not None:
        settings.termination_log.write_text(report.to_json(), encoding="utf-8")
    return code
