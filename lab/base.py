"""The base image: a small Debian with Python, made by debootstrap, since there is no registry to pull one from."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from lab import buildah, hashing, shell, versions
from lab.console import step
from lab.locks import exclusive
from lab.paths import Paths

NAME = "base"
PACKAGES = ("ca-certificates", "libgomp1", "python3", "python3-venv")
# What nothing reads at run time. Licence texts stay: usr/share/doc/*/copyright.
DROPPED = (
    "usr/share/man",
    "usr/share/info",
    "usr/share/locale",
    "usr/share/lintian",
    "usr/share/bash-completion",
    "usr/share/bug",
    "usr/share/pixmaps",
    "var/cache",
    "var/lib/apt/lists",
    "var/log",
)
RECREATED = ("var/cache/apt/archives/partial", "var/lib/apt/lists/partial", "var/log/apt")


def reference() -> str:
    """Give the base's name and tag: the hash of all that decides its content but Debian's own updates."""
    recipe = Path(__file__).read_text()
    digest = hashing.of_files(Path(), (), recipe, versions.DEBIAN_SUITE)
    return buildah.reference(NAME, digest)


def ensure(paths: Paths) -> str:
    """Make the base unless buildah has it.

    Returns
    -------
    str
        Its reference.
    """
    wanted = reference()
    if buildah.has(wanted):
        return wanted
    with exclusive(paths, "image-base"):
        if not buildah.has(wanted):
            with step(f"making the base image from Debian {versions.DEBIAN_SUITE}", "1 to 2 minutes"), _root() as root:
                _slim(root)
                buildah.from_folder(root, wanted, command="python3")
            buildah.prune(NAME, keep=wanted)
    return wanted


@contextmanager
def _root() -> Iterator[Path]:
    # /var/tmp is on disk, where /tmp may be memory.
    with TemporaryDirectory(prefix="andon-base-", dir="/var/tmp") as folder:
        root = Path(folder) / "root"
        included = f"--include={','.join(PACKAGES)}"
        shell.run("debootstrap", "--variant=minbase", included, versions.DEBIAN_SUITE, root)
        yield root


def _slim(root: Path) -> None:
    for dropped in DROPPED:
        shutil.rmtree(root / dropped, ignore_errors=True)
    for folder in RECREATED:
        (root / folder).mkdir(parents=True)
    for file in (root / "usr/share/doc").rglob("*"):
        if file.name != "copyright" and not file.is_dir():
            file.unlink()
