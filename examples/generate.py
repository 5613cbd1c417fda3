"""Writes ``machine_fault.csv``: made-up readings of a milling machine, after the rules of the AI4I 2020 data set.

The rules are those published in S. Matzka, "Explainable Artificial Intelligence for Predictive Maintenance
Applications", 2020. Where they leave something open (how speed gives way to torque), the choice is ours.

Run ``python examples/generate.py --rows 10000 --seed 42 --out machine_fault.csv``. Needs numpy only; the same rows
and seed give the same bytes.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

COLUMNS = (
    "quality",
    "air_temperature_k",
    "process_temperature_k",
    "rotational_speed_rpm",
    "torque_nm",
    "tool_wear_min",
    "fault",
)

QUALITIES = np.array(["L", "M", "H"])
QUALITY_SHARES = (0.5, 0.3, 0.2)
WEAR_PER_PIECE_MIN = np.array([2, 3, 5])
OVERSTRAIN_MIN_NM = np.array([11_000, 12_000, 13_000])

RPM = 60 / (2 * np.pi)
NOMINAL_RAD_S = 2860 / 18.2
"""2,860 W at 18.2 Nm: 1,500 rpm."""
NOMINAL_TORQUE_NM = 40.0
DROOP = 0.4
"""Speed falls with torque to this power, which opposes the two about as strongly as the published data does."""
SPEED_NOISE_RPM = 60.0


@dataclass(frozen=True)
class Readings:
    """Readings of consecutive pieces; every array has shape (rows,)."""

    quality: npt.NDArray[np.int64]
    air_k: npt.NDArray[np.float64]
    process_k: npt.NDArray[np.float64]
    speed_rpm: npt.NDArray[np.float64]
    torque_nm: npt.NDArray[np.float64]
    wear_min: npt.NDArray[np.int64]
    tool_failed: npt.NDArray[np.bool_]


def simulate(rows: int, random: np.random.RandomState) -> Readings:
    """Draw readings, rounded as a sensor gives them."""
    quality = random.choice(len(QUALITIES), size=rows, p=QUALITY_SHARES)
    air = 300 + _random_walk(rows, 2.0, random)
    process = air + 10 + _random_walk(rows, 1.0, random)
    torque = np.abs(random.normal(NOMINAL_TORQUE_NM, 10.0, rows)).clip(min=1.0)
    speed = NOMINAL_RAD_S * (NOMINAL_TORQUE_NM / torque) ** DROOP * RPM + random.normal(0, SPEED_NOISE_RPM, rows)
    wear, tool_failed = _tool_wear(quality, random)
    return Readings(quality, air.round(1), process.round(1), speed.round(), torque.round(1), wear, tool_failed)


def faults(readings: Readings, random: np.random.RandomState) -> npt.NDArray[np.bool_]:
    """Tell which pieces are faults: any one of five causes is enough."""
    power_w = readings.torque_nm * readings.speed_rpm / RPM
    heat = (readings.process_k - readings.air_k < 8.6) & (readings.speed_rpm < 1380)
    power = (power_w < 3500) | (power_w > 9000)
    overstrain = readings.wear_min * readings.torque_nm > OVERSTRAIN_MIN_NM[readings.quality]
    by_chance = random.random_sample(len(power_w)) < 0.001
    return np.asarray(readings.tool_failed | heat | power | overstrain | by_chance)


def csv_text(readings: Readings, fault: npt.NDArray[np.bool_]) -> str:
    """Write readings and faults as CSV."""
    columns = (
        QUALITIES[readings.quality],
        [f"{value:.1f}" for value in readings.air_k],
        [f"{value:.1f}" for value in readings.process_k],
        [f"{value:.0f}" for value in readings.speed_rpm],
        [f"{value:.1f}" for value in readings.torque_nm],
        readings.wear_min.astype(str),
        fault.astype(int).astype(str),
    )
    lines = [",".join(COLUMNS), *(",".join(cells) for cells in zip(*columns, strict=True))]
    return "\n".join(lines) + "\n"


def generate(rows: int, seed: int) -> str:
    """Give the whole file. ``RandomState`` is used because numpy has frozen what it draws."""
    random = np.random.RandomState(seed)
    readings = simulate(rows, random)
    return csv_text(readings, faults(readings, random))


def _random_walk(rows: int, deviation: float, random: np.random.RandomState) -> npt.NDArray[np.float64]:
    walk = random.normal(size=rows).cumsum()
    return np.asarray((walk - walk.mean()) / (walk.std() or 1.0) * deviation)


def _tool_wear(
    quality: npt.NDArray[np.int64], random: np.random.RandomState
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    # A tool lasts 200 to 240 minutes; at its end it either fails or is replaced in time.
    wear = np.zeros(len(quality), np.int64)
    failed = np.zeros(len(quality), bool)
    minutes, life = 0, random.uniform(200, 240)
    for index, added in enumerate(WEAR_PER_PIECE_MIN[quality]):
        wear[index] = minutes
        if minutes >= life:
            failed[index] = random.random_sample() < 0.43
            minutes, life = 0, random.uniform(200, 240)
        else:
            minutes += int(added)
    return wear, failed


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description="Write made-up readings of a milling machine with faults.")
    parser.add_argument("--rows", type=int, default=10_000, help="number of rows (default 10000)")
    parser.add_argument("--seed", type=int, default=42, help="seed (default 42)")
    parser.add_argument("--out", type=Path, default=Path("machine_fault.csv"), help="file to write")
    arguments = parser.parse_args()
    if arguments.rows < 1:
        parser.error("--rows must be at least 1")
    if not 0 <= arguments.seed < 2**32:
        parser.error("--seed must be from 0 to 4294967295")
    text = generate(arguments.rows, arguments.seed)
    arguments.out.write_bytes(text.encode())
    count = text.count(",1\n")
    print(f"{arguments.out}: {arguments.rows:,} rows, {count:,} faults")  # noqa: T201


if __name__ == "__main__":
    main()
