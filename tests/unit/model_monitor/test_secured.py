"""The certificate of the API: followed while it runs, and refused where it is none."""

from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path

import pytest
import trustme

from model_monitor.errors import MonitorError, Reason
from model_monitor.secured import Secured


def _write(authority: trustme.CA, folder: Path) -> tuple[Path, Path]:
    made = authority.issue_cert("127.0.0.1")
    certificate, key = folder / "tls.crt", folder / "tls.key"
    certificate.write_bytes(b"".join(one.bytes() for one in made.cert_chain_pems))
    key.write_bytes(made.private_key_pem.bytes())
    return certificate, key


def _trusted(secured: Secured, authority: trustme.CA) -> bool:
    """Whether who trusts an authority can speak to the server."""
    ours, theirs = socket.socketpair()

    def serve() -> None:
        try:
            secured.context.wrap_socket(theirs, server_side=True).close()
        except (ssl.SSLError, OSError):
            theirs.close()

    thread = threading.Thread(target=serve)
    thread.start()
    context = ssl.create_default_context()
    authority.configure_trust(context)
    try:
        context.wrap_socket(ours, server_hostname="127.0.0.1").close()
    except (ssl.SSLError, OSError):
        return False
    else:
        return True
    finally:
        ours.close()
        thread.join(10)


def test_a_renewed_certificate_is_taken_up(tmp_path: Path) -> None:
    first, second = trustme.CA(), trustme.CA()
    secured = Secured(*_write(first, tmp_path), None)
    assert (_trusted(secured, first), _trusted(secured, second)) == (True, False)
    _write(second, tmp_path)
    secured.renew()
    assert (_trusted(secured, first), _trusted(secured, second)) == (False, True)


@pytest.mark.parametrize("broken", ["tls.crt", "tls.key"])
def test_one_that_is_broken_is_left(tmp_path: Path, broken: str) -> None:
    authority = trustme.CA()
    secured = Secured(*_write(authority, tmp_path), None)
    (tmp_path / broken).write_text("no PEM")
    secured.renew()
    assert _trusted(secured, authority)
    _write(authority, tmp_path)
    secured.renew()
    assert _trusted(secured, authority)


@pytest.mark.parametrize("broken", ["tls.crt", "tls.key", "ca.crt"])
@pytest.mark.parametrize("absent", [True, False])
def test_none_is_refused_at_the_start(tmp_path: Path, broken: str, absent: bool) -> None:
    certificate, key = _write(trustme.CA(), tmp_path)
    (tmp_path / "ca.crt").write_bytes(trustme.CA().cert_pem.bytes())
    (tmp_path / broken).unlink() if absent else (tmp_path / broken).write_text("no PEM")
    with pytest.raises(MonitorError) as caught:
        Secured(certificate, key, tmp_path / "ca.crt")
    assert caught.value.reason is Reason.CERTIFICATE_UNUSABLE
