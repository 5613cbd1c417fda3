"""A hash changes with what goes in, and with nothing else."""

import os
from pathlib import Path

import pytest

from lab import hashing


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "a.py").write_text("a")
    (tmp_path / "source" / "b.py").write_text("b")
    (tmp_path / "Dockerfile").write_text("FROM scratch")
    return tmp_path


def of(tree: Path, *extra: str) -> str:
    return hashing.of_files(tree, ["Dockerfile", "source"], *extra)


def test_neither_times_nor_order_nor_place_nor_caches_count(
    tree: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before = of(tree)
    os.utime(tree / "source" / "a.py", (1, 1))
    (tree / "source" / "__pycache__").mkdir()
    (tree / "source" / "__pycache__" / "a.cpython-311.pyc").write_text("compiled")
    moved = tmp_path_factory.mktemp("elsewhere") / "moved"
    tree.rename(moved)
    assert hashing.of_files(moved, ["source", "Dockerfile", "source"]) == before


def test_bytes_names_execute_bits_and_flags_count(tree: Path) -> None:
    seen = [of(tree), of(tree, "flag")]
    (tree / "source" / "a.py").chmod(0o755)
    seen.append(of(tree))
    (tree / "source" / "a.py").write_text("changed")
    seen.append(of(tree))
    (tree / "source" / "b.py").rename(tree / "source" / "c.py")
    seen.append(of(tree))
    (tree / "source" / "new.py").write_text("")
    seen.append(of(tree))
    assert len(set(seen)) == len(seen)


def test_twelve_hexadecimal_digits(tree: Path) -> None:
    digest = of(tree)
    assert len(digest) == 12
    assert int(digest, 16) >= 0
