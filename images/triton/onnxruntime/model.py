"""Triton backend ``onnxruntime``, written in Python, for the slim image.

It stands under the name of Triton's own C++ backend, so that one model repository and one config.pbtxt serve in this
image and in the official one. It wants config.pbtxt written in full (inputs, outputs, types, shapes) and, as the C++
backend does, refuses to load where config.pbtxt and the ONNX model differ. Shapes given by ``reshape`` are applied by
Triton itself before and after this code.

Parameters read from config.pbtxt, with the C++ backend's names: ``intra_op_thread_count``, ``inter_op_thread_count``.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt
import onnxruntime

Array = npt.NDArray[Any]
Shape = Sequence[int | str | None]

ONNX_TYPES = {
    "TYPE_BOOL": "tensor(bool)",
    "TYPE_UINT8": "tensor(uint8)",
    "TYPE_UINT16": "tensor(uint16)",
    "TYPE_UINT32": "tensor(uint32)",
    "TYPE_UINT64": "tensor(uint64)",
    "TYPE_INT8": "tensor(int8)",
    "TYPE_INT16": "tensor(int16)",
    "TYPE_INT32": "tensor(int32)",
    "TYPE_INT64": "tensor(int64)",
    "TYPE_FP16": "tensor(float16)",
    "TYPE_FP32": "tensor(float)",
    "TYPE_FP64": "tensor(double)",
    "TYPE_STRING": "tensor(string)",
}


class TritonTensor(Protocol):
    """A tensor of Triton's: named, convertible to numpy."""

    def name(self) -> str: ...
    def as_numpy(self) -> Array: ...


class Request(Protocol):
    """One client's request."""

    def inputs(self) -> list[TritonTensor]: ...


class TritonErrorClass(Protocol):
    """Triton's error class: called with a message and one of its own codes."""

    INVALID_ARG: int
    INTERNAL: int

    def __call__(self, message: str, code: int, /) -> Exception: ...


class TritonUtils(Protocol):
    """What this backend uses of ``triton_python_backend_utils``, which publishes no types."""

    TritonError: TritonErrorClass

    def Tensor(self, name: str, value: Array) -> TritonTensor: ...  # noqa: N802
    def InferenceResponse(  # noqa: N802
        self, output_tensors: list[TritonTensor], error: Exception | None = None
    ) -> object: ...


class Session(Protocol):
    """What this backend uses of an ONNX Runtime session."""

    def run(self, output_names: list[str], input_feed: dict[str, Array]) -> list[Array]: ...


@dataclass(frozen=True)
class TensorSpec:
    """A tensor as config.pbtxt declares it.

    Attributes
    ----------
    name, data_type
        As in config.pbtxt.
    dims
        The shape that the model sees (``reshape`` applied), with the batch dimension in front where there is one;
        -1 for any size.
    """

    name: str
    data_type: str
    dims: tuple[int, ...]


@dataclass(frozen=True)
class ServingConfig:
    """The parts of config.pbtxt that this backend heeds."""

    max_batch_size: int
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    model_filename: str
    intra_op_threads: int
    inter_op_threads: int


class BadRequestError(ValueError):
    """One request cannot be answered; the others of its batch can."""


def parse_config(model_config: str) -> ServingConfig:
    """Read Triton's JSON form of config.pbtxt.

    Raises
    ------
    ValueError
        If inputs or outputs are missing, or a parameter is not a number: the message says how to mend it.
    """
    raw = json.loads(model_config)
    max_batch_size = int(raw.get("max_batch_size", 0))

    def specs(kind: str) -> tuple[TensorSpec, ...]:
        if not raw.get(kind):
            raise ValueError(f"config.pbtxt names no {kind}: write every input and output with data_type and dims")
        return tuple(_tensor_spec(entry, batched=max_batch_size > 0) for entry in raw[kind])

    return ServingConfig(
        max_batch_size=max_batch_size,
        inputs=specs("input"),
        outputs=specs("output"),
        model_filename=raw.get("default_model_filename") or "model.onnx",
        intra_op_threads=_thread_count(raw, "intra_op_thread_count"),
        inter_op_threads=_thread_count(raw, "inter_op_thread_count"),
    )


def _tensor_spec(entry: dict[str, Any], *, batched: bool) -> TensorSpec:
    reshape = entry.get("reshape")
    dims = reshape.get("shape", []) if reshape else entry["dims"]
    return TensorSpec(entry["name"], entry["data_type"], (-1,) * batched + tuple(int(size) for size in dims))


def _thread_count(raw: dict[str, Any], key: str) -> int:
    """Return the parameter `key`, 0 (ONNX Runtime decides) where it is absent."""
    text = raw.get("parameters", {}).get(key, {}).get("string_value", "0")
    try:
        count = int(text)
    except ValueError:
        count = -1
    if count < 0:
        raise ValueError(
            f"parameter {key} is {text!r} in config.pbtxt: give a whole number, 0 to let the runtime decide"
        )
    return count


def check_tensor(spec: TensorSpec, onnx_type: str, onnx_shape: Shape) -> None:
    """Raise ValueError, with what was expected and what was got, unless `spec` fits the model's tensor."""
    expected = ONNX_TYPES.get(spec.data_type)
    if expected != onnx_type:
        raise ValueError(f"tensor {spec.name!r}: config.pbtxt says {spec.data_type}, the model has {onnx_type}")
    fits = len(spec.dims) == len(onnx_shape) and all(
        want == -1 or not isinstance(has, int) or want == has for want, has in zip(spec.dims, onnx_shape, strict=True)
    )
    if not fits:
        raise ValueError(
            f"tensor {spec.name!r}: config.pbtxt gives the shape {list(spec.dims)} (with the batch dimension), "
            f"the model has {list(onnx_shape)}"
        )


def open_session(path: Path, config: ServingConfig) -> Session:
    """Load the model and check every tensor of `config` against it."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = config.intra_op_threads
    options.inter_op_num_threads = config.inter_op_threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    for specs, nodes in ((config.inputs, session.get_inputs()), (config.outputs, session.get_outputs())):
        offered = {node.name: node for node in nodes}
        for spec in specs:
            if spec.name not in offered:
                raise ValueError(f"the model has no tensor {spec.name!r}: it has {sorted(offered)}")
            check_tensor(spec, offered[spec.name].type, offered[spec.name].shape)
    return cast(Session, session)


def to_onnx(value: Array, data_type: str) -> Array:
    """Turn a request's tensor into one that ONNX Runtime takes: strings come as bytes and go on as text."""
    if data_type != "TYPE_STRING":
        return value
    try:
        text = [item.decode("utf-8") if isinstance(item, bytes) else str(item) for item in value.ravel()]
    except UnicodeDecodeError as error:
        raise BadRequestError(f"a string is not UTF-8: {error}") from error
    return np.array(text, dtype=np.object_).reshape(value.shape)


def from_onnx(value: Array, data_type: str) -> Array:
    """Turn a model's tensor into one that Triton takes: contiguous, strings as UTF-8 bytes."""
    if data_type != "TYPE_STRING":
        return np.ascontiguousarray(value)
    encoded = [str(item).encode("utf-8") for item in value.ravel()]
    return np.array(encoded, dtype=np.object_).reshape(value.shape)


def run_together(session: Session, config: ServingConfig, feeds: Sequence[dict[str, Array]]) -> list[list[Array]]:
    """Run several requests as one batch and cut the answers apart again.

    Parameters
    ----------
    feeds
        For each request its inputs by name, all with the batch dimension in front and alike in the other dimensions.

    Returns
    -------
    list of list of array
        For each request its outputs, in the order of config.pbtxt.
    """
    names = [spec.name for spec in config.outputs]
    if len(feeds) == 1:
        return [session.run(names, feeds[0])]
    first = config.inputs[0].name
    rows = [len(feed[first]) for feed in feeds]
    outputs = session.run(names, {name: np.concatenate([feed[name] for feed in feeds]) for name in feeds[0]})
    if any(len(output) != sum(rows) for output in outputs):
        raise ValueError("the model's outputs do not have one row for each row of input: set max_batch_size to 0")
    cuts = np.cumsum(rows)[:-1]
    pieces = [np.split(output, cuts) for output in outputs]
    return [[piece[index] for piece in pieces] for index in range(len(feeds))]


def _batch_key(feed: dict[str, Array]) -> tuple[tuple[int, ...], ...]:
    return tuple(value.shape[1:] for value in feed.values())


class Predictor:
    """Answers lists of requests with one session: as few runs as the shapes allow, one error per bad request."""

    def __init__(self, session: Session, config: ServingConfig) -> None:
        self._session = session
        self._config = config

    def predict(self, requests: Sequence[dict[str, Array]]) -> list[list[Array] | Exception]:
        """Return for each of `requests` (inputs by name, as Triton gave them) its outputs, or why there are none."""
        answers: list[list[Array] | Exception] = [BadRequestError("not run")] * len(requests)
        groups: dict[object, list[tuple[int, dict[str, Array]]]] = {}
        for index, request in enumerate(requests):
            try:
                feed = self._feed(request)
            except BadRequestError as error:
                answers[index] = error
                continue
            key = _batch_key(feed) if self._config.max_batch_size > 0 else index
            groups.setdefault(key, []).append((index, feed))
        for group in groups.values():
            results = self._run([feed for _, feed in group])
            for (index, _), result in zip(group, results, strict=True):
                answers[index] = result
        return answers

    def _feed(self, request: dict[str, Array]) -> dict[str, Array]:
        missing = [spec.name for spec in self._config.inputs if spec.name not in request]
        if missing:
            raise BadRequestError(f"inputs missing: {missing}")
        feed = {spec.name: to_onnx(request[spec.name], spec.data_type) for spec in self._config.inputs}
        if self._config.max_batch_size > 0 and len({len(value) for value in feed.values()}) > 1:
            rows = {name: len(value) for name, value in feed.items()}
            raise BadRequestError(f"inputs differ in their number of rows: {rows}")
        return feed

    def _run(self, feeds: list[dict[str, Array]]) -> list[list[Array] | Exception]:
        try:
            batches = run_together(self._session, self._config, feeds)
            return [self._encode(outputs) for outputs in batches]
        except Exception as error:  # noqa: BLE001 - ONNX Runtime's errors have no common base; a client must get an answer
            if len(feeds) == 1:
                return [error]
            return [answer for feed in feeds for answer in self._run([feed])]  # so that only the culprit fails

    def _encode(self, outputs: list[Array]) -> list[Array]:
        return [from_onnx(value, spec.data_type) for value, spec in zip(outputs, self._config.outputs, strict=True)]


class Lifeline:
    """Ends the server when this process dies unasked.

    A server of this version stays live and ready while its backend's process is gone and every request fails. Ended,
    it is started again by the kubelet. The watcher is a process of its own and waits for this one's end of a pipe.
    """

    def __init__(self, server: int) -> None:
        script = 'read -r || kill -TERM "$1"'
        self._watcher = subprocess.Popen(
            ["bash", "-c", script, "lifeline", str(server)], stdin=subprocess.PIPE, start_new_session=True
        )

    def release(self) -> None:
        """Let the server live on: this process ends because it was asked to."""
        self._watcher.communicate(b"released\n")


class TritonPythonModel:
    """What Triton's Python backend calls, once per model instance, each in a process of its own."""

    def initialize(self, args: dict[str, str]) -> None:
        """Load the model; whatever is raised here becomes the reason why the model is unavailable."""
        self._utils = cast(TritonUtils, importlib.import_module("triton_python_backend_utils"))
        self._config = parse_config(args["model_config"])
        path = Path(args["model_repository"]) / args["model_version"] / self._config.model_filename
        self._predictor: Predictor | None = Predictor(open_session(path, self._config), self._config)
        self._lifeline = Lifeline(server=os.getppid())

    def execute(self, requests: Sequence[Request]) -> list[object]:
        """Answer the requests that Triton's scheduler put together; one response each, in their order."""
        if self._predictor is None:
            raise RuntimeError("the model has been unloaded")
        inputs = [{tensor.name(): tensor.as_numpy() for tensor in request.inputs()} for request in requests]
        return [self._response(answer) for answer in self._predictor.predict(inputs)]

    def finalize(self) -> None:
        """Close the session at unload."""
        self._predictor = None
        self._lifeline.release()

    def _response(self, answer: list[Array] | Exception) -> object:
        if isinstance(answer, Exception):
            triton_error = self._utils.TritonError
            code = triton_error.INVALID_ARG if isinstance(answer, BadRequestError) else triton_error.INTERNAL
            return self._utils.InferenceResponse(output_tensors=[], error=triton_error(str(answer), code))
        names = (spec.name for spec in self._config.outputs)
        tensors = [self._utils.Tensor(name, value) for name, value in zip(names, answer, strict=True)]
        return self._utils.InferenceResponse(output_tensors=tensors)
