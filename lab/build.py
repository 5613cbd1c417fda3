"""Build the Go parts into the cache, once for each version and content."""

import os
import re
import shutil
import subprocess
from collections import deque
from pathlib import Path
from tempfile import TemporaryDirectory

from lab import hashing, shell, versions
from lab.console import Step, step
from lab.errors import LabError
from lab.locks import exclusive
from lab.parts import Part
from lab.paths import GO_MODULES, Paths

# Static and the same on every machine: no C compiler, no toolchain fetched behind our back, no settings of the caller.
GO_ENVIRONMENT = {"GOTOOLCHAIN": "local", "CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off"}
GO_FLAGS = ("-trimpath", "-buildvcs=false", "-mod=readonly")


def folder(paths: Paths, part: Part) -> Path:
    """Give the folder in the cache that holds, or will hold, a part's binaries."""
    module = GO_MODULES / part.name
    sources = sorted(file.name for file in module.iterdir() if file.suffix in {".go", ".mod", ".sum"})
    flags = [*part.packages, part.linker_flags, *part.tags, *part.links, *GO_FLAGS]
    digest = hashing.of_files(module, sources, *flags)
    return paths.cache / "bin" / f"{part.name}-{part.version}-{digest}"


def ensure(paths: Paths, part: Part) -> Path:
    """Build a part unless the cache has it.

    Returns
    -------
    Path
        The folder with its binaries.

    Raises
    ------
    LabError
        `GoMissing`, `GoTooOld` or `BuildFailed`.
    """
    target = folder(paths, part)
    if target.exists():
        return target
    check_go()
    with exclusive(paths, f"build-{part.name}"):
        if not target.exists():  # another run may have built it while we waited
            with step(f"building {part.name} {part.version}", part.expected) as current:
                _build(part, target, current)
    return target


def check_go() -> None:
    """Refuse early when there is no Go, or one that is too old."""
    wanted = ".".join(map(str, versions.GO_MINIMUM))
    if shutil.which("go") is None:
        raise LabError("GoMissing", "no go on PATH", f"Go {wanted} or newer", "install Go and put it on PATH")
    found = shell.run("go", "env", "GOVERSION", environment=GO_ENVIRONMENT).stdout.strip()
    numbers = tuple(int(number) for number in re.findall(r"\d+", found)[:3])
    if numbers < versions.GO_MINIMUM:
        raise LabError("GoTooOld", f"go on PATH is {found}", f"Go {wanted} or newer", "install a newer Go")


def command(part: Part, output: Path) -> list[str]:
    """Give the `go build` command line of a part."""
    tags = ["-tags", ",".join(part.tags)] if part.tags else []
    return ["go", "build", "-v", *GO_FLAGS, *tags, "-ldflags", part.linker_flags, "-o", f"{output}/", *part.packages]


def _build(part: Part, target: Path, current: Step) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    # Built beside its place and renamed, so that a folder in the cache is always whole.
    with TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as temporary:
        output = Path(temporary) / "out"
        output.mkdir()
        _compile(command(part, output), GO_MODULES / part.name, current)
        for link in part.links:
            (output / link).symlink_to(part.name)
        output.rename(target)


def _compile(arguments: list[str], module: Path, current: Step) -> None:
    usually = current.note
    last_words: deque[str] = deque(maxlen=shell.TAIL_LINES)
    with subprocess.Popen(
        arguments,
        cwd=module,
        env={**os.environ, **GO_ENVIRONMENT},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as compiler:
        assert compiler.stderr is not None  # noqa: S101  (asked for above)
        for number, line in enumerate(compiler.stderr, start=1):
            last_words.append(line.rstrip())
            current.note = f"{usually}; {number} packages, now {line.strip()[:60]}"
    current.note = ""
    if compiler.returncode:
        raise LabError("BuildFailed", f"go build in {module} failed\n" + "\n".join(last_words))
