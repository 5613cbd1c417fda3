"""The Python backend ``onnxruntime`` of the slim Triton image, without Triton."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from images.triton.onnxruntime import model as backend

CONFIG: dict[str, Any] = {
    "name": "press",
    "max_batch_size": 64,
    "input": [{"name": "numeric", "data_type": "TYPE_FP32", "dims": ["2"]}],
    "output": [
        {"name": "score", "data_type": "TYPE_FP32", "dims": ["1"]},
        {"name": "fault", "data_type": "TYPE_BOOL", "dims": ["1"]},
    ],
    "parameters": {"intra_op_thread_count": {"string_value": "1"}},
}


def configured(**changes: Any) -> backend.ServingConfig:
    return backend.parse_config(json.dumps(CONFIG | changes))


@dataclass
class RowSums:
    """Stands for a session: score is the sum of a row, fault whether it is positive; a row of -1 breaks it."""

    runs: list[int] = field(default_factory=list)

    def run(self, output_names: list[str], input_feed: dict[str, backend.Array]) -> list[backend.Array]:
        assert output_names == ["score", "fault"]
        rows = input_feed["numeric"]
        self.runs.append(len(rows))
        if (rows == -1).any():
            raise RuntimeError("row of -1")
        score = rows.sum(axis=1, keepdims=True)
        return [score, score > 0]


def request(*rows: Sequence[float]) -> dict[str, backend.Array]:
    return {"numeric": np.array(rows, dtype=np.float32)}


def test_config_gives_tensors_with_the_batch_dimension_in_front() -> None:
    config = configured()
    assert config.inputs == (backend.TensorSpec("numeric", "TYPE_FP32", (-1, 2)),)
    assert [spec.name for spec in config.outputs] == ["score", "fault"]
    assert (config.intra_op_threads, config.inter_op_threads, config.model_filename) == (1, 0, "model.onnx")


def test_config_without_batching_keeps_dims_as_they_are() -> None:
    assert configured(max_batch_size=0).inputs[0].dims == (2,)


def test_reshape_says_what_the_model_sees() -> None:
    output = {"name": "label", "data_type": "TYPE_INT64", "dims": ["1"], "reshape": {"shape": []}}
    assert configured(output=[output]).outputs[0].dims == (-1,)


@pytest.mark.parametrize("kind", ["input", "output"])
def test_config_without_tensors_is_refused(kind: str) -> None:
    with pytest.raises(ValueError, match=f"names no {kind}"):
        configured(**{kind: []})


@pytest.mark.parametrize("text", ["one", "-1", "1.5", ""])
def test_thread_count_must_be_a_whole_number(text: str) -> None:
    with pytest.raises(ValueError, match="intra_op_thread_count is"):
        configured(parameters={"intra_op_thread_count": {"string_value": text}})


def test_tensor_that_fits_is_accepted() -> None:
    backend.check_tensor(backend.TensorSpec("numeric", "TYPE_FP32", (-1, 2)), "tensor(float)", ["N", 2])
    backend.check_tensor(backend.TensorSpec("numeric", "TYPE_FP32", (-1, 2)), "tensor(float)", [None, "features"])


@pytest.mark.parametrize(
    ("data_type", "dims", "complaint"),
    [
        ("TYPE_FP64", (-1, 2), r"config.pbtxt says TYPE_FP64, the model has tensor\(float\)"),
        ("TYPE_FP32", (-1, 3), r"the shape \[-1, 3\] .* the model has \['N', 2\]"),
        ("TYPE_FP32", (-1,), r"the shape \[-1\] .* the model has \['N', 2\]"),
    ],
)
def test_tensor_that_differs_is_refused_with_both_sides(data_type: str, dims: tuple[int, ...], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        backend.check_tensor(backend.TensorSpec("numeric", data_type, dims), "tensor(float)", ["N", 2])


@given(sizes=st.lists(st.integers(min_value=0, max_value=5), min_size=1, max_size=8))
def test_requests_run_as_one_batch_and_each_gets_its_own_rows(sizes: list[int]) -> None:
    session = RowSums()
    values = np.arange(2 * sum(sizes), dtype=np.float32).reshape(-1, 2)
    requests = [{"numeric": rows} for rows in np.split(values, np.cumsum(sizes)[:-1])]
    answers = backend.Predictor(session, configured()).predict(requests)
    assert session.runs == [sum(sizes)]
    for answer, asked in zip(answers, requests, strict=True):
        assert isinstance(answer, list)
        np.testing.assert_array_equal(answer[0], asked["numeric"].sum(axis=1, keepdims=True))
        assert all(part.flags.c_contiguous for part in answer)


def test_without_batching_each_request_runs_alone() -> None:
    session = RowSums()
    backend.Predictor(session, configured(max_batch_size=0)).predict([request([1, 2]), request([3, 4])])
    assert session.runs == [1, 1]


def test_requests_of_different_shapes_run_apart_and_keep_their_order() -> None:
    session = RowSums()
    requests = [request([1, 2]), request([1, 2, 3]), request([3, 4])]
    answers = backend.Predictor(session, configured()).predict(requests)
    assert session.runs == [2, 1]
    assert [float(answer[0][0, 0]) for answer in answers if isinstance(answer, list)] == [3, 6, 7]


def test_only_the_request_that_breaks_the_run_fails() -> None:
    answers = backend.Predictor(RowSums(), configured()).predict([request([1, 2]), request([-1, -1]), request([3, 4])])
    assert isinstance(answers[0], list)
    assert isinstance(answers[1], RuntimeError)
    assert isinstance(answers[2], list)


def test_missing_input_is_named() -> None:
    (answer,) = backend.Predictor(RowSums(), configured()).predict([{"other": np.zeros((1, 2))}])
    assert isinstance(answer, backend.BadRequestError)
    assert "['numeric']" in str(answer)


def test_inputs_with_different_numbers_of_rows_are_refused() -> None:
    entries = [*CONFIG["input"], {"name": "categorical", "data_type": "TYPE_STRING", "dims": ["1"]}]
    asked = request([1, 2]) | {"categorical": np.array([[b"L"], [b"M"]], dtype=np.object_)}
    (answer,) = backend.Predictor(RowSums(), configured(input=entries)).predict([asked])
    assert isinstance(answer, backend.BadRequestError)
    assert "{'numeric': 1, 'categorical': 2}" in str(answer)


def test_outputs_without_a_row_for_each_input_fail_and_say_how_to_mend_it() -> None:
    class Mean(RowSums):
        def run(self, output_names: list[str], input_feed: dict[str, backend.Array]) -> list[backend.Array]:
            return [part[:1] for part in super().run(output_names, input_feed)]

    with pytest.raises(ValueError, match="max_batch_size to 0"):
        backend.run_together(Mean(), configured(), [request([1, 2]), request([3, 4])])


def test_strings_come_as_bytes_and_leave_as_bytes() -> None:
    text = np.array([["Öl".encode()], [b"M"]], dtype=np.object_)
    decoded = backend.to_onnx(text, "TYPE_STRING")
    assert decoded.tolist() == [["Öl"], ["M"]]
    assert backend.from_onnx(decoded, "TYPE_STRING").tolist() == text.tolist()


def test_string_that_is_not_utf8_is_a_bad_request() -> None:
    with pytest.raises(backend.BadRequestError, match="not UTF-8"):
        backend.to_onnx(np.array([[b"\xff"]], dtype=np.object_), "TYPE_STRING")


def test_lifeline_ends_the_server_when_the_backend_dies() -> None:
    with subprocess.Popen(["sleep", "60"]) as server:
        program = f"from images.triton.onnxruntime.model import Lifeline; import os; Lifeline({server.pid}); os.abort()"
        subprocess.run([sys.executable, "-c", program], check=False)
        assert server.wait(timeout=30) == -signal.SIGTERM


def test_released_lifeline_lets_the_server_live() -> None:
    with subprocess.Popen(["sleep", "60"]) as server:
        lifeline = backend.Lifeline(server.pid)
        lifeline.release()
        assert lifeline._watcher.returncode == 0
        assert server.poll() is None
        server.kill()


# What Triton would hand over, and a model small enough to write by hand.


@dataclass
class FakeTensor:
    label: str
    value: backend.Array

    def name(self) -> str:
        return self.label

    def as_numpy(self) -> backend.Array:
        return self.value


@dataclass
class FakeRequest:
    tensors: list[FakeTensor]

    def inputs(self) -> list[FakeTensor]:
        return self.tensors


@dataclass
class FakeResponse:
    output_tensors: list[FakeTensor]
    error: Exception | None = None


@dataclass
class FakeError(Exception):
    message: str
    code: int

    INVALID_ARG: ClassVar[int] = 3
    INTERNAL: ClassVar[int] = 1


@pytest.fixture
def utils(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stand in for Triton's module, and for the server's process, which a model left loaded would end."""
    with subprocess.Popen(["sleep", "60"]) as server:
        monkeypatch.setattr(os, "getppid", lambda: server.pid)
        _provide_utils(monkeypatch)
        yield
        server.kill()


def _provide_utils(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("triton_python_backend_utils")
    module.__dict__.update(Tensor=FakeTensor, InferenceResponse=FakeResponse, TritonError=FakeError)
    monkeypatch.setitem(sys.modules, module.__name__, module)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    graph = helper.make_graph(
        [
            helper.make_node("ReduceSum", ["numeric", "axes"], ["score"], keepdims=1),
            helper.make_node("Greater", ["score", "zero"], ["fault"]),
        ],
        "row-sums",
        [helper.make_tensor_value_info("numeric", TensorProto.FLOAT, [None, 2])],
        [
            helper.make_tensor_value_info("score", TensorProto.FLOAT, [None, 1]),
            helper.make_tensor_value_info("fault", TensorProto.BOOL, [None, 1]),
        ],
        [
            helper.make_tensor("axes", TensorProto.INT64, [1], [1]),
            helper.make_tensor("zero", TensorProto.FLOAT, [1], [0.0]),
        ],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    (tmp_path / "1").mkdir()
    onnx.save(proto, tmp_path / "1/model.onnx")
    return tmp_path


@contextmanager
def loaded(repository: Path, **changes: Any) -> Iterator[backend.TritonPythonModel]:
    served = backend.TritonPythonModel()
    served.initialize(
        {
            "model_config": json.dumps(CONFIG | changes),
            "model_repository": str(repository),
            "model_version": "1",
        }
    )
    try:
        yield served
    finally:
        served.finalize()


@pytest.mark.usefixtures("utils")
def test_model_answers_in_order_and_reports_errors_per_request(repository: Path) -> None:
    asked = [
        FakeRequest([FakeTensor("numeric", np.array([[1, 2], [-3, 1]], dtype=np.float32))]),
        FakeRequest([FakeTensor("other", np.zeros((1, 2), dtype=np.float32))]),
        FakeRequest([FakeTensor("numeric", np.array([[4, 4]], dtype=np.float32))]),
    ]
    with loaded(repository) as served:
        first, second, third = served.execute(asked)  # type: ignore[arg-type]  # the stand-ins' lists are invariant
    assert isinstance(first, FakeResponse)
    assert {tensor.label: tensor.value.tolist() for tensor in first.output_tensors} == {
        "score": [[3.0], [-2.0]],
        "fault": [[True], [False]],
    }
    assert isinstance(second, FakeResponse)
    assert second.error == FakeError("inputs missing: ['numeric']", FakeError.INVALID_ARG)
    assert isinstance(third, FakeResponse)
    assert third.output_tensors[0].value.tolist() == [[8.0]]


@pytest.mark.usefixtures("utils")
def test_error_of_the_runtime_is_internal(repository: Path) -> None:
    asked = [FakeRequest([FakeTensor("numeric", np.zeros((1, 2), dtype=np.float64))])]
    with loaded(repository) as served:
        (response,) = served.execute(asked)  # type: ignore[arg-type]
    assert isinstance(response, FakeResponse)
    assert isinstance(response.error, FakeError)
    assert response.error.code == FakeError.INTERNAL
    assert "tensor(float)" in response.error.message


@pytest.mark.usefixtures("utils")
def test_model_that_differs_from_its_config_is_not_loaded(repository: Path) -> None:
    output = [{"name": "label", "data_type": "TYPE_INT64", "dims": ["1"]}]
    complaint = r"no tensor 'label': it has \['fault', 'score'\]"
    with pytest.raises(ValueError, match=complaint), loaded(repository, output=output):
        pass


@pytest.mark.usefixtures("utils")
def test_unloaded_model_lets_go_of_its_session(repository: Path) -> None:
    with loaded(repository) as served:
        pass
    with pytest.raises(RuntimeError, match="unloaded"):
        served.execute([])
