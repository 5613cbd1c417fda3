"""What the router says about a mirrored request: the model, the versions that serve, the asset, the request's name."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from model_monitor.errors import MonitorError, Reason, shown

MODEL_HEADER = "x-andon-model"
VERSIONS_HEADER = "x-andon-versions"
ASSET_HEADER = "x-andon-asset"
REQUEST_HEADER = "x-request-id"

MAX_REQUEST_ID_CHARS = 253
MAX_ASSET_CHARS = 253

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_VERSION = re.compile(r"([1-9][0-9]{0,8})=(sha256:[0-9a-f]{64})")


@dataclass(frozen=True)
class Version:
    """A version of a model: its number and the digest of its artifact."""

    number: int
    digest: str


@dataclass(frozen=True)
class Envelope:
    """A mirrored request but for its rows.

    Attributes
    ----------
    candidate
        Only while a rollout compares one.
    asset
        What the rows are about, such as a machine; empty where the router does not know.
    request_id
        By which a label may name the request.
    at
        When it arrived here, with its zone.
    """

    model: str
    stable: Version
    candidate: Version | None
    asset: str
    request_id: str
    at: datetime


def envelope(headers: Mapping[str, str], model: str, body_id: str, at: datetime) -> Envelope:
    """Read the router's headers.

    Parameters
    ----------
    headers
        By lower-case name.
    model
        As the request itself names it; the header, where there is one, has to agree.
    body_id
        Of the request's body; taken where no header names the request.

    Raises
    ------
    MonitorError
        ``InvalidRequest`` or ``UnknownVersions``.
    """
    name = headers.get(MODEL_HEADER) or model
    if name != model or not _NAME.fullmatch(name):
        raise MonitorError(
            Reason.INVALID_REQUEST,
            f"the request is for model {shown(model)}, its header {MODEL_HEADER} says {shown(name)}",
            found=shown(name),
            allowed="one name, of lower-case letters, digits, dots and hyphens",
            remedy="send requests through the router",
        )
    stable, candidate = _versions(headers.get(VERSIONS_HEADER, ""))
    request_id = (headers.get(REQUEST_HEADER) or body_id or uuid.uuid4().hex)[:MAX_REQUEST_ID_CHARS]
    asset = headers.get(ASSET_HEADER, "")[:MAX_ASSET_CHARS]
    return Envelope(name, stable, candidate, _clean(asset), _clean(request_id), at)


def _versions(text: str) -> tuple[Version, Version | None]:
    parts = [_VERSION.fullmatch(part.strip()) for part in text.split(",")]
    found = [Version(int(part[1]), part[2]) for part in parts if part]
    if len(found) != len(parts) or len(found) > 2:
        raise MonitorError(
            Reason.UNKNOWN_VERSIONS,
            f"the header {VERSIONS_HEADER} does not say which versions serve",
            found=shown(text) if text else "nothing",
            allowed="NUMBER=sha256:DIGEST of the stable version, then, after a comma, of a candidate",
            remedy="send requests through the router, which sets it",
        )
    stable, candidate = found[0], found[1] if len(found) == 2 else None
    # One version under two names is no comparison.
    return stable, None if candidate is not None and candidate.digest == stable.digest else candidate


def _clean(text: str) -> str:
    # PostgreSQL holds no NUL, and neither it nor UTF-8 lone surrogates.
    return text.replace("\x00", "").encode("utf-8", "replace").decode()
