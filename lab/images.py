"""The images: which there are, what their content hash is, and how they get into the lab's containerd.

A tag is the hash of all that goes into the image (its Dockerfile, the files that the Dockerfile copies, the base), so
that an image that is there under its tag is the right one and is never built or imported twice.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lab import base, build, buildah, dockerfile, hashing, shell
from lab.configs import PAUSE_IMAGE
from lab.console import step
from lab.errors import LabError
from lab.locks import exclusive
from lab.parts import COREDNS, PAUSE, Part
from lab.paths import REPOSITORY, Paths

KEPT_IN_CONTAINERD = 2


@dataclass(frozen=True)
class Image:
    """An image that can be built.

    Attributes
    ----------
    name : str
        The last word of its repository.
    dockerfile : str
        Relative to the repository's root, which is also the build context unless `part` is given.
    part : Part or None
        The Go part whose folder of binaries is the build context.
    tag : str
        A fixed tag instead of the hash.
    expected : str
        How long a first build takes.
    """

    name: str
    dockerfile: str
    part: Part | None = None
    tag: str = ""
    expected: str = "a few seconds"


NODE_IMAGES = (
    Image("pause", "images/pause/Dockerfile", part=PAUSE, tag=PAUSE_IMAGE.rpartition(":")[2]),
    Image("coredns", "images/coredns/Dockerfile", part=COREDNS),
)
PROJECT_IMAGES = (
    Image("operator", "operator/Dockerfile", expected="1 minute the first time"),
    Image("builder", "images/builder/Dockerfile", expected="2 to 3 minutes the first time"),
    Image("monitor", "images/monitor/Dockerfile", expected="2 minutes the first time"),
    Image("triton", "images/triton/Dockerfile", expected="2 to 5 minutes the first time"),
    Image("envoy", "images/envoy/Dockerfile", expected="1 minute the first time"),
)
BY_NAME = {image.name: image for image in (*NODE_IMAGES, *PROJECT_IMAGES)}


def available() -> list[Image]:
    """List the project's images whose Dockerfile is there."""
    return [image for image in PROJECT_IMAGES if (REPOSITORY / image.dockerfile).exists()]


def chosen(names: Iterable[str]) -> list[Image]:
    """Look images up by name; no name means all of the project's.

    Raises
    ------
    LabError
        `UnknownImage`.
    """
    wanted = list(names)
    if unknown := [name for name in wanted if name not in BY_NAME]:
        raise LabError("UnknownImage", f"no image named {', '.join(unknown)}", ", ".join(BY_NAME))
    return [BY_NAME[name] for name in wanted] or available()


def reference(paths: Paths, image: Image, root: Path = REPOSITORY) -> str:
    """Give an image's full name, without building anything."""
    if image.tag:
        return buildah.reference(image.name, image.tag)
    text = (root / image.dockerfile).read_text()
    if image.part is not None:
        digest = hashing.of_files(root, [image.dockerfile], build.folder(paths, image.part).name)
    else:
        foundation = base.reference() if dockerfile.uses_base(text) else ""
        digest = hashing.of_files(root, [image.dockerfile, *_copied(root, image, text)], foundation)
    return buildah.reference(image.name, digest)


def references(paths: Paths | None = None) -> dict[str, str]:
    """Give name → reference of the project's images, without building anything."""
    where = paths or Paths.from_environment()
    return {image.name: reference(where, image) for image in available()}


def ensure(paths: Paths, image: Image) -> Path:
    """Build an image and export it, unless the cache has it.

    Returns
    -------
    Path
        The archive.
    """
    name = reference(paths, image)
    archive = archive_of(paths, image, name)
    if archive.exists():
        return archive
    with exclusive(paths, f"image-{image.name}"):
        if archive.exists():
            return archive
        arguments: dict[str, str] = {}
        context = build.ensure(paths, image.part) if image.part else REPOSITORY
        if image.part is None and dockerfile.uses_base((REPOSITORY / image.dockerfile).read_text()):
            arguments["BASE_IMAGE"] = base.ensure(paths)
        with step(f"building image {name}", image.expected):
            buildah.build(REPOSITORY / image.dockerfile, context, name, arguments)
            buildah.export(name, archive)
        _prune(paths, image, name, archive)
    return archive


def archive_of(paths: Paths, image: Image, name: str) -> Path:
    tag = name.rpartition(":")[2]
    if image.part is not None and image.tag:
        # The tag says nothing of the content here, so the part's folder name has to.
        tag = build.folder(paths, image.part).name
    return paths.images / f"{image.name}@{tag}.tar"


def load(paths: Paths, image: Image) -> str:
    """Have an image in the lab's containerd.

    Returns
    -------
    str
        Its reference.
    """
    name = reference(paths, image)
    archive = ensure(paths, image)
    marker = _marker(paths, image)
    if name in imported(paths) and marker.exists() and marker.read_text() == archive.name:
        return name
    with step(f"importing {name} ({archive.stat().st_size / 1e6:,.0f} MB)"):
        ctr(paths, "images", "import", archive)
    marker.parent.mkdir(parents=True, exist_ok=True)
    marker.write_text(archive.name)
    _forget_older(paths, image, name)
    return name


def imported(paths: Paths) -> list[str]:
    """List what containerd holds, oldest first."""
    listed = ctr(paths, "images", "list", "--quiet").split()
    return [name for name in listed if name.startswith(buildah.REPOSITORY)]


def ctr(paths: Paths, *arguments: str | Path) -> str:
    """Run containerd's client on the lab's socket, in the namespace where the kubelet looks."""
    return shell.output(paths.bin / "ctr", f"--address={paths.containerd_socket}", "--namespace=k8s.io", *arguments)


def _copied(root: Path, image: Image, text: str) -> list[str]:
    """List the files and folders that the Dockerfile copies, wildcards expanded."""
    paths: list[str] = []
    for pattern in dockerfile.copied(text):
        found = sorted(root.glob(pattern.strip("/")))
        if not found:
            raise LabError("CopiedFileMissing", f"{image.dockerfile} copies {pattern}, which is not there")
        paths += [path.relative_to(root).as_posix() for path in found]
    return paths


def _marker(paths: Paths, image: Image) -> Path:
    return paths.state / "images" / image.name


def _prune(paths: Paths, image: Image, name: str, archive: Path) -> None:
    buildah.prune(image.name, keep=name)
    for other in paths.images.glob(f"{image.name}@*"):
        if other != archive:
            other.unlink()


def _forget_older(paths: Paths, image: Image, name: str) -> None:
    """Drop all but the newest tags: pods that still run on an older one keep their files."""
    history = paths.state / "images" / f"{image.name}.history"
    earlier = history.read_text().split() if history.exists() else []
    tags = [*(tag for tag in earlier if tag != name), name]
    history.write_text("\n".join(tags[-KEPT_IN_CONTAINERD:]))
    for tag in set(tags[:-KEPT_IN_CONTAINERD]) & set(imported(paths)):
        ctr(paths, "images", "remove", tag)
    if unnamed := _unnamed(paths):
        ctr(paths, "images", "remove", *unnamed)


def _unnamed(paths: Paths) -> list[str]:
    """List the names that the kubelet's interface adds for each image, of those whose own name is gone."""
    rows = [line.split() for line in ctr(paths, "images", "list").splitlines()[1:]]
    digests = {row[0]: row[2] for row in rows}
    named = {digest for name, digest in digests.items() if not name.startswith("sha256:")}
    return [name for name, digest in digests.items() if name.startswith("sha256:") and digest not in named]
