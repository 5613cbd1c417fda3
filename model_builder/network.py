"""Connections that a data address may open: guarded against a plant's metadata services and the pod itself."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from model_builder.errors import BuilderError, Reason, shown
from model_builder.settings import Settings


def guarded_socket(address: tuple[Any, ...]) -> socket.socket:
    """Open a socket unless the address is link-local, loopback or no address of a host at all.

    The check is made on the very address that is connected to, so a name that resolves differently the second
    time cannot pass it.
    """
    family, kind, protocol, _, target = address
    check_address(str(target[0]))
    return socket.socket(family, kind, protocol)


def check_host(url: str) -> None:
    """Refuse a URL whose host resolves to such an address, before any library tries it again and again.

    A host that does not resolve is left for the connection to fail at.
    """
    host = urlsplit(url).hostname or ""
    try:
        found = socket.getaddrinfo(host, None)
    except OSError:
        return
    for *_, target in found:
        check_address(str(target[0]))


def check_address(text: str) -> None:
    """Refuse an address that the build must not reach.

    Raises
    ------
    BuilderError
        ``ForbiddenUri``.
    """
    ip = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    if ip.is_link_local or ip.is_loopback or ip.is_unspecified or ip.is_multicast:
        raise BuilderError(
            Reason.FORBIDDEN_URI,
            f"the data's host resolves to {ip}, which the build must not reach",
            found=f"address {ip}",
            allowed="addresses that are neither loopback, link-local (such as metadata services) nor multicast",
            remedy="name a host that serves the data",
        )


def socket_factory(settings: Settings) -> Callable[[tuple[Any, ...]], socket.socket] | None:
    """Give the guard where it applies: in a cluster. On a laptop, data may well be on the laptop."""
    return guarded_socket if settings.in_cluster else None


def trust(ca_bundle: Path | None) -> ssl.SSLContext:
    """Make a TLS context that trusts the given bundle, or the system's where there is none.

    Raises
    ------
    BuilderError
        ``CABundleInvalid``.
    """
    try:
        return ssl.create_default_context(cafile=None if ca_bundle is None else str(ca_bundle))
    except (OSError, ssl.SSLError) as error:
        raise BuilderError(
            Reason.CA_BUNDLE_INVALID,
            f"the CA bundle cannot be read: {error}",
            found=str(ca_bundle),
            allowed="a file of PEM certificates",
            remedy="correct caBundleRef or the ConfigMap that it names",
        ) from None


def causes(error: BaseException) -> Iterator[BaseException]:
    """Walk an error and all that it was raised from, also where botocore keeps the first one as an argument."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        current = waiting.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        kept = getattr(current, "kwargs", None)
        hidden = kept.get("error") if isinstance(kept, dict) else None
        waiting += [current.__context__, current.__cause__, hidden if isinstance(hidden, BaseException) else None]


def unavailable(uri: str, error: BaseException) -> BuilderError:
    """Describe a network error that a later attempt may not meet."""
    return BuilderError(
        Reason.DATA_UNAVAILABLE,
        f"reading {shown(uri)} failed: {type(error).__name__}: {error}",
        found=type(error).__name__,
        allowed="a reachable, trusted host",
        remedy="check the host, the network policy and the CA bundle; the build tries again",
        retry=True,
    )
