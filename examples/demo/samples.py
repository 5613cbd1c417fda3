"""Rows to ask the model about, of those that it was not trained on; found by the builder's own code."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from examples.demo.data import MachineData
from model_builder.categories import UNKNOWN
from model_builder.classes import order_classes
from model_builder.reading import Table, read_table
from model_builder.screening import screen
from model_builder.sources import LocalData
from model_builder.specfile import read_spec
from model_builder.splitting import Order, split_rows

ASKED = 5


@dataclass(frozen=True)
class Sample:
    """A row: its number in the file (the header is row 1), its readings by name, and the class that it really had."""

    row: int
    readings: dict[str, str]
    actual: str


def held_out(manifest: Path, data: MachineData) -> list[Sample]:
    """Choose a few of the rows that the build of this manifest held out, faults among them."""
    spec = read_spec(manifest)
    train = spec.source.train
    table = screen(read_table(LocalData(data.file, "csv", data.sha256, data.bytes), train, spec.limits)).table
    labels = order_classes(train.target, table.classes, table.target, train.positive_class)
    order = Order(table.groups, table.times, train.group_by or train.time_column or "")
    out = split_rows(labels, train.seed, order).held_out
    chosen = out[choose(labels.codes[out], len(labels.classes))]
    return [
        Sample(
            row=int(table.rows[index]),
            readings=_readings(table, index),
            actual=labels.classes[labels.codes[index]],
        )
        for index in chosen
    ]


def _readings(table: Table, index: int) -> dict[str, str]:
    numbers = {name: text(value) for name, value in zip(table.names, table.features[index], strict=True)}
    categories = zip(table.data.categories, table.data.codes[index], strict=True)
    return numbers | {one.name: "" if code == UNKNOWN else one.values[code] for one, code in categories}


def choose(codes: npt.NDArray[np.int64], classes: int) -> npt.NDArray[np.int64]:
    """Choose indices evenly spread over each class, in order.

    Parameters
    ----------
    codes
        Array of shape (rows,): each row's class.
    classes
        How many there are; of two, the second one means a fault and gets two of the five rows.
    """
    chosen: list[int] = []
    for code in range(min(classes, ASKED)):
        mine = np.flatnonzero(codes == code)
        share = min((ASKED + classes - 1 - code) // classes, len(mine))
        chosen += [int(mine[(2 * turn + 1) * len(mine) // (2 * share)]) for turn in range(share)]
    return np.sort(np.array(chosen, np.int64))


def text(value: np.float32) -> str:
    """Write a reading with the digits that it has; a missing one is empty."""
    return "" if np.isnan(value) else f"{value:.7g}"


def write(samples: Iterable[Sample], file: Path) -> None:
    """Write rows as CSV, for `andon predict`."""
    rows = [sample.readings for sample in samples]
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
