"""The ``compress`` command: a build with a budget, and what came of it, step by step and candidate by candidate."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model_builder.build import Built
from model_builder.compression.report import CandidateFacts
from model_builder.errors import BuilderError, Reason
from model_builder.imports.content import MAX_MODEL_BYTES, too_large
from model_builder.imports.probe import probe
from model_builder.imports.skops_check import columns_of
from model_builder.model_report import ModelReport
from model_builder.report import Metrics, Reduction, Report, Usage
from model_builder.spec import BuildSpec
from model_builder.specfile import parse_spec, read_spec
from model_builder.validating import open_artifact


class CompressionView(Report):
    """How small a model became, and what that cost.

    ``before`` and ``after`` are scores on the held-out rows, of the estimator as it was trained and of the file;
    ``front`` holds the candidates that none is both smaller and better than, smallest first.
    """

    name: str
    digest: str
    uri: str | None
    bytes: int
    plain_bytes: int | None
    chosen: str | None
    why: str
    folds: int
    stopped_early: bool
    reductions: tuple[Reduction, ...]
    before: Metrics
    after: Metrics
    front: tuple[CandidateFacts, ...]
    notes: tuple[str, ...]
    usage: Usage


@dataclass(frozen=True)
class Wanted:
    """What a person asks of compression on the command line. None leaves a setting as the manifest has it."""

    max_bytes: int | None = None
    max_loss: str | None = None
    max_minutes: int | None = None
    interactions: bool = False
    strict: bool = False


def spec_to_compress(source: Path, wanted: Wanted, data: str | None) -> BuildSpec:
    """Give the spec of a build that compresses.

    Parameters
    ----------
    source
        A FaultModel manifest, a plain BuildSpec, or the folder of an artifact: then the model is trained again as it
        was, on the very same data.
    data
        Where the data is, for an artifact, whose own spec does not say it.

    Raises
    ------
    BuilderError
        ``InvalidSpec``, ``ArtifactNotFound`` or ``DigestMismatch``.
    """
    return _with_budget(_of_artifact(source, data) if source.is_dir() else _plain(read_spec(source)), wanted)


def _with_budget(document: dict[str, Any], wanted: Wanted) -> BuildSpec:
    compression = document.get("compression", {})
    asked = {"maxBytes": wanted.max_bytes, "maxLoss": wanted.max_loss, "maxMinutes": wanted.max_minutes}
    budget = compression.get("budget", {}) | {name: value for name, value in asked.items() if value is not None}
    if wanted.strict:
        budget["evidence"] = "Strict"
    interactions = "Auto" if wanted.interactions else compression.get("interactions", "Off")
    return parse_spec({**document, "compression": {"budget": budget, "interactions": interactions}})


@dataclass(frozen=True)
class Elsewhere:
    """A file with a model that was made elsewhere, and what its data hold.

    Attributes
    ----------
    features
        Columns of the data in the order of the model's input; empty where the file names them itself.
    """

    model: Path
    target: str
    features: tuple[str, ...] = ()


def spec_of_model(given: Elsewhere, wanted: Wanted, data: str) -> BuildSpec:
    """Give the spec of a build that takes in a model file and compresses it.

    The file is checked and tried as every import is, in a process of its own.

    Raises
    ------
    BuilderError
        Every reason of a file that is not taken in; ``ModelInputsDiffer`` where nobody names its columns.
    """
    path = given.model.absolute()
    try:
        size = path.stat().st_size
    except OSError:
        raise BuilderError(
            Reason.DATA_NOT_FOUND,
            f"there is no file {given.model}",
            found="no such file",
            allowed="a skops or ONNX file",
            remedy="correct the path",
        ) from None
    if size > MAX_MODEL_BYTES:
        raise too_large(size)
    kind = probe(path)
    features = given.features or (columns_of(path.read_bytes()) if kind == "skops" else ())
    if not features:
        raise BuilderError(
            Reason.MODEL_INPUTS_DIFFER,
            f"{given.model} does not name the columns of its input",
            found="a model that was fitted on an array",
            allowed="--feature for each column, in the order of the model's input",
            remedy="name them, or fit the model on a data frame, whose columns skops keeps",
        )
    importing = {
        "uri": str(path),
        "format": kind,
        "data": {"uri": data},
        "target": given.target,
        "features": list(features),
    }
    return _with_budget({"name": _label(path.stem), "source": {"import": importing}}, wanted)


def _label(text: str) -> str:
    label = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:50].strip("-")
    return label if label[:1].isalpha() else f"model-{label}".strip("-")


def data_not_named(source: Path) -> BuilderError:
    """Refuse an artifact, or a model's file, without its data."""
    artifact = source.is_dir()
    return BuilderError(
        Reason.INVALID_SPEC,
        f"{source} is {'an artifact' if artifact else 'a model'}, and does not say where its data is",
        found="no --data",
        allowed=f"--data with {'the file that it was built from' if artifact else 'labelled rows'}",
        remedy="name that file; its digest is checked" if artifact else "name rows that the model was not fitted on",
    )


def _plain(spec: BuildSpec) -> dict[str, Any]:
    return spec.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def _of_artifact(folder: Path, data: str | None) -> dict[str, Any]:
    opened = open_artifact(folder)
    if "train" not in opened.spec["source"]:
        raise BuilderError(
            Reason.INVALID_SPEC,
            f"the model of {folder} was made elsewhere, and its file is not in the artifact",
            found="an artifact of an imported model",
            allowed="a manifest with source.import, or the artifact of a model that was trained here",
            remedy="give the manifest, whose compression says how small the model is made",
        )
    # Other data would give another model, so the digest that the artifact was built from is asked for.
    source = {"uri": data or "", **{name: value for name, value in opened.data.items() if value is not None}}
    return {**opened.spec, "source": {"train": {**opened.spec["source"]["train"], "data": source}}}


def compression_view(built: Built, place: str | None, usage: Usage) -> CompressionView:
    """Gather what a build with a budget found."""
    model: ModelReport = built.model
    found = model.compression
    return CompressionView(
        name=model.name,
        digest=built.artifact.digest,
        uri=place,
        bytes=model.bytes,
        plain_bytes=model.plain_bytes,
        chosen=None if found is None else found.chosen,
        why=found.why if found is not None else "; ".join(model.notes),
        folds=0 if found is None else found.folds,
        stopped_early=False if found is None else found.stopped_early,
        reductions=model.reductions,
        before=model.uncompressed or model.metrics,
        after=model.metrics,
        front=() if found is None else found.front,
        notes=model.notes,
        usage=usage,
    )
