"""Whether drift that is real is told by unit: turbofan engines that wear until they fail (C-MAPSS FD001, NASA).

Each engine is compared with its own first cycles: engines differ from each other from the start, so that a baseline of
others flags them all. The 14 sensors that move are taken; the others say one or two values.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.real_data import data_file
from model_builder.baseline import _histogram
from model_monitor.drift.baseline import Baseline, _number
from model_monitor.drift.detector import Detector, Settings

Numbers = npt.NDArray[np.float32]

SENSORS = (2, 3, 4, 7, 8, 9, 11, 12, 13, 14, 15, 17, 20, 21)
"""By their numbers in the file's description."""

LEARNT, WINDOW, CALM = 50, 25, 75
"""Cycles of the baseline, of a window, and up to which an engine is taken to be as at first."""


@dataclass(frozen=True)
class Told:
    """What was said of one engine.

    Attributes
    ----------
    early
        Whether drift was said up to cycle `CALM`.
    left
        Cycles from the first word of drift after that to the end; None: it was never said.
    sensors
        Names of those that were said to have drifted after that.
    broken
        Whether any sensor was called broken.
    """

    early: bool
    left: int | None
    sensors: frozenset[str]
    broken: bool


def engines() -> list[Numbers] | None:
    """Read the engines, each of shape (cycles, sensors); None where the file is absent."""
    path = data_file("cmapss_fd001/train_FD001.txt")
    if path is None:
        return None
    rows = np.loadtxt(path)
    sensors = rows[:, [4 + number for number in SENSORS]].astype(np.float32)
    return [sensors[rows[:, 0] == unit] for unit in np.unique(rows[:, 0])]


def generated(units: int, seed: int = 0) -> list[Numbers]:
    """Draw engines that wear: each sensor has noise, an offset of its engine's own, and a trend that grows."""
    draw = np.random.default_rng(seed)
    found = []
    for _ in range(units):
        cycles = int(draw.integers(150, 250))
        wear = np.clip((np.arange(cycles) - CALM) / (cycles - CALM), 0, None) ** 2 * 4
        signs = draw.choice([-1.0, 1.0], len(SENSORS))
        own = draw.normal(0, 1, len(SENSORS))
        found.append((50 + own + draw.normal(0, 1, (cycles, len(SENSORS))) + wear[:, None] * signs).astype(np.float32))
    return found


def names() -> list[str]:
    """Give the names of the sensors."""
    return [f"s{number}" for number in SENSORS]


def baseline(rows: Numbers) -> Baseline:
    """Give the baseline of rows as a build would write it."""
    columns = zip(names(), rows.T, strict=True)
    return Baseline(tuple(_number({"name": name, **_histogram(column)}) for name, column in columns))


def ranges(fleet: list[Numbers]) -> dict[str, tuple[float, float]]:
    """Give what each sensor can say: as far as any engine's went."""
    rows = np.vstack(fleet)
    return {name: (float(column.min()), float(column.max())) for name, column in zip(names(), rows.T, strict=True)}


def watched(engine: Numbers, learnt: Baseline, declared: dict[str, tuple[float, float]], begin: int = LEARNT) -> Told:
    """Replay an engine cycle by cycle from `begin` on."""
    settings = Settings(rows=WINDOW, minimum=WINDOW, seconds=float("inf"), ranges=declared)
    detector = Detector(learnt, settings)
    early, left, broken = False, None, False
    sensors = set[str]()
    for cycle in range(begin, len(engine)):
        detector.add(float(cycle), engine[cycle : cycle + 1])
        drifted = detector.report.drifted()
        broken |= bool(detector.report.broken())
        if cycle < CALM:
            early |= bool(drifted)
        elif drifted:
            sensors.update(drifted)
            left = len(engine) - 1 - cycle if left is None else left
    return Told(early, left, frozenset(sensors), broken)


def by_own(fleet: list[Numbers]) -> list[Told]:
    """Compare each engine with its own first cycles."""
    declared = ranges(fleet)
    return [watched(engine, baseline(engine[:LEARNT]), declared) for engine in fleet]


def by_others(fleet: list[Numbers]) -> list[Told]:
    """Compare the second half of the engines with the first cycles of the first half."""
    half = len(fleet) // 2
    learnt = baseline(np.vstack([engine[:LEARNT] for engine in fleet[:half]]))
    declared = ranges(fleet)
    return [watched(engine, learnt, declared, 0) for engine in fleet[half:]]


def print_tables(fleet: list[Numbers]) -> None:
    """Print what came of it."""
    print(
        "| baseline | engines | flagged | cycles before the end: 10%, median, 90% | flagged early | a sensor broken |"
    )
    print("|---|---|---|---|---|---|")
    cases = {"its own first cycles": by_own(fleet), "other engines' first cycles": by_others(fleet)}
    for name, told in cases.items():
        left = [one.left for one in told if one.left is not None]
        when = ", ".join(f"{round(float(part))}" for part in np.quantile(left, (0.1, 0.5, 0.9))) if left else "none"
        early, broken = sum(one.early for one in told), sum(one.broken for one in told)
        print(f"| {name} | {len(told)} | {len(left) / len(told):.0%} | {when} | {early / len(told):.0%} | {broken} |")
    counts = Counter(sensor for one in cases["its own first cycles"] for sensor in one.sensors)
    print(f"\nBy sensor, of {len(fleet)} engines: {', '.join(f'{name} {counts[name]}' for name in names())}.")
