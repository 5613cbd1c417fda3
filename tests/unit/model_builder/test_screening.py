"""Columns that number the rows, never change or repeat another one are found, and left out unless asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_builder.errors import Reason
from model_builder.reading import Table
from model_builder.screening import is_identifier_name, screen
from tests.support.builder import read, refused

RANDOM = np.random.RandomState(0)
HEAT = RANDOM.normal(size=200).round(3)
COLUMNS: dict[str, list[Any]] = {
    "heat": HEAT.tolist(),
    "wear": RANDOM.randint(60, size=200).tolist(),
    "row": list(range(200)),
    "shuffled": RANDOM.permutation(200).tolist(),
    "Serial No": RANDOM.permutation(100_000)[:200].tolist(),
    "order_id": [4_000_000_000 + 2 * (index // 4) for index in range(200)],
    "rpm": RANDOM.permutation(100_000)[:200].tolist(),
    "still": ["7" if index % 3 else "" for index in range(200)],
    "again": HEAT.tolist(),
    "kind": ["LMH"[index % 3] for index in range(200)],
    "same kind": ["LMH"[index % 3] for index in range(200)],
    "plant": ["Ulm"] * 200,
    "sometimes": ["Ulm" if index % 2 else "" for index in range(200)],
    "fault": [index % 2 for index in range(200)],
}
USELESS = {
    "row": "identifier",
    "shuffled": "identifier",
    "Serial No": "identifier",
    "order_id": "identifier",
    "still": "constant",
    "again": "copy of heat",
    "same kind": "copy of kind",
    "plant": "constant",
}


def table(folder: Path, **more: Any) -> Table:
    rows = zip(*COLUMNS.values(), strict=True)
    return read(folder, "\n".join([",".join(COLUMNS), *(",".join(map(str, row)) for row in rows)]), **more)


def test_useless_columns_are_left_out_and_named(tmp_path: Path) -> None:
    screened = screen(table(tmp_path))
    assert screened.table.names == ("heat", "wear", "rpm")
    assert screened.table.categorical == ("kind", "sometimes")
    assert {column.name: column.why for column in screened.table.left_out} == USELESS
    assert screened.notes == ()
    assert screened.table.data.matrix().shape == (200, 7)


def test_columns_that_are_asked_for_are_kept_with_a_note(tmp_path: Path) -> None:
    screened = screen(table(tmp_path, features={"include": [name for name in COLUMNS if name != "fault"]}))
    assert len(screened.table.names) == 9
    assert len(screened.notes) == len(USELESS)
    assert 'column "row" is used because the spec names it: identifier' in screened.notes


def test_nothing_left_is_refused(tmp_path: Path) -> None:
    with refused(Reason.NO_FEATURES, '"heat": constant'):
        screen(read(tmp_path, "heat,fault\n1,0\n1,1\n"))


@pytest.mark.parametrize("name", ["UDI", "Product ID", "serialNumber", "row_id", "asset-nr", "uuid", "Index"])
def test_names_of_identifiers(name: str) -> None:
    assert is_identifier_name(name)


@pytest.mark.parametrize("name", ["Width", "idle_time", "Torque [Nm]", "humidity", "notch", "valid"])
def test_names_of_measurements(name: str) -> None:
    assert not is_identifier_name(name)
