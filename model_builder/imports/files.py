"""Brings a model file to local scratch: bounded, hashed, checked against its pin; of MLflow by its MLmodel."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from model_builder.errors import BuilderError, Reason, listed, shown
from model_builder.imports.content import MAX_MODEL_BYTES, too_large, unreadable
from model_builder.settings import Settings
from model_builder.sources import CHUNK_BYTES, opened
from model_builder.spec.importing import Import
from model_builder.uri import locate

MAX_MLMODEL_BYTES = 1 << 20


@dataclass(frozen=True)
class ModelFile:
    """A model file on local scratch."""

    path: Path
    sha256: str
    bytes: int


def bring_model(wanted: Import, settings: Settings, scratch: Path, base: Path = Path()) -> ModelFile:
    """Copy the model file into ``scratch``.

    Parameters
    ----------
    settings
        With the credentials and certificates of the model.
    base
        Where a relative path starts, outside a cluster.

    Raises
    ------
    BuilderError
        When it is missing, forbidden, unreachable, too large or not the pinned one; ``UnknownModelFormat`` for an
        MLflow model of another flavour.
    """
    uri = wanted.uri
    if wanted.format == "mlflow":
        described = _copied(wanted, uri, settings, scratch / "MLmodel", base, MAX_MLMODEL_BYTES)
        uri = f"{uri.rpartition('/')[0]}/{_inside(described.path.read_bytes())}".lstrip("/" if "/" not in uri else "")
    found = _copied(wanted, uri, settings, scratch / "model", base, MAX_MODEL_BYTES)
    if wanted.sha256 and wanted.sha256 != found.sha256:
        raise BuilderError(
            Reason.CHECKSUM_MISMATCH,
            f"the model file has SHA-256 {found.sha256}, the spec pins {wanted.sha256}",
            found=found.sha256,
            allowed=wanted.sha256,
            remedy="correct sha256 in the spec, or bring back the file that it was taken from",
        )
    return found


def _copied(wanted: Import, uri: str, settings: Settings, target: Path, base: Path, most: int) -> ModelFile:
    digest, size = hashlib.sha256(), 0
    with opened(wanted.address(), locate(uri, settings, base), settings) as stream, target.open("wb") as copy:
        while chunk := stream.read(CHUNK_BYTES):
            size += len(chunk)
            if size > most:
                raise too_large(size)
            digest.update(chunk)
            copy.write(chunk)
    return ModelFile(target, digest.hexdigest(), size)


def _inside(described: bytes) -> str:
    """Find the ONNX or skops file that an MLmodel file names."""
    try:
        document: Any = yaml.safe_load(described)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise unreadable("no MLmodel file", error) from None
    flavors = document.get("flavors") if isinstance(document, dict) else None
    if not isinstance(flavors, dict):
        raise unreadable("no MLmodel file", "it has no flavors")
    for flavor, field in (("onnx", "data"), ("skops", "model_file"), ("sklearn", "pickled_model")):
        told = flavors.get(flavor)
        if isinstance(told, dict) and isinstance(told.get(field), str):
            return _relative(told[field])
    named = listed([str(name) for name in flavors]) or "no flavour"
    raise BuilderError(
        Reason.UNKNOWN_MODEL_FORMAT,
        f"the MLflow model has no flavour that is taken in: {named}",
        found=named,
        allowed="onnx, or sklearn written with serialization_format skops",
        remedy="log it by mlflow.onnx.log_model, or by mlflow.sklearn.log_model with serialization_format='skops'",
    )


def _relative(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or ".." in parts or path.startswith("/") or "\\" in path or "\0" in path or ":" in path:
        raise BuilderError(
            Reason.EXTERNAL_DATA_REFUSED,
            f"the MLmodel file names a file outside of its folder: {shown(path)}",
            found=shown(path),
            allowed="a file in the folder of the MLmodel file",
            remedy="log the model again, and copy its whole folder",
        )
    return path
