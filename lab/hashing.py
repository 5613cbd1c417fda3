"""Content hashes of files and folders: same bytes, same hash, whatever their times and wherever they lie."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

SHORT = 12
IGNORED_FOLDERS = frozenset({"__pycache__", ".git", ".venv", ".mypy_cache", ".ruff_cache", ".pytest_cache", "out"})
IGNORED_SUFFIXES = frozenset({".pyc", ".pyo"})


def files_below(path: Path) -> Iterator[Path]:
    """Give the files of a folder (or the file itself) in a fixed order, without what no build should see."""
    if not path.is_dir():
        yield path
        return
    for child in sorted(path.iterdir()):
        if child.is_dir() and child.name not in IGNORED_FOLDERS and not child.name.endswith(".egg-info"):
            yield from files_below(child)
        elif child.is_file() and child.suffix not in IGNORED_SUFFIXES:
            yield child


def of_files(root: Path, relative_paths: Iterable[str], *extra: str) -> str:
    """Hash files and folders by their path below `root`, their execute bit and their bytes.

    Parameters
    ----------
    root
        The folder that the paths are relative to; its own place does not count.
    relative_paths
        Files and folders; order and repetition do not count.
    extra
        More words that the result depends on: flags, the hash of a base.

    Returns
    -------
    str
        Twelve hexadecimal digits.
    """
    found = {file for path in relative_paths for file in files_below(root / path)}
    entries = [
        [
            file.relative_to(root).as_posix(),
            bool(file.stat().st_mode & 0o100),
            hashlib.sha256(file.read_bytes()).hexdigest(),
        ]
        for file in sorted(found)
    ]
    return hashlib.sha256(json.dumps([entries, extra]).encode()).hexdigest()[:SHORT]
