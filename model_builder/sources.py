"""Brings the data file to local scratch: bounded while it streams, hashed, checked against its pin."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from model_builder.errors import BuilderError, Reason, shown
from model_builder.network import causes, socket_factory, trust, unavailable
from model_builder.s3 import explain, s3_filesystem
from model_builder.settings import Settings, read_credentials
from model_builder.spec import Data
from model_builder.uri import Location

CHUNK_BYTES = 1 << 20


Explain = Callable[[Exception], BuilderError]


class Stream(Protocol):
    """What bytes are read from."""

    def read(self, size: int, /) -> bytes:
        """Read at most ``size`` bytes; none at the end."""


@dataclass(frozen=True)
class LocalData:
    """A data file on local scratch."""

    path: Path
    format: Literal["csv", "parquet"]
    sha256: str
    bytes: int


def data_format(data: Data, location: Location) -> Literal["csv", "parquet"]:
    """Tell the format from the spec or else from the suffix.

    Raises
    ------
    BuilderError
        ``UnknownFormat``.
    """
    if data.format:
        return data.format
    if location.suffix in (".csv", ".tsv", ".txt"):
        return "csv"
    if location.suffix in (".parquet", ".pq"):
        return "parquet"
    raise BuilderError(
        Reason.UNKNOWN_FORMAT,
        f"the suffix of {shown(location.uri)} tells no format",
        found=shown(location.suffix) if location.suffix else "no suffix",
        allowed=".csv or .parquet, or format: csv or parquet in the spec",
        remedy="set spec.source.train.data.format",
    )


def bring(data: Data, location: Location, max_bytes: int, settings: Settings, scratch: Path) -> LocalData:
    """Copy the data file into ``scratch``, so that what is hashed is what is read.

    Raises
    ------
    BuilderError
        When it is missing, forbidden, unreachable, larger than ``max_bytes`` or not the pinned one.
    """
    kind = data_format(data, location)
    target = scratch / f"data.{kind}"
    digest = hashlib.sha256()
    size = 0
    with opened(data, location, settings) as stream, target.open("wb") as copy:
        while chunk := stream.read(CHUNK_BYTES):
            size += len(chunk)
            if size > max_bytes:
                raise BuilderError(
                    Reason.DATA_TOO_LARGE,
                    f"the data file is larger than {max_bytes:,} bytes",
                    found=f"more than {max_bytes:,} bytes",
                    allowed=f"at most {max_bytes:,} bytes",
                    remedy="leave out columns or rows, or raise the limit maxBytes",
                )
            digest.update(chunk)
            copy.write(chunk)
    found = digest.hexdigest()
    if data.sha256 and data.sha256 != found:
        raise BuilderError(
            Reason.CHECKSUM_MISMATCH,
            f"the data file has SHA-256 {found}, the spec pins {data.sha256}",
            found=found,
            allowed=data.sha256,
            remedy="correct sha256 in the spec, or bring back the file that it was taken from",
        )
    return LocalData(target, kind, found, size)


@contextmanager
def opened(data: Data, location: Location, settings: Settings) -> Iterator[Stream]:
    """Open a location for reading; errors of the transport come out typed, also those met while reading."""
    if location.path is not None:
        with _opened_file(location.path, location.uri) as stream:
            yield stream
    elif location.scheme == "s3":
        with _opened_s3(data, location, settings) as stream:
            yield stream
    else:
        with _opened_https(location, settings) as stream:
            yield stream


@contextmanager
def _opened_file(path: Path, uri: str) -> Iterator[Stream]:
    try:
        stream = path.open("rb")
    except (FileNotFoundError, NotADirectoryError):
        raise BuilderError(
            Reason.DATA_NOT_FOUND,
            f"there is no file {shown(uri)}",
            found=_neighbours(path),
            allowed="the path of a file that exists",
            remedy="correct the URI or put the file there",
        ) from None
    except IsADirectoryError:
        raise BuilderError(
            Reason.DATA_NOT_FOUND,
            f"{shown(uri)} is a folder",
            found=_neighbours(path / "."),
            allowed="the path of one CSV or Parquet file",
            remedy="name a file in the folder",
        ) from None
    except PermissionError:
        raise BuilderError(
            Reason.DATA_FORBIDDEN,
            f"the file {shown(uri)} may not be read",
            found="permission denied",
            allowed="a file that the build's user may read",
            remedy="correct the file's permissions or the volume's fsGroup",
        ) from None
    with stream:
        yield stream


def _neighbours(path: Path) -> str:
    try:
        names = sorted(entry.name for entry in path.parent.iterdir() if not entry.name.startswith("."))
    except OSError:
        return f"no folder {path.parent.name}"
    if not names:
        return "an empty folder"
    return "the folder has " + ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


@contextmanager
def _opened_s3(data: Data, location: Location, settings: Settings) -> Iterator[Stream]:
    credentials = read_credentials(settings.credentials)
    filesystem = s3_filesystem(data.endpoint, credentials, settings.ca_bundle, settings)
    address = f"{location.bucket}/{location.key}"

    def explained(error: Exception) -> BuilderError:
        return explain(error, location.uri, filesystem)

    with _translated(lambda: filesystem.open(address, "rb", block_size=8 << 20), explained) as stream:
        yield stream


@contextmanager
def _opened_https(location: Location, settings: Settings) -> Iterator[Stream]:
    import aiohttp
    from fsspec.implementations.http import HTTPFileSystem

    context = trust(settings.ca_bundle)

    async def client(**options: Any) -> aiohttp.ClientSession:  # noqa: ANN401
        tracing = aiohttp.TraceConfig()
        tracing.on_request_redirect.append(_only_within(location.uri))
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=context, socket_factory=socket_factory(settings)),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=60),
            trace_configs=[tracing],
            loop=options.get("loop"),
        )

    # A size that is given spares fsspec its HEAD request; a block size of zero makes it stream.
    filesystem = HTTPFileSystem(get_client=client, skip_instance_cache=True)
    with _translated(
        lambda: filesystem.open(location.uri, "rb", block_size=0, size=1),
        lambda error: _explain_https(error, location.uri),
    ) as stream:
        yield stream


class _Translated:
    """A stream whose errors come out typed; errors of whoever reads from it are not its own and stay as they are."""

    def __init__(self, stream: Any, explained: Explain) -> None:  # noqa: ANN401
        self._stream = stream
        self._explained = explained

    def read(self, size: int, /) -> bytes:
        try:
            return bytes(self._stream.read(size))
        except Exception as error:
            raise self._explained(error) from error


@contextmanager
def _translated(open_stream: Callable[[], Any], explained: Explain) -> Iterator[Stream]:
    try:
        stream = open_stream()
    except Exception as error:
        raise explained(error) from error
    with stream:
        yield _Translated(stream, explained)


def _only_within(uri: str) -> Any:  # noqa: ANN401
    from yarl import URL

    async def check(_session: object, _context: object, redirect: Any) -> None:  # noqa: ANN401
        target = redirect.url.join(URL(redirect.response.headers.get("Location", "")))
        if target.origin() != URL(uri).origin():
            raise BuilderError(
                Reason.FORBIDDEN_URI,
                f"the data's host redirects to {shown(str(target.origin()))}",
                found=f"a redirect to {target.origin()}",
                allowed="redirects within the same host",
                remedy="give the final URL in the spec",
            )

    return check


def _explain_https(error: Exception, uri: str) -> BuilderError:
    for cause in causes(error):
        if isinstance(cause, BuilderError):
            return cause
    status = getattr(error, "status", None)
    if isinstance(error, FileNotFoundError) or status in (404, 410):
        return BuilderError(
            Reason.DATA_NOT_FOUND,
            f"the host has no {shown(uri)}",
            found=f"status {status or 404}",
            allowed="the URL of a file that exists",
            remedy="correct the URI or put the file there",
        )
    if status in (401, 403):
        return BuilderError(
            Reason.DATA_FORBIDDEN,
            f"the host refuses access to {shown(uri)}",
            found=f"status {status}",
            allowed="a file that anyone on the plant's network may read",
            remedy="open the file to the build, or use s3:// with credentials",
        )
    return unavailable(uri, error)
