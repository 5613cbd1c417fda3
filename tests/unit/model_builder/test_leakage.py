"""Columns written after the fault stop the build; measured quantities do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.real_data import data_file
from model_builder.classes import order_classes
from model_builder.errors import Reason
from model_builder.leakage import check_leakage
from model_builder.reading import Table
from model_builder.splitting import Order
from tests.support.builder import read, refused


def found(table: Table, allowed: tuple[str, ...] = (), order: Order | None = None) -> tuple[str, ...]:
    labels = order_classes("fault", table.classes, table.target, None)
    return check_leakage(table, labels, order or Order(), allowed, 0)


def faults(folder: Path, column: str, values: list[str], rows: int = 2000) -> Table:
    """Draw a tenth of faults that depend on heat, with one more column."""
    random = np.random.RandomState(5)
    heat = random.normal(size=rows)
    fault = heat + random.normal(0, 0.3, rows) > 1.35
    picked = [values[2 * int(each) + int(random.random_sample() < 0.3)] for each in fault]
    lines = [f"{a:.3f},{b},{int(c)}" for a, b, c in zip(heat, picked, fault, strict=True)]
    return read(folder, "\n".join([f"heat,{column},fault", *lines]))


@pytest.mark.parametrize(
    ("values", "parts"),
    [
        (["0", "0", "0", "1"], ['"cause"', "of the", "rows where it is 1", 'class "1"']),
        (["none", "none", "none", "power"], ['rows where it is "power"']),
        (["0", "0", "1", "1"], ["100% of that class"]),
        (["0.13", "0.17", "5.1", "5.2"], ['"cause"', "5.1"]),
    ],
)
def test_a_telling_column_stops_the_build(tmp_path: Path, values: list[str], parts: list[str]) -> None:
    table = faults(tmp_path, "cause", values)
    with refused(Reason.TARGET_LEAKAGE, *parts):
        found(table)
    (note,) = found(table, allowed=("cause",))
    assert note.startswith('column "cause" is allowed although')


def test_a_measured_column_that_tells_all_is_named_with_its_score(tmp_path: Path) -> None:
    random = np.random.RandomState(1)
    code = random.random_sample(1000) < 0.2
    lines = [f"{random.normal():.3f},{4 * each + random.normal(0, 0.5):.4f},{int(each)}" for each in code]
    table = read(tmp_path, "\n".join(["heat,repair_cost,fault", *lines]))
    with refused(Reason.TARGET_LEAKAGE, '"repair_cost"', "a macro-F1 of 1.000", "cross-validated"):
        found(table)


def test_ordinary_columns_do_not_stop_it(tmp_path: Path) -> None:
    assert found(faults(tmp_path, "kind", ["L", "M", "L", "M"])) == ()
    assert found(faults(tmp_path, "flag", ["0", "1", "0", "1"])) == ()


def test_too_few_rows_prove_nothing(tmp_path: Path) -> None:
    assert found(read(tmp_path, "heat,fault\n" + "1,1\n" * 8 + "0,0\n" * 200)) == ()


def test_the_causes_in_machine_data_are_found(tmp_path: Path) -> None:
    path = data_file("ai4i2020/ai4i2020.csv")
    if path is None:
        header = "heat,TWF,HDF,RNF,fault"
        random = np.random.RandomState(0)
        fault = random.random_sample(5000) < 0.05
        cause = random.randint(2, size=5000)
        stray = random.random_sample(5000) < 0.002
        lines = [
            f"{random.normal() + each:.2f},{int(each and not which)},{int(each and which)},{int(odd)},{int(each)}"
            for each, which, odd in zip(fault, cause, stray, strict=True)
        ]
        content: bytes | str = "\n".join([header, *lines])
        target = "fault"
    else:
        content, target = path.read_bytes(), "Machine failure"
    table = read(tmp_path, content, target)
    with refused(Reason.TARGET_LEAKAGE, '"TWF"', '"HDF"'):
        found(table)
    with pytest.raises(Exception, match="TWF") as caught:
        found(table)
    assert '"RNF" too' in getattr(caught.value, "remedy", "")
