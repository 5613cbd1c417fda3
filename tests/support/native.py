"""Compiles what the C export writes, as strictly as a compiler can be asked to, and calls it."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from model_builder.categories import Rows
from model_builder.parity import Answers

STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic")
# A trap instead of a message: the library that would print one cannot be loaded into Python.
CHECKED = ("-fsanitize=undefined", "-fsanitize-undefined-trap-on-error")


def compiler() -> str:
    """Find gcc."""
    found = shutil.which("gcc")
    assert found, "these tests compile C: install gcc"
    return found


def compiled(files: Mapping[str, bytes], folder: Path, *options: str) -> Path:
    """Write the files and compile them to an object; give its path."""
    for name, content in files.items():
        (folder / name).write_bytes(content)
    source = next(name for name in files if name.endswith(".c"))
    target = folder / f"{source}.o"
    command = [compiler(), *STRICT, *options, "-c", source, "-o", target.name]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return target


def sections(target: Path) -> int:
    """Give the bytes of code and constants of an object, which is what a device's flash must hold."""
    size = shutil.which("size")
    assert size, "these tests measure objects: install binutils"
    told = subprocess.run([size, str(target)], capture_output=True, text=True, check=True, timeout=60).stdout
    text, data, *_ = told.splitlines()[1].split()
    return int(text) + int(data)


class Native:
    """A compiled model, called row by row."""

    def __init__(self, files: Mapping[str, bytes], folder: Path, outputs: int) -> None:
        target = compiled(files, folder, "-O2", "-fPIC", *CHECKED)
        library = folder / "model.so"
        command = [compiler(), "-shared", str(target), "-o", str(library), "-lm"]
        subprocess.run(command, check=True, timeout=120)
        self._prefix = next(name for name in files if name.endswith(".c")).removesuffix(".c")
        self._library = ctypes.CDLL(str(library))
        self._predict = getattr(self._library, f"{self._prefix}_predict")
        self._outputs = outputs

    def answer(self, rows: Rows) -> Answers:
        """Answer rows."""
        numeric = np.ascontiguousarray(rows.numeric)
        codes = np.ascontiguousarray(rows.codes, np.int16)
        scores = np.full((len(rows), self._outputs), np.nan, np.float32)
        labels = np.zeros(len(rows), np.int64)
        for row in range(len(rows)):
            given = [numeric[row].ctypes, codes[row].ctypes] if rows.categories else [numeric[row].ctypes]
            labels[row] = self._predict(*given, scores[row].ctypes)
        return Answers(scores, labels)

    def code(self, column: int, text: bytes) -> int:
        """Look up the value of a text."""
        lookup = getattr(self._library, f"{self._prefix}_code")
        lookup.restype = ctypes.c_int16
        return int(lookup(ctypes.c_uint16(column), ctypes.c_char_p(text)))


def equal(one: npt.NDArray[np.floating], other: npt.NDArray[np.floating]) -> bool:
    """Say whether two arrays hold the same bits."""
    return one.tobytes() == other.astype(one.dtype).tobytes()
