"""Receives mirrored requests over gRPC: ModelInfer, answered before it is scored, or even read."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import grpc
import numpy as np
from google.protobuf.message import DecodeError
from tritonclient.grpc import service_pb2

from model_monitor.envelope import MODEL_HEADER, Envelope, envelope
from model_monitor.inference_json import as_texts, from_bytes
from model_monitor.intake import Decode, Intake, Waiting
from model_monitor.metrics import Metrics
from model_monitor.receiving import take
from model_monitor.tensors import Tensor, Tensors, invalid

_SERVICE = "inference.GRPCInferenceService"
_EMPTY: bytes = service_pb2.ModelInferResponse().SerializeToString()


def server(intake: Intake, metrics: Metrics, max_body_bytes: int) -> grpc.aio.Server:
    """Make the server for the port of mirrored requests."""

    async def infer(body: bytes, context: Any) -> bytes:  # noqa: ANN401 (grpcio publishes no types)
        now = datetime.now(UTC)
        headers = {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}
        waiting = Waiting(now, len(body), reader(headers, body, now))
        refused = take(intake, metrics, waiting, headers.get(MODEL_HEADER, ""))
        if refused is not None:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, refused.message)
        return _EMPTY

    made = grpc.aio.server(options=[("grpc.max_receive_message_length", max_body_bytes), ("grpc.so_reuseport", 0)])
    # Without deserializer: the message stays as it came until the scorer reads it.
    handler = grpc.unary_unary_rpc_method_handler(infer)
    made.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, {"ModelInfer": handler}),))
    return made


def reader(headers: dict[str, str], body: bytes, now: datetime) -> Decode:
    """Give what reads a request later."""

    def read() -> tuple[Envelope, Tensors]:
        try:
            request = service_pb2.ModelInferRequest.FromString(body)
        except DecodeError:
            raise invalid("the message cannot be read", allowed="inference.ModelInferRequest") from None
        model = request.model_name or headers.get(MODEL_HEADER, "")
        return envelope(headers, model, request.id, now), tensors(request)

    return read


def tensors(request: Any) -> Tensors:  # noqa: ANN401 (a message of protobuf)
    """Give the inputs of a request, whose contents are typed or raw.

    Raises
    ------
    MonitorError
        ``InvalidRequest``.
    """
    raw = request.raw_input_contents
    if raw and len(raw) != len(request.inputs):
        raise invalid(f"{len(request.inputs)} inputs have {len(raw)} raw contents", allowed="raw contents for each")
    found: Tensors = {}
    for index, entry in enumerate(request.inputs):
        shape = tuple(entry.shape)
        if any(size < 0 for size in shape):
            raise invalid("a tensor's shape holds a negative size", allowed="sizes of 0 and more")
        found[entry.name] = from_bytes(entry.datatype, shape, raw[index]) if raw else _typed(entry, shape)
    return found


def _typed(entry: Any, shape: tuple[int, ...]) -> Tensor:  # noqa: ANN401 (a message of protobuf)
    if entry.datatype == "BYTES":
        return Tensor("BYTES", as_texts(list(entry.contents.bytes_contents), shape))
    values = np.array(entry.contents.fp32_contents, np.float32)
    if entry.datatype != "FP32" or len(values) != math.prod(shape):
        raise invalid(
            f"a tensor {entry.datatype} {list(shape)} has {len(values)} numbers", allowed="FP32, or BYTES, of its shape"
        )
    return Tensor("FP32", values.reshape(shape))
