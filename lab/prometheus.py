"""Prometheus and Alertmanager from Debian, unpacked into the cache: no service is installed or started."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from lab import shell
from lab.console import step
from lab.errors import LabError
from lab.locks import exclusive
from lab.packages import APT
from lab.paths import Paths

PACKAGES = ("prometheus", "prometheus-alertmanager")
PROGRAMS = ("prometheus", "promtool", "prometheus-alertmanager", "amtool")


def ensure(paths: Paths) -> Path:
    """Fetch the programs unless the cache has them.

    Returns
    -------
    Path
        The folder with `PROGRAMS`; beside it lies `share`, where Debian has what they look for in /usr/share.

    Raises
    ------
    LabError
        `PackagesMissing` where apt-get is not to be had, or `CommandFailed`.
    """
    target = paths.cache / "bin" / "prometheus-debian-usr"
    if target.exists():
        return target / "bin"
    if shutil.which("apt-get") is None:
        raise LabError("PackagesMissing", f"not there: {', '.join(PACKAGES)}", remedy="put them into " + str(target))
    with exclusive(paths, "fetch-prometheus"):
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            with step(f"fetching {' and '.join(PACKAGES)}", "half a minute"):
                _fetch(target)
    return target / "bin"


def _fetch(target: Path) -> None:
    with TemporaryDirectory(prefix=".prometheus-", dir=target.parent) as temporary:
        here = Path(temporary)
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        try:
            shell.run(*APT, "download", *PACKAGES, environment=quiet, folder=here)
        except LabError:  # lists of packages that are older than the mirror
            shell.run(*APT, "update", environment=quiet)
            shell.run(*APT, "download", *PACKAGES, environment=quiet, folder=here)
        for package in sorted(here.glob("*.deb")):
            shell.run("dpkg-deb", "--extract", package, here / "root")
        (here / "root" / "usr").rename(target)
