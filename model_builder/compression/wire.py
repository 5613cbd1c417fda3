"""Protocol buffers' wire format, as far as needed to write what the library would write larger.

ONNX declares its lists of integers and floats unpacked, so the library writes a tag before every element. A parser
must take the packed form as well, which has one tag and one length for the whole list.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_LENGTH_DELIMITED = 2
_VARINT = 0
_ONE_BYTE = 0x7F


def varint(value: int) -> bytes:
    """Write an unsigned integer, seven bits a byte, lowest first."""
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def integer(field: int, value: int) -> bytes:
    """Write a field that holds one unsigned integer."""
    return varint(field << 3 | _VARINT) + varint(value)


def data(field: int, content: bytes) -> bytes:
    """Write a field that holds bytes, a text or a message."""
    return varint(field << 3 | _LENGTH_DELIMITED) + varint(len(content)) + content


def packed_integers(field: int, values: Sequence[int] | npt.NDArray[np.integer]) -> bytes:
    """Write a field that holds a list of unsigned integers."""
    numbers = np.asarray(values, np.int64)
    if len(numbers) and numbers.max() <= _ONE_BYTE:
        return data(field, numbers.astype(np.uint8).tobytes())
    return data(field, b"".join(map(varint, numbers.tolist())))


def packed_floats(field: int, values: npt.NDArray[np.float32]) -> bytes:
    """Write a field that holds a list of 32-bit floats."""
    return data(field, values.astype("<f4").tobytes())
