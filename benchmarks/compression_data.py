"""The data sets of the compression benchmark: real ones from ``$ANDON_TEST_DATA``, and two that are generated."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.real_data import folder

REMAINING_CYCLES = 30


@dataclass(frozen=True, eq=False)
class DataSet:
    """Rows of shape (rows, features), their classes, and what each row belongs to, where that matters."""

    name: str
    rows: npt.NDArray[np.float32]
    codes: npt.NDArray[np.int64]
    groups: npt.NDArray[np.int64] | None = None

    @property
    def classes(self) -> int:
        return int(self.codes.max()) + 1


def ai4i() -> DataSet:
    """AI4I 2020: 10,000 rows, 339 failures, six features; the kinds of failure are left out, they tell the answer."""
    with (folder() / "ai4i2020/ai4i2020.csv").open(encoding="utf-8-sig", newline="") as file:
        table = list(csv.DictReader(file))
    names = [name for name in table[0] if "[" in name]
    kinds = {"L": 0.0, "M": 1.0, "H": 2.0}
    rows = np.array([[kinds[line["Type"]], *(float(line[name]) for name in names)] for line in table], np.float32)
    return DataSet("AI4I", rows, np.array([int(line["Machine failure"]) for line in table], np.int64))


def cmapss() -> DataSet:
    """C-MAPSS FD001: will the engine fail within 30 cycles? Split by engine."""
    table = np.loadtxt(folder() / "cmapss_fd001/train_FD001.txt")
    unit, cycle = table[:, 0].astype(np.int64), table[:, 1]
    last = np.zeros(int(unit.max()) + 1)
    np.maximum.at(last, unit, cycle)
    codes = (last[unit] - cycle <= REMAINING_CYCLES).astype(np.int64)
    return DataSet("C-MAPSS FD001", table[:, 2:].astype(np.float32), codes, unit)


def sgah() -> DataSet:
    """Faults of a power grid: five classes, 30 features of a window of 100 samples."""
    with (folder() / "sgah_grid/sgah_events.csv").open(newline="") as file:
        header, *lines = list(csv.reader(file))
    place = header.index("fault")
    rows = np.array([[float(cell) for index, cell in enumerate(line) if index != place] for line in lines], np.float32)
    _, codes = np.unique([line[place] for line in lines], return_inverse=True)
    return DataSet("SGAH", rows, codes.astype(np.int64))


def spindle() -> DataSet:
    """Generated: two classes, 12 features, faults where power or wear is high, or a gradient is; 2% noise."""
    random = np.random.RandomState(20)
    rows = random.normal(size=(8000, 12)).astype(np.float32)
    risk = (rows[:, 0] * rows[:, 1] > 1.8) | (rows[:, 2] - rows[:, 3] > 2.6) | (rows[:, 4] > 2.4)
    codes = (risk ^ (random.random_sample(8000) < 0.002)).astype(np.int64)
    return DataSet("generated, 2 classes", rows, codes)


def gearbox() -> DataSet:
    """Generated: five classes of 6,000 rows, 24 features, of which eight tell something."""
    random = np.random.RandomState(21)
    codes = random.randint(0, 5, 6000)
    centres = random.normal(0, 1.2, size=(5, 8))
    rows = random.normal(size=(6000, 24))
    rows[:, :8] += centres[codes]
    return DataSet("generated, 5 classes", rows.astype(np.float32), codes.astype(np.int64))


SETS: dict[str, Callable[[], DataSet]] = {
    "ai4i": ai4i,
    "cmapss": cmapss,
    "sgah": sgah,
    "spindle": spindle,
    "gearbox": gearbox,
}
