"""The example data follows the published rules and is always the same."""

from __future__ import annotations

import hashlib
import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tests.support.builder import REPOSITORY

GENERATOR = REPOSITORY / "examples" / "generate.py"


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    module_spec = importlib.util.spec_from_file_location("generate", GENERATOR)
    assert module_spec is not None
    assert module_spec.loader is not None
    module = importlib.util.module_from_spec(module_spec)
    sys.modules["generate"] = module
    module_spec.loader.exec_module(module)
    return module


def test_the_bytes_are_written_down(generator: ModuleType) -> None:
    text = generator.generate(10_000, 42)
    assert (
        hashlib.sha256(text.encode()).hexdigest() == "f55573152fc8cdb83c3001dd314851396a61309d5e448ed274e7a2798774f486"
    )


def test_the_rules_hold(generator: ModuleType) -> None:
    random = np.random.RandomState(3)
    readings = generator.simulate(20_000, random)
    fault = generator.faults(readings, random)
    assert np.bincount(readings.quality) / 20_000 == pytest.approx([0.5, 0.3, 0.2], abs=0.02)
    assert readings.air_k.mean() == pytest.approx(300, abs=0.01)
    assert readings.air_k.std() == pytest.approx(2, abs=0.01)
    assert (readings.process_k - readings.air_k).mean() == pytest.approx(10, abs=0.01)
    assert readings.torque_nm.mean() == pytest.approx(40, abs=0.5)
    assert readings.torque_nm.min() > 0
    assert readings.wear_min.max() <= 245
    assert np.corrcoef(readings.speed_rpm, readings.torque_nm)[0, 1] < -0.8
    power = readings.torque_nm * readings.speed_rpm * 2 * np.pi / 60
    assert fault[(power < 3500) | (power > 9000)].all()
    assert fault[(readings.process_k - readings.air_k < 8.6) & (readings.speed_rpm < 1380)].all()
    limit = np.array([11_000, 12_000, 13_000])[readings.quality]
    assert fault[readings.wear_min * readings.torque_nm > limit].all()
    assert 0.02 < fault.mean() < 0.06
    quiet = (power > 4000) & (power < 8500) & (readings.speed_rpm > 1400) & (readings.wear_min < 150)
    assert fault[quiet].mean() == pytest.approx(0.001, abs=0.001)


def test_the_command_writes_the_same_file_twice(tmp_path: Path) -> None:
    contents = []
    for name in ("a.csv", "b.csv"):
        command = [sys.executable, str(GENERATOR), "--rows", "500", "--seed", "7", "--out", str(tmp_path / name)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        assert "500 rows" in done.stdout
        contents.append((tmp_path / name).read_bytes())
    assert contents[0] == contents[1]
    header, first = contents[0].decode().splitlines()[:2]
    assert header.split(",")[-1] == "fault"
    assert len(first.split(",")) == 7
    assert contents[0].count(b"\n") == 501


@pytest.mark.parametrize("wrong", [["--rows", "0"], ["--seed", "-1"], ["--rows", "x"]])
def test_wrong_arguments_are_refused(wrong: list[str]) -> None:
    done = subprocess.run([sys.executable, str(GENERATOR), *wrong], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert wrong[0] in done.stderr
