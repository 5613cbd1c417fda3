"""buildah, the builder of images that needs no daemon: the few of its commands that the lab uses."""

import json
from pathlib import Path
from typing import Any

from lab import shell

REPOSITORY = "localhost/andon"
# chroot needs no namespaces that a container or a small VM may lack.
ENVIRONMENT = {"STORAGE_DRIVER": "overlay", "BUILDAH_ISOLATION": "chroot"}
CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
UNNAMED_KEPT = 60  # a full build of all images makes about forty


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
    """Drop other tags of an image, and all but the newest unnamed layers: those that the next build may use again."""
    images = _images()
    for entry in images:
        older = [tag for tag in entry.get("names") or [] if tag.startswith(reference(name, "")) and tag != keep]
        if older:
            _try("rmi", *older)
    unnamed = sorted((entry["created"], entry["id"]) for entry in images if not entry.get("names"))
    for _, identifier in unnamed[:-UNNAMED_KEPT]:
        _try("rmi", identifier)


def prune_all() -> None:
    """Drop all that no name points to, interrupted builds too; the next builds start from scratch."""
    _try("rm", "--all")
    _try("prune", "--force")


def _images() -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads(_run("images", "--all", "--json") or "[]")
    return listed


def _run(*arguments: str | Path) -> str:
    return shell.run("buildah", *arguments, environment=ENVIRONMENT).stdout


def _try(*arguments: str) -> None:
    # What is in use elsewhere is refused, which is as it should be.
    shell.succeeds("env", *(f"{key}={value}" for key, value in ENVIRONMENT.items()), "buildah", *arguments)
