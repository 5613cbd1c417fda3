"""Time and memory of a run are measured."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from model_builder import usage

MEBIBYTE = 1 << 20


def test_peak_memory_grows_by_what_is_held_and_stays_when_it_is_let_go() -> None:
    before = usage.peak_memory_bytes()
    held = np.ones(max(before // 8, 16 * MEBIBYTE))
    peak = usage.peak_memory_bytes()
    assert peak >= before + held.nbytes // 2
    del held
    assert usage.peak_memory_bytes() >= peak - MEBIBYTE, "the kernel counts by batches of pages"


def test_without_proc_the_kernel_is_asked_another_way(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told = usage.peak_memory_bytes()
    monkeypatch.setattr(usage, "STATUS", tmp_path / "none")
    assert usage.peak_memory_bytes() >= told // 2


def test_a_stopwatch_counts_from_its_start() -> None:
    assert usage.Stopwatch(start=time.monotonic() - 90).usage().seconds == pytest.approx(90, abs=5)
