"""Tells what a model file is by its first bytes, and refuses what would run code when it is opened."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from model_builder.errors import BuilderError, Reason, shown

MAX_MODEL_BYTES = 64 << 20
"""Largest model file that is taken in."""

Kind = Literal["onnx", "skops"]

CONVERT = (
    "on a machine where you trust the file, run `python -m model_builder convert FILE --out model.skops`, and import "
    "what it writes"
)
_PICKLE_PROTOCOLS = re.compile(rb"\x80[\x02-\x05]")
_OLD_PICKLE = re.compile(rb"(?:\((?:[dlitI(cS]|$)|[cS][\w.]+\n|[\]}]q?|I\d+\n)")
_OTHER = (
    (b"\x1f\x8b", "a gzip archive, as joblib writes with compression"),
    (b"BZh", "a bzip2 archive, as joblib writes with compression"),
    (b"\xfd7zXZ", "an xz archive, as joblib writes with compression"),
    (b"]\x00\x00", "an lzma archive, as joblib writes with compression"),
    (b"\x04\x22\x4d\x18", "an lz4 archive, as joblib writes with compression"),
    (b"ZF", "an archive of old releases of joblib"),
    (b"x\x01", "a zlib archive, as joblib writes with compression"),
    (b"x\x5e", "a zlib archive, as joblib writes with compression"),
    (b"x\x9c", "a zlib archive, as joblib writes with compression"),
    (b"x\xda", "a zlib archive, as joblib writes with compression"),
)
_ONNX_IR_VERSION = 0x08
"""Tag of the first field of every ONNX file that a tool has written."""


def kind_of(content: bytes) -> Kind:
    """Tell whether a file is ONNX or skops.

    Raises
    ------
    BuilderError
        ``PickleRefused``, ``UnknownModelFormat`` or ``ModelTooLarge``.
    """
    if len(content) > MAX_MODEL_BYTES:
        raise too_large(len(content))
    if not content:
        raise _unknown("an empty file")
    if _PICKLE_PROTOCOLS.match(content) or _OLD_PICKLE.match(content):
        raise _pickle("a pickle, as pickle, joblib and torch.save write it")
    for magic, what in _OTHER:
        if content.startswith(magic):
            raise _pickle(what)
    if content.startswith(b"PK\x03\x04"):
        return _kind_of_zip(content)
    if content[0] == _ONNX_IR_VERSION:
        return "onnx"
    raise _unknown(f"a file that begins with {content[:8].hex(' ')}")


def _kind_of_zip(content: bytes) -> Kind:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError, OSError) as error:
        raise unreadable("a zip archive that is broken", error) from None
    if any(name.endswith((".pkl", ".pickle")) for name in names):
        raise _pickle("a zip archive with a pickle in it, as torch.save writes it")
    if "schema.json" in names:
        return "skops"
    raise _unknown(f"a zip archive with {', '.join(shown(name) for name in names[:3]) or 'nothing'} in it")


def too_large(size: int, what: str = "the model file") -> BuilderError:
    """Describe a file, or what is in it, that is too large."""
    return BuilderError(
        Reason.MODEL_TOO_LARGE,
        f"{what} is larger than {MAX_MODEL_BYTES:,} bytes",
        found=f"{size:,} bytes",
        allowed=f"at most {MAX_MODEL_BYTES:,} bytes",
        remedy="import a smaller model: fewer trees, fewer layers",
    )


@contextmanager
def refusing(refusal: Callable[[Exception], BuilderError]) -> Iterator[None]:
    """Refuse a file over which a library raises whatever it likes.

    A ``BuilderError`` says itself what is wrong, and that memory runs out is the machine's fault and not the file's.
    """
    try:
        yield
    except (BuilderError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 (libraries raise what they like over a damaged file)
        raise refusal(error) from None


def unreadable(what: str, error: Exception | str) -> BuilderError:
    """Describe a file that is cut off or damaged."""
    name = "" if isinstance(error, str) else f"{type(error).__name__}: "
    return BuilderError(
        Reason.MODEL_UNREADABLE,
        f"the model file cannot be read: it is {what}",
        found=shown(f"{name}{error}", 300),
        allowed="a whole file, as the exporter wrote it",
        remedy="export or copy the file again, and compare its SHA-256 with the original's",
    )


def _pickle(what: str) -> BuilderError:
    return BuilderError(
        Reason.PICKLE_REFUSED,
        f"the model file is {what}: opening one runs whatever code is in it, so it is never opened here",
        found=what,
        allowed="ONNX, or skops",
        remedy=CONVERT,
    )


def _unknown(what: str) -> BuilderError:
    return BuilderError(
        Reason.UNKNOWN_MODEL_FORMAT,
        f"the model file is neither ONNX nor skops, but {what}",
        found=what,
        allowed="ONNX, or skops",
        remedy="export the model as ONNX (skl2onnx, torch.onnx.export) or write it by skops.io.dump",
    )
