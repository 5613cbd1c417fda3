"""An artifact: files, a manifest with the SHA-256 of each, and a digest that names them all.

Imports the standard library only, so that the init container that fetches one starts at once.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from model_builder.errors import BuilderError, Reason, shown

MANIFEST = "manifest.json"
FORMAT = 1


@dataclass(frozen=True)
class FileEntry:
    """One file of an artifact."""

    path: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Artifact:
    """A written artifact. ``bytes`` is the size of all its files."""

    digest: str
    bytes: int


def digest_of(content: bytes) -> str:
    """Give the digest of bytes, as ``sha256:`` and hexadecimal digits."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def digest_hex(digest: str) -> str:
    """Give the digits of a digest.

    Raises
    ------
    BuilderError
        ``InvalidSpec`` where it is no digest.
    """
    digits = digest.removeprefix("sha256:")
    if not digest.startswith("sha256:") or len(digits) != 64 or not set(digits) <= set("0123456789abcdef"):
        raise BuilderError(
            Reason.INVALID_SPEC,
            f"{shown(digest)} is no digest",
            found=shown(digest),
            allowed="sha256: and 64 hexadecimal digits",
            remedy="give the digest that the build reported",
        )
    return digits


def manifest(files: Mapping[str, bytes]) -> bytes:
    """Write the manifest of files, sorted by path."""
    entries = {
        path: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()} for path, content in files.items()
    }
    return (json.dumps({"files": entries, "format": FORMAT}, indent=1, sort_keys=True) + "\n").encode()


def write_artifact(files: Mapping[str, bytes], out: Path) -> Artifact:
    """Write files and their manifest into ``out``, whole or not at all.

    An artifact that is there already is replaced.

    Raises
    ------
    BuilderError
        ``OutputNotEmpty`` where ``out`` holds something else, which is left alone.
    """
    check_output(out)
    described = manifest(files)
    scratch = out.parent / f".{out.name}.{os.getpid()}.tmp"
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        for path, content in {**files, MANIFEST: described}.items():
            target = scratch / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        swap_in(scratch, out)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return Artifact(digest_of(described), sum(map(len, files.values())) + len(described))


def check_output(out: Path) -> None:
    """Refuse a folder that holds anything but an artifact.

    Raises
    ------
    BuilderError
        ``OutputNotEmpty``.
    """
    if out.is_dir() and ((out / MANIFEST).is_file() or not any(out.iterdir())):
        return
    if out.exists():
        raise BuilderError(
            Reason.OUTPUT_NOT_EMPTY,
            f"{out} is there and is no artifact",
            found="a file" if out.is_file() else f"a folder without {MANIFEST}",
            allowed="a new or empty folder, or an artifact to replace",
            remedy="choose another --out",
        )


def swap_in(new: Path, place: Path) -> None:
    """Put a finished folder in its place; what was there is moved aside first and then removed."""
    aside = new.with_name(new.name + ".old")
    shutil.rmtree(aside, ignore_errors=True)
    if place.exists():
        place.rename(aside)
    place.parent.mkdir(parents=True, exist_ok=True)
    new.rename(place)
    shutil.rmtree(aside, ignore_errors=True)


def read_manifest(content: bytes, digest: str) -> list[FileEntry]:
    """Read a manifest that must have the given digest.

    Raises
    ------
    BuilderError
        ``DigestMismatch``.
    """
    found = digest_of(content)
    if found != digest:
        raise mismatch(MANIFEST, found, digest)
    described = json.loads(content)
    entries = [FileEntry(path, entry["sha256"], entry["bytes"]) for path, entry in sorted(described["files"].items())]
    for entry in entries:
        parts = PurePosixPath(entry.path).parts
        if not parts or ".." in parts or parts[0] == "/":
            raise BuilderError(
                Reason.DIGEST_MISMATCH,
                f"the manifest names a path outside of the artifact: {shown(entry.path)}",
                found=shown(entry.path),
                allowed="paths within the artifact",
                remedy="build the artifact again",
            )
    return entries


def verify(digest: str, read: Callable[[str], bytes]) -> dict[str, bytes]:
    """Read an artifact and check every file of it.

    Parameters
    ----------
    read
        Reads a file by its path within the artifact.

    Returns
    -------
    dict
        Contents by path, without the manifest.

    Raises
    ------
    BuilderError
        ``DigestMismatch`` with both digests, or whatever ``read`` raises.
    """
    contents = {}
    for entry in read_manifest(read(MANIFEST), digest):
        content = read(entry.path)
        found = hashlib.sha256(content).hexdigest()
        if found != entry.sha256:
            raise mismatch(entry.path, f"sha256:{found}", f"sha256:{entry.sha256}")
        contents[entry.path] = content
    return contents


def mismatch(path: str, found: str, expected: str) -> BuilderError:
    """Describe a file that is not what it should be."""
    return BuilderError(
        Reason.DIGEST_MISMATCH,
        f"the stored file {path} has digest {found}, not {expected}",
        found=found,
        allowed=expected,
        remedy="the store is damaged or was tampered with: restore it, or remove the artifact and build again",
    )
