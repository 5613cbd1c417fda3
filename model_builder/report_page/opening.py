"""Reads what a page is made of: an artifact's folder, or the record of a build."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from model_builder.artifact import MANIFEST, digest_of, verify
from model_builder.errors import BuilderError, Reason
from model_builder.model_report import ModelReport
from model_builder.record import BuildRecord
from model_builder.report_page.document import Document, Problem


def open_document(place: Path) -> Document:
    """Read an artifact, every file of it checked, or a record.

    Parameters
    ----------
    place
        The folder that a build has written, or a file with the record of a build: what ``build --json`` prints, and
        what a store keeps in ``builds/``.

    Raises
    ------
    BuilderError
        ``ArtifactNotFound``, or ``DigestMismatch`` where a file is not what the manifest says.
    """
    try:
        return _of_folder(place) if place.is_dir() else _of_file(place)
    except (OSError, KeyError, ValueError) as error:
        said = f"{error.error_count()} fields differ" if isinstance(error, ValidationError) else str(error)
        raise BuilderError(
            Reason.ARTIFACT_NOT_FOUND,
            f"{place} is neither an artifact nor the record of a build that this version can read: {said}",
            found=f"{type(error).__name__}: {said}",
            allowed="a folder that a build has written, or a file that build --json has printed",
            remedy="give the folder that was --out of a build, or a file of the store's folder builds",
        ) from None


def _of_folder(folder: Path) -> Document:
    digest = digest_of((folder / MANIFEST).read_bytes())
    files = verify(digest, lambda path: (folder / path).read_bytes())
    model = ModelReport.model_validate_json(files["report.json"])
    inputs = json.loads(files["build.json"])
    return Document(model.name, model, digest=digest, inputs=inputs, data_sha256=model.data.sha256)


def _of_file(file: Path) -> Document:
    record = BuildRecord.model_validate_json(file.read_bytes())
    if record.outcome == "Succeeded":
        if record.uri is not None and record.uri.startswith("file://"):
            return _of_folder(Path(record.uri.removeprefix("file://")))
        raise ValueError(f"the build succeeded, and its model is in the artifact {record.digest} at {record.uri}")
    return of_record(record)


def of_record(record: BuildRecord) -> Document:
    """Give the document of a build that failed."""
    problem = Problem(record.reason, record.message, record.found, record.allowed, record.remedy)
    return Document(
        record.name or (record.model.name if record.model else ""),
        record.model,
        problem,
        inputs=None if record.spec is None else {"spec": record.spec},
        build_inputs_digest=record.build_inputs_digest,
        data_sha256=record.data_sha256,
    )
