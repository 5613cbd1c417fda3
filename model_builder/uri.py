"""Addresses of data: which are allowed, and what file or object each one names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from model_builder.errors import BuilderError, Reason, shown
from model_builder.settings import Settings
from model_builder.spec import DNS_SUBDOMAIN

ALLOWED_IN_CLUSTER = "pvc://CLAIM/PATH, configmap://NAME/KEY, s3://BUCKET/KEY, https://HOST/PATH"
ALLOWED_OUTSIDE = f"a local path, file:///PATH, {ALLOWED_IN_CLUSTER}"

Scheme = Literal["file", "pvc", "configmap", "s3", "https"]


@dataclass(frozen=True)
class Location:
    """One file or object. ``path`` is set for what is mounted or local, ``bucket`` and ``key`` for S3."""

    uri: str
    scheme: Scheme
    path: Path | None = None
    bucket: str = ""
    key: str = ""

    @property
    def suffix(self) -> str:
        """Suffix of the file's name in lower case, without a query."""
        name = urlsplit(self.uri).path if self.scheme == "https" else self.uri
        return Path(name).suffix.lower()


def locate(uri: str, settings: Settings, base: Path | None = None) -> Location:
    """Resolve an address.

    Parameters
    ----------
    uri
        A URI, or outside a cluster a local path.
    settings
        Tells whether this is a cluster and where volumes are mounted.
    base
        Folder that a relative local path starts from.

    Raises
    ------
    BuilderError
        ``UnsupportedUri`` or ``ForbiddenUri``.
    """
    match = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", uri)
    scheme = match.group(1).lower() if match else ""
    if scheme in ("", "file"):
        return _local(uri, scheme, settings, base)
    rest = uri[len(scheme) + 3 :]
    if ".." in unquote(rest).split("/"):
        raise _refused(Reason.FORBIDDEN_URI, f"the address {shown(uri)} leaves its folder", settings, "a '..' segment")
    if scheme == "https":
        return _https(uri, settings)
    owner, _, path = rest.partition("/")
    if scheme not in ("pvc", "configmap", "s3"):
        raise _refused(
            Reason.UNSUPPORTED_URI, f"the address {shown(uri)} cannot be read", settings, f"scheme {shown(scheme)}"
        )
    if not owner or not path.strip("/"):
        raise _refused(Reason.UNSUPPORTED_URI, f"the address {shown(uri)} names no file", settings, shown(uri))
    if scheme == "s3":
        return Location(uri, "s3", bucket=owner, key=path)
    if not re.fullmatch(DNS_SUBDOMAIN, owner):
        raise _refused(Reason.UNSUPPORTED_URI, f"{shown(owner)} is no name of an object", settings, shown(uri))
    root = (settings.pvc_root if scheme == "pvc" else settings.configmap_root) / owner
    return Location(uri, "pvc" if scheme == "pvc" else "configmap", path=_inside(root, path, uri, settings))


def _local(uri: str, scheme: str, settings: Settings, base: Path | None) -> Location:
    if settings.in_cluster:
        raise _refused(
            Reason.FORBIDDEN_URI,
            f"the address {shown(uri)} is a file of the build pod, which holds no data",
            settings,
            "a local path",
            remedy="put the file on a volume and name it pvc://CLAIM/PATH",
        )
    parts = urlsplit(uri)
    if scheme and parts.netloc not in ("", "localhost"):
        raise _refused(
            Reason.UNSUPPORTED_URI, f"{shown(uri)} names another machine", settings, f"host {shown(parts.netloc)}"
        )
    path = Path(unquote(parts.path)) if scheme else Path(uri).expanduser()
    return Location(uri, "file", path=(base or Path()) / path)


def _https(uri: str, settings: Settings) -> Location:
    try:
        parts = urlsplit(uri)
        host, user, _ = parts.hostname, parts.username, parts.port
    except ValueError as error:
        raise _refused(Reason.UNSUPPORTED_URI, f"{shown(uri)} is no URL: {error}", settings, shown(uri)) from None
    if not host or user is not None:
        found = "a user name in the URL" if user is not None else "no host"
        raise _refused(Reason.UNSUPPORTED_URI, f"the address {shown(uri)} cannot be read", settings, found)
    return Location(uri, "https")


def _inside(root: Path, path: str, uri: str, settings: Settings) -> Path:
    # Symbolic links are followed first, so that none on the volume leads out of it.
    resolved = (root / path.lstrip("/")).resolve()
    if not resolved.is_relative_to(root.resolve()):
        raise _refused(
            Reason.FORBIDDEN_URI, f"the address {shown(uri)} leads out of its volume", settings, "a symbolic link"
        )
    return resolved


def _refused(reason: Reason, message: str, settings: Settings, found: str, remedy: str = "") -> BuilderError:
    return BuilderError(
        reason,
        message,
        found=found,
        allowed=ALLOWED_IN_CLUSTER if settings.in_cluster else ALLOWED_OUTSIDE,
        remedy=remedy or "correct spec.source.train.data.uri",
    )
