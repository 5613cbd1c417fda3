"""The benchmark of builds runs real builds and tells what their reports tell."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from benchmarks import build


def test_a_case_is_built_and_told(tmp_path: Path) -> None:
    case = build.Case("generated", build.generated(tmp_path, 2000), "fault")
    outcome = build.run(case, tmp_path)
    usage = outcome.report.usage
    assert usage is not None
    assert 0 < usage.seconds < outcome.outside_s
    assert usage.peak_memory_bytes > 50 << 20, "no Python with scikit-learn and ONNX Runtime is smaller"
    console = Console(width=build.WIDTH, record=True, file=(tmp_path / "log").open("w"))
    build.show([outcome], console)
    text = console.export_text()
    for part in ("2,000", f"{outcome.report.bytes:,}", f"{usage.seconds:.1f}"):
        assert part in text


def test_a_build_that_fails_is_no_row_of_the_table(tmp_path: Path) -> None:
    case = build.Case("generated", build.generated(tmp_path, 2000), "no such column")
    with pytest.raises(RuntimeError, match="TargetNotFound"):
        build.run(case, tmp_path)


def test_without_the_real_data_generated_rows_stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANDON_TEST_DATA", str(tmp_path / "none"))
    plain, searched = build.small(tmp_path, 500)
    assert "no AI4I here" in plain.name
    assert plain.data.is_file()
    assert "budget" not in str(plain.spec())
    assert searched.spec()["compression"] == {"budget": {}}
