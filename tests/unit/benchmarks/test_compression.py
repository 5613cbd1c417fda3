"""The compression benchmark measures every pass, goes on where it stopped, and makes tables of its results."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from benchmarks import compression, compression_real
from benchmarks.compression import measure, next_fold, read, run
from benchmarks.compression_data import DataSet, gearbox, spindle
from benchmarks.compression_methods import PASSES, SEARCH, Fold
from benchmarks.compression_real import SOURCES, Package, Source, parsed
from benchmarks.compression_table import PLAIN, RESEEDED, Measured, show, summary
from model_builder.compression.judge import Scores


def small() -> DataSet:
    whole = spindle()
    return DataSet("small", whole.rows[:600, :6], whole.codes[:600])


def test_every_pass_has_a_line() -> None:
    fold = next_fold(small(), 1, 2, 0)
    lines = {one.method: one for one in measure(fold, "small", 0, [PLAIN, RESEEDED, *PASSES])}
    assert set(lines) == {PLAIN, RESEEDED, *PASSES}
    plain, lossless = lines[PLAIN], lines["our encoding, lossless (opset 5)"]
    assert plain.bytes is not None
    assert lossless.bytes is not None
    assert plain.scores is not None
    assert lossless.scores is not None
    assert lossless.bytes * 3 < plain.bytes
    assert lossless.scores.average_precision == pytest.approx(plain.scores.average_precision, abs=1e-3)
    console = Console(width=170, record=True, file=io.StringIO())
    console.print(show("small", list(lines.values())))
    assert "quantize leaves, 4 bits" in console.export_text()


def test_a_run_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "results.jsonl"
    run(path, {"small": small}, (1,), 2, 1, quick=True)
    first = read(path)
    assert [one.method for one in first] == [PLAIN, RESEEDED, "our encoding, lossless (opset 5)"]
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:2]) + "\n")
    asked: list[str] = []

    def remembered(fold: Fold, name: str, number: int, wanted: list[str]) -> list[Measured]:
        asked.extend(wanted)
        return [first[2]]

    monkeypatch.setattr(compression, "measure", remembered)
    run(path, {"small": small}, (1,), 2, 1, quick=True)
    assert asked == ["our encoding, lossless (opset 5)"]
    assert read(path) == first


def measured(method: str, macro: float, size: int | None = 1000, spread: float | None = None) -> Measured:
    spreads = None if spread is None else Scores(spread, spread, spread, spread)
    return Measured("one", 1, 0, method, size, size, Scores(macro, 0.8, 0.8, 0.1), chosen="bag: x", spread=spreads)


@pytest.mark.parametrize(("macro", "spread", "worse"), [(0.785, 0.0, "yes"), (0.785, 0.01, "no"), (0.795, 0.0, "no")])
def test_the_summary_says_what_lost_more_than_noise(macro: float, spread: float, worse: str) -> None:
    lines = [measured(PLAIN, 0.7, 100_000), measured(RESEEDED, 0.8, None, spread), measured(SEARCH, macro, 500)]
    console = Console(width=170, record=True, file=io.StringIO())
    console.print(summary(lines, ["one", "absent"], SEARCH))
    text = console.export_text()
    row = next(line for line in text.splitlines() if " one " in line)
    assert f" {worse} " in row
    assert " 200 " in row
    assert "absent" not in text


def test_rows_of_a_package_are_read_with_words_and_missing_values() -> None:
    source = Source(compression_real.KEEL, "x", target=0, dropped=(2,), fault="bad")
    data = parsed("x", "@relation x\nbad, 1.5, 9, m\nok, ?, 9, f\n% no row\nok, 2, 9, m\n", source)
    assert data.codes.tolist() == [1, 0, 0]
    np.testing.assert_array_equal(data.rows, np.array([[1.5, 1], [np.nan, 0], [2, 1]], np.float32))
    assert parsed("x", "1,b\n2,a\n3,c\n", Source(compression_real.KEEL, "x")).codes.tolist() == [1, 0, 2]


def test_another_package_than_expected_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANDON_BENCHMARK_CACHE", str(tmp_path))
    (tmp_path / "other.whl").write_bytes(b"something else")
    with pytest.raises(ValueError, match=r"other\.whl is not"):
        compression_real._wheel(Package("other", "1", "other.whl", "0" * 64))
    assert len(SOURCES) == 8


def test_generated_sets_are_the_same_every_time() -> None:
    assert (gearbox().rows == gearbox().rows).all()
    assert gearbox().classes == 5
    assert 0.02 < spindle().codes.mean() < 0.12
