"""Where artifacts and reports are kept: a folder of a volume, or a prefix of an S3-compatible bucket."""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from model_builder.artifact import MANIFEST, digest_hex, verify
from model_builder.errors import BuilderError, Reason
from model_builder.settings import Settings, read_credentials


class Store(Protocol):
    """What a build and a fetch need of a store."""

    def uri(self, path: str) -> str:
        """Give the address of a path in the store."""

    def read(self, path: str) -> bytes:
        """Read a file. Raises ``ArtifactNotFound`` or ``StoreUnavailable``."""

    def write(self, path: str, content: bytes) -> None:
        """Write a file, whole or not at all. Raises ``StoreUnavailable``."""

    def publish(self, folder: Path, digest: str) -> None:
        """Bring in a finished artifact; until its manifest is there it counts as absent."""


def artifact_path(digest: str) -> str:
    """Give the place of an artifact in a store."""
    return f"artifacts/{digest_hex(digest)}"


def read_artifact(digest: str, read: Callable[[str], bytes]) -> dict[str, bytes]:
    """Read an artifact of a store and check every file of it, as ``verify`` does.

    Parameters
    ----------
    read
        Reads a path of the store.
    """
    place = artifact_path(digest)
    return verify(digest, lambda path: read(f"{place}/{path}"))


def open_store(settings: Settings) -> Store:
    """Open the store that the settings name."""
    if settings.store.startswith("s3://"):
        return ObjectStore(settings)
    return FolderStore(Path(settings.store))


class FolderStore:
    """A store in a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def uri(self, path: str) -> str:
        """Give the address of a path in the store."""
        return f"file://{self._root.absolute()}/{path}"

    def read(self, path: str) -> bytes:
        """Read a file."""
        try:
            return (self._root / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            raise not_found(self.uri(path)) from None
        except OSError as error:
            raise unavailable(self.uri(path), error) from error

    def write(self, path: str, content: bytes) -> None:
        """Write a file under a temporary name, then rename it."""
        target = self._root / path
        scratch = target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                _write_through(scratch, content)
                scratch.replace(target)
            finally:
                scratch.unlink(missing_ok=True)
        except OSError as error:
            raise unavailable(self.uri(path), error) from error

    def publish(self, folder: Path, digest: str) -> None:
        """Copy the artifact beside its place, then rename the whole folder."""
        if self._has(digest):
            return
        place = self._root / artifact_path(digest)
        scratch = place.with_name(f".{place.name}.{uuid.uuid4().hex}.tmp")
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            try:
                for source in _files(folder):
                    target = scratch / source.relative_to(folder)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    _write_through(target, source.read_bytes())
                _rename_folder(scratch, place)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
        except OSError as error:
            raise unavailable(self.uri(artifact_path(digest)), error) from error

    def _has(self, digest: str) -> bool:
        try:
            read_artifact(digest, self.read)
        except BuilderError:
            return False
        return True


class ObjectStore:
    """A store under a prefix of a bucket."""

    def __init__(self, settings: Settings) -> None:
        from model_builder.s3 import s3_filesystem

        self._root = settings.store.rstrip("/")
        self._files: Any = s3_filesystem(
            settings.store_endpoint, read_credentials(settings.store_credentials), settings.store_ca_bundle, settings
        )

    def uri(self, path: str) -> str:
        """Give the address of a path in the store."""
        return f"{self._root}/{path}"

    def read(self, path: str) -> bytes:
        """Read an object."""
        try:
            return bytes(self._files.cat_file(self.uri(path)))
        except FileNotFoundError:
            raise not_found(self.uri(path)) from None
        except Exception as error:
            raise unavailable(self.uri(path), error) from error

    def write(self, path: str, content: bytes) -> None:
        """Write an object; a store shows it whole or not at all."""
        try:
            self._files.pipe_file(self.uri(path), content)
        except Exception as error:
            raise unavailable(self.uri(path), error) from error

    def publish(self, folder: Path, digest: str) -> None:
        """Upload the files, the manifest last."""
        place = artifact_path(digest)
        for source in sorted(_files(folder), key=lambda path: path.name == MANIFEST):
            self.write(f"{place}/{source.relative_to(folder).as_posix()}", source.read_bytes())


def not_found(uri: str) -> BuilderError:
    """Describe something that the store does not have."""
    return BuilderError(
        Reason.ARTIFACT_NOT_FOUND,
        f"the store has no {uri}",
        found="nothing",
        allowed="an artifact that a build has put there",
        remedy="build it again, or restore the store",
    )


def unavailable(uri: str, error: Exception) -> BuilderError:
    """Describe a store that cannot be read or written now."""
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    what = "the store is full" if full else "the store cannot be used"
    return BuilderError(
        Reason.STORE_UNAVAILABLE,
        f"{what}: {uri}: {type(error).__name__}: {error}",
        found=f"{type(error).__name__}: {error}",
        allowed="a store that can be read and written",
        remedy="remove old versions or enlarge the volume" if full else "check the volume, the endpoint and the Secret",
        retry=True,
    )


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _write_through(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _rename_folder(new: Path, place: Path) -> None:
    try:
        new.rename(place)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        # What lies there is damaged, or it would have been kept.
        aside = new.with_name(new.name + ".old")
        place.rename(aside)
        new.rename(place)
        shutil.rmtree(aside, ignore_errors=True)
