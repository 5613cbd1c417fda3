"""buildah, the builder of images that needs no daemon: the few of its commands that the lab uses."""

import json
import time
from pathlib import Path
from typing import Any

from lab import shell

REPOSITORY = "localhost/andon"
# chroot needs no namespaces that a container or a small VM may lack.
ENVIRONMENT = {"STORAGE_DRIVER": "overlay", "BUILDAH_ISOLATION": "chroot"}
CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
LAYERS_KEPT_SECONDS = 24 * 3600


def reference(name: str, tag: str) -> str:
    return f"{REPOSITORY}/{name}:{tag}"


def has(image: str) -> bool:
    return any(image in (entry.get("names") or []) for entry in _images())


def build(dockerfile: Path, context: Path, image: str, arguments: dict[str, str]) -> None:
    """Build an image from a Dockerfile."""
    _run(*build_command(dockerfile, context, image, arguments))


def build_command(
    dockerfile: Path,
    context: Path,
    image: str,
    arguments: dict[str, str],
    program: tuple[str, ...] = ("bud", "--layers"),
) -> list[str]:
    """Give the arguments of a build; the machine's certificates are lent to it as a secret, never left in a layer."""
    words = [*program, f"--file={dockerfile}", f"--tag={image}"]
    words += [f"--build-arg={key}={value}" for key, value in sorted(arguments.items())]
    if CA_BUNDLE.exists():
        words.append(f"--secret=id=ca_bundle,src={CA_BUNDLE}")
    return [*words, str(context)]


def from_folder(root: Path, image: str, command: str) -> None:
    """Make an image of one layer from a root file system."""
    container = _run("from", "scratch").strip()
    try:
        _run("add", "--quiet", container, root, "/")
        _run("config", "--cmd", command, container)
        _run("commit", "--quiet", container, image)
    finally:
        _run("rm", container)


def export(image: str, archive: Path) -> None:
    """Write an image to a file that containerd and Docker can load."""
    temporary = archive.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    archive.parent.mkdir(parents=True, exist_ok=True)
    _run("push", "--quiet", image, f"docker-archive:{temporary}:{image}")
    temporary.rename(archive)


def prune(name: str, keep: str) -> None:
    """Drop other tags of an image, and unnamed layers older than a day."""
    horizon = time.time() - LAYERS_KEPT_SECONDS
    for entry in _images():
        names = entry.get("names") or []
        older = [tag for tag in names if tag.startswith(reference(name, "")) and tag != keep]
        if older:
            _try("rmi", *older)
        elif not names and entry["created"] < horizon:
            _try("rmi", entry["id"])


def _images() -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads(_run("images", "--all", "--json") or "[]")
    return listed


def _run(*arguments: str | Path) -> str:
    return shell.run("buildah", *arguments, environment=ENVIRONMENT).stdout


def _try(*arguments: str) -> None:
    # A layer that a newer image stands on is refused, which is as it should be.
    shell.succeeds("env", *(f"{key}={value}" for key, value in ENVIRONMENT.items()), "buildah", *arguments)
