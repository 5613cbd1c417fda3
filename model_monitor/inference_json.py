"""Reads requests of the Open Inference Protocol over HTTP: JSON, with tensors in it or behind it in binary."""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

from model_monitor.tensors import Tensor, Tensors, invalid

BINARY_HEADER = "inference-header-content-length"

_ALLOWED = "a request of the Open Inference Protocol, version 2"


@dataclass(frozen=True, eq=False)
class Request:
    """A decoded request: what it calls itself, and its inputs by name."""

    id: str
    tensors: Tensors


def decode(body: bytes, json_length: int | None) -> Request:
    """Decode the body of a request.

    Parameters
    ----------
    json_length
        How much of it is JSON, as the header of the binary extension says; None: all of it.

    Raises
    ------
    MonitorError
        ``InvalidRequest``.
    """
    if json_length is not None and not 0 < json_length <= len(body):
        raise invalid(f"{BINARY_HEADER} is {json_length}, the body has {len(body)} bytes", allowed="a part of the body")
    try:
        document = json.loads(body if json_length is None else body[:json_length])
        entries, name = document["inputs"], document.get("id", "")
        tensors: Tensors = {}
        position = len(body) if json_length is None else json_length
        for entry in entries:
            size = (entry.get("parameters") or {}).get("binary_data_size")
            if size is None:
                tensors[entry["name"]] = _from_json(entry)
                continue
            tensors[entry["name"]] = from_bytes(entry["datatype"], _shape(entry), _part(body, position, size))
            position += size
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise invalid(f"the request cannot be read: {type(error).__name__}", allowed=_ALLOWED) from None
    return Request(name if isinstance(name, str) else "", tensors)


def _part(body: bytes, position: int, size: Any) -> bytes:  # noqa: ANN401 (what JSON holds)
    if not isinstance(size, int) or size < 0 or position + size > len(body):
        raise invalid("a binary tensor is longer than the body", allowed="a body that holds all of its tensors")
    return body[position : position + size]


def _shape(entry: dict[str, Any]) -> tuple[int, ...]:
    shape = entry["shape"]
    if not isinstance(shape, list) or not all(isinstance(size, int) and size >= 0 for size in shape):
        raise invalid("a tensor's shape is no list of sizes", allowed="sizes of 0 and more")
    return tuple(shape)


def _from_json(entry: dict[str, Any]) -> Tensor:
    shape, datatype = _shape(entry), entry["datatype"]
    if datatype == "BYTES":
        values = np.array(entry["data"], object).reshape(shape)
        if not all(isinstance(value, str) for value in values.flat):
            raise invalid("a tensor of BYTES holds something else than texts", allowed="texts")
        return Tensor(datatype, values)
    if datatype != "FP32":
        raise invalid("a tensor has another datatype", allowed="FP32 or BYTES")
    numbers = np.array(entry["data"])
    if numbers.size and numbers.dtype.kind not in "fiu":
        raise invalid("a tensor of FP32 holds something else than numbers", allowed="numbers")
    with np.errstate(over="ignore"):
        return Tensor(datatype, numbers.astype(np.float64).astype(np.float32).reshape(shape))


def from_bytes(datatype: str, shape: tuple[int, ...], content: bytes) -> Tensor:
    """Decode a binary tensor: little-endian numbers, or texts each behind its length.

    Raises
    ------
    MonitorError
        ``InvalidRequest`` where content and shape do not agree.
    """
    cells = math.prod(shape)
    if datatype == "FP32" and len(content) == 4 * cells:
        return Tensor(datatype, np.frombuffer(content, "<f4").astype(np.float32).reshape(shape))
    if datatype == "BYTES":
        return Tensor(datatype, as_texts(_cut(content, cells), shape))
    raise invalid(
        f"a binary tensor of {cells} cells has {len(content)} bytes", allowed="FP32 of four bytes each, or BYTES"
    )


def as_texts(values: list[bytes], shape: tuple[int, ...]) -> np.ndarray[Any, np.dtype[np.object_]]:
    """Decode texts, which have to be UTF-8."""
    if len(values) != math.prod(shape):
        raise invalid(f"a tensor of {math.prod(shape)} cells has {len(values)} texts", allowed="as many as its shape")
    texts = np.empty(len(values), object)
    try:
        texts[:] = [value.decode() for value in values]
    except UnicodeDecodeError:
        raise invalid("a text is not UTF-8", allowed="texts in UTF-8") from None
    return texts.reshape(shape)


def _cut(content: bytes, cells: int) -> list[bytes]:
    values: list[bytes] = []
    position = 0
    while len(values) < cells and position + 4 <= len(content):
        (length,) = struct.unpack_from("<I", content, position)
        values.append(content[position + 4 : position + 4 + length])
        position += 4 + length
    if position != len(content):
        raise invalid("a binary tensor of texts is cut short or too long", allowed="each text behind its length")
    return values
