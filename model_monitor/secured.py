"""TLS of the API: its certificate, renewed while it runs, and the authority of those who show one of their own."""

from __future__ import annotations

import ssl
from pathlib import Path

import structlog

from model_monitor.errors import MonitorError, Reason

_log = structlog.get_logger(__name__)


class Secured:
    """A context that follows its files: cert-manager and others renew them.

    Parameters
    ----------
    key
        None: it lies with the certificate.
    client_ca
        Whose certificates name who sends labels; None: nobody's.

    Raises
    ------
    MonitorError
        ``CertificateUnusable``.
    """

    def __init__(self, certificate: Path, key: Path | None, client_ca: Path | None) -> None:
        self._certificate = certificate
        self._key = key
        self._client_ca = client_ca
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._loaded = self._content()
        try:
            self._load()
        except (OSError, ssl.SSLError) as error:
            raise MonitorError(
                Reason.CERTIFICATE_UNUSABLE,
                f"the certificate of the API cannot be used: {_what(error)}",
                found=_what(error),
                allowed=f"a certificate in {certificate.name} and its key, in PEM",
                remedy="see that the Secret is there and has these keys",
            ) from None

    def renew(self) -> None:
        """Load the files again where they have changed. Connections that are open keep what they began with."""
        found = self._content()
        if found == self._loaded:
            return
        try:
            self._load()
        except (OSError, ssl.SSLError) as error:
            _log.warning("a renewed certificate cannot be used", error=_what(error))
            return
        self._loaded = found
        _log.info("the certificate was renewed")

    def _load(self) -> None:
        self.context.load_cert_chain(self._certificate, self._key)
        if self._client_ca is not None:
            # Not demanded: a token serves too.
            self.context.verify_mode = ssl.CERT_OPTIONAL
            self.context.load_verify_locations(self._client_ca)

    def _content(self) -> tuple[bytes, ...]:
        files = [one for one in (self._certificate, self._key, self._client_ca) if one is not None]
        try:
            return tuple(one.read_bytes() for one in files)
        except OSError:
            return ()


def _what(error: OSError) -> str:
    return getattr(error, "reason", "") or error.strerror or type(error).__name__
