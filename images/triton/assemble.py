"""Put together the file tree of the slim Triton image: what serving a model loads, and nothing else.

Runs in the build stage of the Dockerfile, as root, on the interpreter whose library the image takes over. The tree
follows the official image's layout (/opt/tritonserver with bin, lib and backends), so that the server finds its parts
without options or environment.
"""

from __future__ import annotations

import argparse
import compileall
import os
import platform
import py_compile
import re
import shutil
import site
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from images.triton import placeholders

TRITON = Path("opt/tritonserver")
BACKENDS = TRITON / "backends"
USER = 65532

PYTHON_LIBRARY = "libpython3.11.so.1.0"
LOADER = Path("/lib64/ld-linux-x86-64.so.2")  # the path is written in every program
IMPORTED = ("numpy", "onnxruntime", "asyncio", "json", "importlib.metadata", "logging", "traceback", "multiprocessing")
PACKAGES = ("nvidia_pytriton", "numpy", "onnxruntime")
# bash starts the Python backend's stub; sleep is what preStop hooks of older clusters run.
PROGRAMS = ("bash", "sleep")

STDLIB_DROPPED = (
    *("__pycache__", "config-*", "dist-packages", "site-packages", "test", "unittest", "pydoc_data"),
    *("curses", "dbm", "distutils", "ensurepip", "idlelib", "lib2to3", "sqlite3", "tkinter", "turtle.py", "turtledemo"),
    *("venv", "wsgiref", "xmlrpc"),
    # Modules in C: tests, and those that would bring a library of their own (OpenSSL, SQLite, ncurses, ...).
    *("_codecs_*", "_ctypes_test*", "_test*", "_xx*", "xx*", "ossaudiodev*"),
    *("_bz2*", "_crypt*", "_curses*", "_dbm*", "_gdbm*", "_hashlib*", "_lzma*", "_sqlite3*", "_ssl*", "_tkinter*"),
    *("_uuid*", "nis*", "readline*"),
)
NUMPY_DROPPED = (
    *("*.pyi", "*.h", "*.a", "*.c", "*.pyx", "*.pxd", "*.ini", "*.cfg", "*.typed", "__pycache__"),
    *("_examples", "_pyinstaller", "_simd*", "conftest.py", "distutils", "doc", "f2py", "include"),
    *("testing", "tests", "_operand_flag_tests*", "_rational_tests*", "_struct_ufunc_tests*", "_umath_tests*"),
)
ONNXRUNTIME_DROPPED = (
    *("*.pyi", "__pycache__", "backend", "datasets", "quantization", "tools", "transformers", "Privacy.md"),
    *("convert_npz_to_onnx_adapter.py", "onnxruntime_collect_build_info.py"),
    "libonnxruntime.so*",  # for programs in C; the Python module has it all inside
)

PASSWD = f"root:x:0:0::/:/sbin/nologin\nnonroot:x:{USER}:{USER}::/tmp:/sbin/nologin\n"
GROUP = f"root:x:0:\nnonroot:x:{USER}:\n"


@dataclass(frozen=True)
class Sources:
    """Where the build stage has the parts."""

    packages: Path
    backend: Path

    @property
    def triton(self) -> Path:
        return self.packages / "pytriton/tritonserver"

    @property
    def triton_libraries(self) -> Path:
        return self.packages / "nvidia_pytriton.libs"

    @property
    def numpy_libraries(self) -> Path:
        return self.packages / "numpy.libs"

    @property
    def stub(self) -> Path:
        return self.triton / "python_backend_stubs/3.11/triton_python_backend_stub"


def assemble(sources: Sources, root: Path) -> None:
    """Write the image's tree into `root`."""
    origins = [
        *add_triton(sources, root),
        *add_python(root),
        *add_packages(sources, root),
        *add_programs(root),
        *add_system_libraries(root),
    ]
    add_settings(root)
    add_licences(sources, origins, root)
    check_imports(root)
    subprocess.run(["ldconfig", "-r", str(root)], check=True)
    for path in sorted(root.rglob("*")):
        os.utime(path, (0, 0), follow_symlinks=False)  # the same inputs give the same layer
    report(root)


def add_triton(sources: Sources, root: Path) -> list[Path]:
    """Add the server, the libraries that came with it and the two backends."""
    python = root / BACKENDS / "python"
    server = copy(sources.triton / "bin/tritonserver", root / TRITON / "bin/tritonserver")
    copy(sources.triton / "backends/python/triton_python_backend_utils.py", python / "triton_python_backend_utils.py")
    library = copy(sources.triton / "backends/python/libtriton_python.so", python / "libtriton_python.so")
    stub = copy(sources.stub, python / sources.stub.name)
    stub.chmod(0o755)
    copy(sources.backend, root / BACKENDS / "onnxruntime/model.py")
    folder = root / TRITON / "lib"
    folder.mkdir()
    absent = {real.name: holder for holder, real in _found(placeholders.TRITON_PLACEHOLDERS, sources.triton_libraries)}
    users = [next(sources.triton_libraries.glob("libtritonserver-*")), library]
    waiting, seen = [server, library, stub], set()
    while waiting:
        for name in needed(waiting.pop()):
            real = sources.triton_libraries / name
            if name in seen or not real.exists():
                continue
            seen.add(name)
            if name in absent:
                placeholders.build(absent[name], real, users, folder)
            else:
                waiting.append(copy(real, folder / name))
    strip([server, library, stub, *folder.glob("lib*")])
    fixed = placeholders.build_fixed_modes(folder)
    subprocess.run(["patchelf", "--add-needed", fixed.name, str(server)], check=True)  # in front, so before libc
    return []


def _found(wanted: Iterable[placeholders.Placeholder], folder: Path) -> Iterator[tuple[placeholders.Placeholder, Path]]:
    for placeholder in wanted:
        yield placeholder, next(folder.glob(f"{placeholder.stem}*"))


def add_python(root: Path) -> list[Path]:
    """Add the standard library, compiled, to where the interpreter's library looks for it."""
    stdlib = Path(sysconfig.get_path("stdlib"))
    target = root / stdlib.relative_to("/")
    copy_tree(stdlib, target, STDLIB_DROPPED)
    compile_tree(target, root)
    return [stdlib / "os.py", *stdlib.glob("lib-dynload/_json.*")]


def add_packages(sources: Sources, root: Path) -> list[Path]:
    """Add numpy and ONNX Runtime to the interpreter's own folder of packages."""
    target = root / Path(site.getsitepackages()[0]).relative_to("/")
    copy_tree(sources.packages / "numpy", target / "numpy", NUMPY_DROPPED)
    copy_tree(sources.packages / "onnxruntime", target / "onnxruntime", ONNXRUNTIME_DROPPED)
    compile_tree(target, root)
    folder = target / "numpy.libs"
    folder.mkdir()
    users = list((target / "numpy").rglob("*.so"))
    for placeholder, real in _found(placeholders.NUMPY_PLACEHOLDERS, sources.numpy_libraries):
        placeholders.build(placeholder, real, users, folder)
    for package in PACKAGES:
        for metadata in sources.packages.glob(f"{package}-*.dist-info/METADATA"):  # what scanners of images read
            copy(metadata, target / metadata.parent.name / metadata.name)
    return []


def add_programs(root: Path) -> list[Path]:
    """Add the few programs that are started by name."""
    found = [Path(str(shutil.which(name))).resolve() for name in PROGRAMS]
    for program in found:
        copy(program, root / "usr/bin" / program.name)
    # No /lib: the interpreter looks for its standard library from its own library upwards and would stop at "/".
    for link, to in (("bin", "usr/bin"), ("lib64", "usr/lib64")):
        (root / to).mkdir(parents=True, exist_ok=True)
        (root / link).symlink_to(to)
    return found


def add_system_libraries(root: Path) -> list[Path]:
    """Add every library of the system that any file of the tree needs, with its own needs."""
    bundled = {path.name for path in root.rglob("*.so*")}
    waiting = [path for path in root.rglob("*") if is_elf(path)]
    origins: dict[str, Path] = {}
    while waiting:
        for name in needed(waiting.pop()):
            if name in bundled or name in origins or name == LOADER.name:
                continue
            origins[name] = system_libraries()[name]
            target = root / origins[name].parent.resolve().relative_to("/") / name
            waiting.append(copy(origins[name].resolve(), target))
    copy(LOADER.resolve(), root / "usr" / LOADER.relative_to("/"))
    return list(origins.values())


@cache
def system_libraries() -> dict[str, Path]:
    """Map the names of the system's 64-bit libraries to their files."""
    listing = subprocess.run(["ldconfig", "-p"], check=True, capture_output=True, text=True).stdout
    entries = re.findall(r"^\s+(\S+) \([^)]*x86-64[^)]*\) => (\S+)$", listing, flags=re.MULTILINE)
    return {name: Path(path) for name, path in reversed(entries)}  # of several the loader takes the first


def needed(binary: Path) -> list[str]:
    """List the libraries that a program or library is linked with."""
    listing = subprocess.run(["readelf", "--dynamic", str(binary)], check=True, capture_output=True, text=True).stdout
    return re.findall(r"\(NEEDED\).*\[(.+)\]", listing)


def is_elf(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def strip(binaries: Iterable[Path]) -> None:
    """Drop the symbols that only a debugger reads."""
    subprocess.run(["strip", "--strip-unneeded", *map(str, binaries)], check=True)


def copy(source: Path, target: Path) -> Path:
    """Copy one file with its mode, readable by all and writable by its owner, making folders as needed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)
    target.chmod(0o755 if target.stat().st_mode & 0o100 else 0o644)
    return target


def copy_tree(source: Path, target: Path, dropped: Iterable[str]) -> None:
    """Copy a folder without the names that match a pattern of `dropped`."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(*dropped), ignore_dangling_symlinks=True)


def compile_tree(folder: Path, root: Path) -> None:
    """Replace Python sources by bytecode that needs no writable folder and no date, and so loads at once."""
    done = compileall.compile_dir(
        folder,
        quiet=1,
        legacy=True,
        stripdir=str(root),
        prependdir="/",
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        workers=0,
    )
    if not done:
        raise RuntimeError(f"some of {folder} did not compile")
    for source in folder.rglob("*.py"):
        source.unlink()


def add_settings(root: Path) -> None:
    """Add the users, the loader's search path and the empty folders that a pod mounts over."""
    etc = root / "etc"
    etc.mkdir()
    (etc / "passwd").write_text(PASSWD)
    (etc / "group").write_text(GROUP)
    (etc / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files dns\n")
    python = system_libraries()[PYTHON_LIBRARY].parent.resolve()
    (etc / "ld.so.conf").write_text(f"/{TRITON}/lib\n{python}\n")
    for folder, mode in (("tmp", 0o1777), ("models", 0o755), ("dev", 0o755), ("proc", 0o755), ("sys", 0o755)):
        (root / folder).mkdir()
        (root / folder).chmod(mode)


def add_licences(sources: Sources, origins: Iterable[Path], root: Path) -> None:
    """Add licence texts, and Debian's records of the packages in use, where scanners of images look for them."""
    licences = root / "usr/share/licenses"
    texts = re.compile(r"(LICEN[CS]E|COPYING|NOTICE|ThirdPartyNotices).*")
    for package in PACKAGES:
        for folder in (sources.packages / package, *sources.packages.glob(f"{package}-*.dist-info")):
            for path in sorted(folder.rglob("*")) if folder.exists() else ():
                if path.is_file() and texts.fullmatch(path.name):
                    copy(path, licences / package / path.name)
    for package in sorted({name for origin in origins for name in debian_packages(origin)}):
        record = subprocess.run(["dpkg-query", "--status", package], check=True, capture_output=True, text=True).stdout
        target = root / "var/lib/dpkg/status.d" / package
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(record)
        text = Path("/usr/share/doc") / package / "copyright"
        if text.exists():
            copy(text, licences / package / "copyright")


def debian_packages(path: Path) -> list[str]:
    """Name the Debian packages that own a file; none where it was not installed by dpkg."""
    for candidate in dict.fromkeys((path, path.resolve(), Path(str(path).removeprefix("/usr")))):
        found = subprocess.run(["dpkg-query", "--search", str(candidate)], capture_output=True, text=True, check=False)
        if found.returncode == 0:
            owners = found.stdout.splitlines()[0].rsplit(": ", 1)[0]
            return [owner.split(":")[0].strip() for owner in owners.split(",")]
    return []


def check_imports(root: Path) -> None:
    """Import what the backend imports, from the tree alone, so that a module too few fails the build."""
    packages = root / Path(site.getsitepackages()[0]).relative_to("/")
    prefix = root / Path(sysconfig.get_path("stdlib")).parent.parent.relative_to("/")
    paths = {"PYTHONHOME": str(prefix), "PYTHONPATH": str(packages), "LD_LIBRARY_PATH": str(root / TRITON / "lib")}
    program = f"import {', '.join(IMPORTED)}"
    subprocess.run([sys.executable, "-s", "-c", program], check=True, env=paths, cwd=root)


def report(root: Path) -> None:
    """Print the parts of the tree by size."""
    sizes: dict[str, int] = {}
    for path in root.rglob("*"):
        if path.is_file() and not path.is_symlink():
            relative = path.relative_to(root)
            parts = relative.parts[: 6 if "packages" in str(relative) else 4]
            name = "/".join(parts)
            sizes[name] = sizes.get(name, 0) + path.stat().st_size
    for name, size in sorted(sizes.items(), key=lambda item: -item[1]):
        if size >= 100_000:
            print(f"{size / 1e6:8.1f} MB  /{name}")  # noqa: T201
    print(f"{sum(sizes.values()) / 1e6:8.1f} MB  in all")  # noqa: T201


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--packages", type=Path, required=True, help="site-packages with pytriton, numpy, onnxruntime")
    parser.add_argument("--backend", type=Path, required=True, help="model.py of the backend")
    parser.add_argument("--root", type=Path, required=True, help="empty folder to make and fill")
    arguments = parser.parse_args()
    if platform.machine() != "x86_64":
        parser.error(f"placeholders are written for x86_64, this is {platform.machine()}")
    assemble(Sources(arguments.packages, arguments.backend), arguments.root)


if __name__ == "__main__":
    main()
