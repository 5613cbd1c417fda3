"""Golden samples against servers: one that is right, and each way of being wrong."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path
from typing import Any

import pytest

from model_builder.artifact import write_artifact
from model_builder.preflight import ServerError, over_http, preflight, run_preflight
from model_builder.report import PreflightReport
from model_builder.settings import Settings
from model_builder.store import FolderStore
from model_builder.timing import WARM, too_slow

SCORES = [0.25, 0.75, 0.5, 0.125]
BINARY: dict[str, Any] = {
    "signature": {"numeric": ["a", "b"], "categorical": ["c"], "classes": ["0", "1"], "threshold": 0.5},
    "tolerance": 1e-5,
    "kinds": ["class 0", "class 1", "near the decision", "missing values"],
    "numeric": [[1.5, 2.0], [3.0, 4.0], [5.0, 6.0], [None, 8.0]],
    "categorical": [["x"], ["Ü"], ["y"], [None]],
    "outputs": {"score": SCORES, "fault": [False, True, True, False]},
}
CLASSES: dict[str, Any] = {
    "signature": {"numeric": ["a"], "classes": ["p", "q", "r"]},
    "tolerance": 1e-5,
    "kinds": ["class p", "class q"],
    "numeric": [[1.0], [2.0]],
    "outputs": {"probabilities": [[0.5, 0.25, 0.25], [0.2, 0.4, 0.4]], "label": [0, 1]},
}


class _Server:
    """Answers like a server of the protocol, with what it is given."""

    def __init__(self, **outputs: tuple[str, list[Any]]) -> None:
        self.outputs = outputs
        self.header: dict[str, Any] = {}
        self.tensors = b""

    def __call__(self, body: bytes, json_length: int) -> tuple[bytes, int]:
        self.header, self.tensors = json.loads(body[:json_length]), body[json_length:]
        described, content = [], b""
        for name, (datatype, values) in self.outputs.items():
            code = {"FP32": "f", "BOOL": "?", "INT64": "q"}[datatype]
            packed = struct.pack(f"<{len(values)}{code}", *values)
            size = {"binary_data_size": len(packed)}
            described.append({"name": name, "datatype": datatype, "shape": [len(values)], "parameters": size})
            content += packed
        text = json.dumps({"outputs": described}).encode()
        return text + content, len(text)


def server(scores: list[float] = SCORES, faults: tuple[bool, ...] = (False, True, True, False)) -> _Server:
    return _Server(fault=("BOOL", list(faults)), score=("FP32", scores))


def check(
    tmp_path: Path, document: dict[str, Any], ask: _Server, latency_limit: float | None = None
) -> PreflightReport:
    artifact = write_artifact({"golden.json": json.dumps(document).encode()}, tmp_path / "out")
    store = FolderStore(tmp_path / "store")
    store.publish(tmp_path / "out", artifact.digest)
    return preflight(store.read, artifact.digest, ask, latency_limit)


def test_a_server_that_answers_as_recorded_passes(tmp_path: Path) -> None:
    ask = server()
    report = check(tmp_path, BINARY, ask)
    assert report.outcome == "Passed"
    assert report.samples == 4


def test_a_server_that_is_late_is_told_after_its_answers_were_held_against_the_record(tmp_path: Path) -> None:
    late = check(tmp_path / "late", BINARY, server(), latency_limit=0.0)
    assert late.outcome == "Slow"
    assert "requests of one row took longer than 0 s" in late.message
    assert check(tmp_path / "wrong", BINARY, server(faults=(True, True, True, False)), 0.0).outcome == "Differ"
    assert check(tmp_path / "soon", BINARY, server(), latency_limit=60.0).outcome == "Passed"


@pytest.mark.parametrize(
    ("took", "asked", "said"),
    [
        ([0.3] * 21, 11, "11 of 11 requests of one row took longer than 0.2 s, 0.3 s at the median"),
        ([0.1] * 21, 11, ""),
        ([0.1, 0.3] * 10 + [0.1], 21, ""),
        ([0.3, 0.1] * 10 + [0.3], 21, "11 of 21"),
        ([0.2] * 21, 11, ""),
    ],
)
def test_most_requests_decide_and_no_more_are_sent(took: list[float], asked: int, said: str) -> None:
    clock = iter([moment for one in took for moment in (0.0, one)])
    requests: list[None] = []
    found = too_slow(lambda: requests.append(None), 0.2, lambda: next(clock))
    assert len(requests) == WARM + asked
    assert found.startswith(said)
    assert bool(found) == bool(said)


def test_missing_values_travel_as_they_are(tmp_path: Path) -> None:
    ask = server()
    check(tmp_path, BINARY, ask)
    numeric = struct.unpack("<8f", ask.tensors[:32])
    assert math.isnan(numeric[6])
    assert numeric[7] == 8.0
    assert ask.tensors[32:] == b"".join(struct.pack("<I", len(one)) + one for one in (b"x", "Ü".encode(), b"y", b""))
    assert [one["shape"] for one in ask.header["inputs"]] == [[4, 2], [4, 1]]


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (server(scores=[0.25, 0.75, 0.5, 0.126]), "sample 3 (missing values): score 0.126, recorded 0.125"),
        (server(scores=[0.25, math.nan, 0.5, 0.125]), "sample 1 (class 1): score nan, recorded 0.75"),
        (server(faults=(True, True, True, False)), "sample 0 (class 0): label 1, recorded 0"),
        (server(scores=[0.25, 0.7, 0.6, 0.125]), "sample 2 (near the decision): score 0.6, recorded 0.5"),
    ],
)
def test_the_worst_difference_is_shown(tmp_path: Path, ask: _Server, said: str) -> None:
    report = check(tmp_path, BINARY, ask)
    assert report.outcome == "Differ"
    assert said in report.message


def test_a_tie_may_fall_either_way(tmp_path: Path) -> None:
    assert check(tmp_path, BINARY, server(faults=(False, True, False, False))).outcome == "Passed"


@pytest.mark.parametrize(
    ("labels", "outcome"), [([0, 1], "Passed"), ([0, 2], "Passed"), ([2, 1], "Differ"), ([1, 1], "Differ")]
)
def test_several_classes(tmp_path: Path, labels: list[int], outcome: str) -> None:
    probabilities = [0.5, 0.25, 0.25, 0.2, 0.4, 0.4]
    ask = _Server(probabilities=("FP32", probabilities), label=("INT64", labels))
    assert check(tmp_path, CLASSES, ask).outcome == outcome


@pytest.mark.parametrize(
    ("served", "outcome", "said"),
    [
        ([0.1, 0.2, 0.3, -0.5, 0.0, 20.0, 0.5, 0.25], "Passed", "4 golden samples"),
        ([0.1, 0.2, 0.3, -0.5, 0.0, 20.0001, 0.5, 0.25], "Passed", "4 golden samples"),
        ([0.1, 0.2, 0.3, -0.5, 0.0, 20.0, 0.5, 0.26], "Differ", "contributions 0.5, 0.26, recorded 0.5, 0.25"),
        (
            [0.1, 0.2, 0.3, -0.5, 0.0, math.nan, 0.5, 0.25],
            "Differ",
            "sample 2 (near the decision): contributions 0, nan",
        ),
    ],
)
def test_contributions_are_held_to_what_was_recorded(
    tmp_path: Path, served: list[float], outcome: str, said: str
) -> None:
    parts = [[0.1, 0.2], [0.3, -0.5], [0.0, 20.0], [0.5, 0.25]]
    document = {**BINARY, "outputs": {"contributions": parts, **BINARY["outputs"]}}
    ask = server()
    ask.outputs = {"contributions": ("FP32", served), **ask.outputs}
    report = check(tmp_path, document, ask)
    assert report.outcome == outcome
    assert said in report.message


def test_contributions_of_several_classes_are_compared_class_by_class(tmp_path: Path) -> None:
    parts = [[[0.1], [0.2], [0.3]], [[0.4], [0.5], [0.6]]]
    document = {**CLASSES, "outputs": {"contributions": parts, **CLASSES["outputs"]}}
    for last, outcome in ((0.6, "Passed"), (0.5, "Differ")):
        ask = _Server(
            contributions=("FP32", [0.1, 0.2, 0.3, 0.4, 0.5, last]),
            probabilities=("FP32", [0.5, 0.25, 0.25, 0.2, 0.4, 0.4]),
            label=("INT64", [0, 1]),
        )
        assert check(tmp_path, document, ask).outcome == outcome
        (tmp_path / "out").rename(tmp_path / f"out of {outcome}")


def test_an_answer_that_is_none_is_no_verdict(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="no answer of the Open Inference Protocol"):
        check(tmp_path, BINARY, _Server(score=("FP32", SCORES)))


def test_a_server_that_is_not_there_is_told_and_may_be_tried_again(tmp_path: Path) -> None:
    artifact = write_artifact({"golden.json": json.dumps(BINARY).encode()}, tmp_path / "out")
    store = FolderStore(tmp_path / "store")
    store.publish(tmp_path / "out", artifact.digest)
    settings = Settings(store=str(tmp_path / "store"), termination_log=tmp_path / "said")
    assert run_preflight(settings, artifact.digest, "spindle", 1, "127.0.0.1:1") == 1
    report = PreflightReport.model_validate_json((tmp_path / "said").read_text())
    assert report.outcome == "Failed"
    assert "does not answer" in report.message
    with pytest.raises(ServerError):
        over_http("127.0.0.1:1", "spindle", 1)(b"", 0)
