"""The same model as ONNX, TensorFlow Lite and C, and as emlearn writes it: bytes, and how far each differs from ONNX.

Run ``python -m benchmarks.exports`` from the repository's root; it needs gcc, binutils and emlearn. ``flash`` is what a
device must hold: the file, of C the code and constants of the object that gcc -Os makes for this machine's processor.
Rows are those of the data that were not fitted on, once as they are and once with 5% of the values missing; emlearn
knows no missing values, so that it is asked about the first ones only. emlearn's leaves hold a class, or with
``leaf_bits=8`` shares of classes. Its smallest form takes columns of whole numbers of 16 bits, to which somebody has to
scale them first: it is measured, and not asked.
"""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table
from sklearn.ensemble import RandomForestClassifier

from benchmarks.compression_data import DataSet, ai4i, gearbox, sgah, spindle
from benchmarks.peers import load_emlearn
from benchmarks.real_data import data_file
from model_builder.categories import Rows
from model_builder.compression.encode import encode
from model_builder.compression.fitted import from_sklearn
from model_builder.exports.c99 import write_c
from model_builder.exports.litert import answer
from model_builder.exports.model import Source
from model_builder.exports.tflite import write_tflite
from model_builder.parity import Answers, Model
from model_builder.report import Signature

WIDTH = 110
MISSING = 0.05
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic")
Matrix = npt.NDArray[np.float32]
MODELS = {
    "forest of 100": lambda: RandomForestClassifier(100, random_state=0, n_jobs=1),
    "bag of 12, pruned": lambda: RandomForestClassifier(
        12, max_features=None, ccp_alpha=5e-4, random_state=0, n_jobs=1
    ),
}


@dataclass(frozen=True)
class Line:
    """One way to write a model. ``None`` where there is nothing to tell."""

    name: str
    file: int
    flash: int
    said: Answers | None


def compiled(files: Mapping[str, str | bytes], folder: Path, *options: str) -> tuple[Path, int]:
    """Compile the one C file among them; give the library to load and the bytes of code and constants."""
    for name, content in files.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    source = next(name for name in files if name.endswith(".c"))
    subprocess.run(["gcc", *options, "-Os", "-c", source, "-o", "small.o"], cwd=folder, check=True)
    told = subprocess.run(["size", "small.o"], cwd=folder, check=True, capture_output=True, text=True).stdout
    text, data, *_ = told.splitlines()[1].split()
    command = ["gcc", *options, "-O2", "-fPIC", "-shared", source, "-o", "model.so", "-lm"]
    subprocess.run(command, cwd=folder, check=True)
    return folder / "model.so", int(text) + int(data)


def ours(source: Source, rows: Rows, folder: Path) -> Line:
    """Write, compile and ask our C."""
    written = write_c(source)
    library, flash = compiled(written.files, folder, *STRICT)
    predict = ctypes.CDLL(str(library)).spindle_predict
    scores = np.zeros((len(rows), source.ensemble.outputs), np.float32)
    labels = np.array([predict(rows.numeric[row].ctypes, scores[row].ctypes) for row in range(len(rows))], np.int64)
    return Line("C99, ours", sum(map(len, written.files.values())), flash, Answers(scores, labels))


def emlearn(forest: RandomForestClassifier, rows: Matrix, classes: int, leaf_bits: int, folder: Path) -> Line:
    """Write, compile and ask emlearn's C."""
    peer = load_emlearn()
    converted = peer.convert(forest, method="inline", dtype="float", leaf_bits=leaf_bits)
    code = converted.save(name="peer", format="c")
    main = (
        '#include "peer.h"\nint ask(const float *x, int n) { return peer_predict(x, n); }\n'
        "int shares(const float *x, int n, float *out, int k) { return peer_predict_proba(x, n, out, k); }\n"
    )
    library, flash = compiled({"peer.h": code, "main.c": main}, folder, "-std=gnu99", f"-I{peer.includedir}")
    loaded = ctypes.CDLL(str(library))
    shares = np.zeros((len(rows), classes), np.float32)
    labels = np.zeros(len(rows), np.int64)
    for row in range(len(rows)):
        labels[row] = loaded.ask(rows[row].ctypes, rows.shape[1])
        loaded.shares(rows[row].ctypes, rows.shape[1], shares[row].ctypes, classes)
    scores = shares[:, 1:] if classes == 2 else shares
    name = f"emlearn, leaf_bits={leaf_bits}" if leaf_bits else "emlearn"
    return Line(name, len(code), flash, Answers(scores, labels))


def emlearn_of_integers(forest: RandomForestClassifier, folder: Path) -> Line:
    """Write and compile emlearn's C for columns of 16-bit integers, its smallest form: tables and a loop."""
    peer = load_emlearn()
    code = peer.convert(forest, method="loadable", dtype="int16_t").save(name="peer", format="c")
    main = '#include "peer.h"\nint ask(const int16_t *x, int n) { return peer_predict(x, (int8_t)n); }\n'
    _, flash = compiled({"peer.h": code, "main.c": main}, folder, "-std=gnu99", f"-I{peer.includedir}")
    return Line("emlearn, 16-bit columns", len(code), flash, None)


def lines(data: DataSet, name: str) -> tuple[list[Line], int, Answers]:
    """Write a model in every way; gives also the number of whole rows, and what ONNX says of all rows."""
    order = np.random.RandomState(1).permutation(len(data.rows))
    fitted, rest = order[: len(order) * 4 // 5], order[len(order) * 4 // 5 :]
    forest = MODELS[name]().fit(data.rows[fitted], data.codes[fitted])
    ensemble = from_sklearn(forest)
    names = tuple(f"column {index}" for index in range(ensemble.features))
    threshold = 0.5 if data.classes == 2 else None
    signature = Signature.of(names, tuple(str(code) for code in range(data.classes)), threshold)
    source = Source("spindle", signature, (), ensemble)
    whole = np.ascontiguousarray(data.rows[rest])
    holes = np.where(np.random.RandomState(2).random_sample(whole.shape) < MISSING, np.float32(np.nan), whole)
    rows = Rows.of_numbers(np.concatenate([whole, holes]))
    onnx = encode(ensemble, signature)
    flat = write_tflite(source)
    tflite = flat.files["spindle.tflite"]
    found = [
        Line("ONNX", len(onnx), len(onnx), None),
        Line("TensorFlow Lite", len(tflite), len(tflite), answer(tflite, rows)),
    ]
    with tempfile.TemporaryDirectory() as folder:
        found.append(ours(source, rows, Path(folder)))
    for leaf_bits in (0, 8):
        with tempfile.TemporaryDirectory() as folder:
            found.append(emlearn(forest, whole, data.classes, leaf_bits, Path(folder)))
    with tempfile.TemporaryDirectory() as folder:
        found.append(emlearn_of_integers(forest, Path(folder)))
    return found, len(whole), Model(onnx, signature).answer(rows)


def show(data: DataSet, name: str) -> Table:
    """Make one table of a data set and a model."""
    found, whole, onnx = lines(data, name)
    table = Table(title=f"{data.name}, {name}: {data.classes} classes", title_justify="left")
    table.add_column("written as")
    for column in ("file", "flash", "rows", "with missing", "largest difference", "labels differ"):
        table.add_column(column, justify="right")
    for line in found:
        cells = ["", "", "", ""]
        if line.said is not None:
            rows = len(line.said.labels)
            largest = float(np.abs(line.said.scores - onnx.scores[:rows]).max())
            differ = int((line.said.labels != onnx.labels[:rows]).sum())
            cells = [f"{rows:,}", f"{rows - whole:,}" if rows > whole else "cannot", f"{largest:.1e}", f"{differ:,}"]
        table.add_row(line.name, f"{line.file:,}", f"{line.flash:,}", *cells)
    return table


def main() -> None:
    """Print a table for each data set and model."""
    console = Console(width=WIDTH)
    real = data_file("ai4i2020/ai4i2020.csv") and data_file("sgah_grid/sgah_events.csv")
    console.print("Real data: AI4I and SGAH." if real else "No real data here ($ANDON_TEST_DATA): generated data.")
    for data in (ai4i(), sgah()) if real else (spindle(), gearbox()):
        for name in MODELS:
            console.print(show(data, name))


if __name__ == "__main__":
    main()
