"""How well drift and broken sensors are told apart, on rows of AI4I: `python -m benchmarks.drift [SEEDS]`.

Each run fits a baseline on 6,000 rows drawn at random, replays 1,000 others as they are and then 3,000 with one sensor
disturbed. A run is right if that feature is named with the right kind, and no other feature is named at all.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks import drift_engines
from benchmarks.real_data import folder
from model_builder.baseline import _histogram
from model_monitor.drift.baseline import Baseline, Column, _number
from model_monitor.drift.detector import Detector, Settings
from model_monitor.drift.faults import Fault
from model_monitor.drift.report import State

FEATURES = (
    "Air temperature [K]",
    "Process temperature [K]",
    "Rotational speed [rpm]",
    "Torque [Nm]",
    "Tool wear [min]",
)
TYPES = ("H", "L", "M")
FITTED, CALM = 6000, 1000
BATCH = 50

Numbers = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int64]
Change = Callable[[npt.NDArray[np.float32], np.random.Generator], npt.NDArray[np.float32]]

UNITS: dict[str, Change] = {
    FEATURES[0]: lambda values, _: values - np.float32(273.15),
    FEATURES[1]: lambda values, _: values * np.float32(1.8) - np.float32(459.67),
    FEATURES[2]: lambda values, _: values * np.float32(2 * np.pi / 60),
    FEATURES[3]: lambda values, _: values * np.float32(0.737562),
    FEATURES[4]: lambda values, _: values * np.float32(60),
}


@dataclass(frozen=True, eq=False)
class Rows:
    """Numbers of shape (rows, features) and the product's type as a code of shape (rows, 1)."""

    numbers: Numbers
    codes: Codes

    def take(self, places: npt.NDArray[np.int64]) -> Rows:
        """Give some of the rows."""
        return Rows(self.numbers[places], self.codes[places])


def ai4i() -> Rows:
    """Read the rows of AI4I, in the order of the file."""
    with (folder() / "ai4i2020/ai4i2020.csv").open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    numbers = np.array([[row[name] for name in FEATURES] for row in rows], np.float32)
    codes = np.array([[TYPES.index(row["Type"])] for row in rows], np.int64)
    return Rows(numbers, codes)


def generated(rows: int = 10_000, seed: int = 0) -> Rows:
    """Draw rows with AI4I's own recipe, in which the temperatures are random walks."""
    draw = np.random.default_rng(seed)
    walk = np.cumsum(draw.normal(0, 0.1, rows))
    air = 300 + 2 * (walk - walk.mean()) / walk.std()
    process = air + 10 + draw.normal(0, 1, rows)
    speed = 1180 + draw.gamma(4, 90, rows)
    torque = np.maximum(draw.normal(40, 10, rows), 3.8)
    wear = np.cumsum(draw.choice([2, 3, 5], rows, p=[0.6, 0.3, 0.1])) % 230
    numbers = np.stack([air.round(1), process.round(1), speed.round(), torque.round(1), wear], axis=1)
    return Rows(numbers.astype(np.float32), draw.choice(3, (rows, 1), p=[0.1, 0.6, 0.3]).astype(np.int64))


def baseline(rows: Rows) -> Baseline:
    """Give the baseline as a build writes it."""
    numbers = [
        _number({"name": name, **_histogram(column)}) for name, column in zip(FEATURES, rows.numbers.T, strict=True)
    ]
    counts = np.bincount(rows.codes[:, 0], minlength=len(TYPES) + 1)
    return Baseline((*numbers, Column("Type", "category", np.empty(0, np.float32), counts)))


def changes(spread: float) -> dict[str, tuple[Change, State | Fault]]:
    """Give what may befall a sensor whose values have a standard deviation, and what is to be said of it."""

    def partly(values: Numbers, draw: np.random.Generator) -> Numbers:
        return np.where(draw.random(len(values)) < 0.2, np.float32(np.nan), values)

    def offset(size: float) -> Change:
        return lambda values, _: values + np.float32(size * spread)

    return {
        "stuck": (lambda values, _: np.full_like(values, values[0]), Fault.STUCK),
        "missing": (lambda values, _: np.full_like(values, np.nan), Fault.MISSING),
        "missing, one in five": (partly, Fault.MISSING),
        "offset by 3 standard deviations": (offset(3), State.DRIFTED),
        "offset by 1": (offset(1), State.DRIFTED),
        "offset by 0.5": (offset(0.5), State.DRIFTED),
        "offset by 0.25": (offset(0.25), State.DRIFTED),
        "offset by 0.05": (offset(0.05), State.DRIFTED),
    }


@dataclass(frozen=True)
class Outcome:
    """How a run went.

    Attributes
    ----------
    delay
        Rows from the change to the right word; None: it was never said.
    others
        Names of other columns of which anything was said.
    """

    delay: int | None
    others: frozenset[str]


def batches(rows: Rows) -> Iterator[Rows]:
    """Give rows as they would come in."""
    for begin in range(0, len(rows.numbers), BATCH):
        yield Rows(rows.numbers[begin : begin + BATCH], rows.codes[begin : begin + BATCH])


def run(rows: Rows, place: int, change: Change, said: State | Fault, seed: int, settings: Settings) -> Outcome:
    """Run once."""
    draw = np.random.default_rng(seed)
    order = draw.permutation(len(rows.numbers))
    detector = Detector(baseline(rows.take(order[:FITTED])), settings)
    live = rows.take(order[FITTED:])
    live.numbers[CALM:, place] = change(live.numbers[CALM:, place].copy(), draw)
    delay, others, seen = None, set[str](), 0
    for batch in batches(live):
        detector.add(float(seen), batch.numbers, batch.codes)
        seen += len(batch.numbers)
        for finding in detector.report.findings:
            if finding.name == FEATURES[place]:
                right = said in (finding.fault, finding.state)
                delay = seen - CALM if right and delay is None and seen > CALM else delay
            elif finding.state in (State.DRIFTED, State.SENSOR_FAULT):
                others.add(finding.name)
    return Outcome(delay, frozenset(others))


def last_word(rows: Rows, settings: Settings) -> tuple[set[str], set[str]]:
    """Replay rows in their own order behind a baseline of rows drawn from all; give what ever drifted, and broke."""
    drifted, broken = set[str](), set[str]()
    order = np.random.default_rng(0).permutation(len(rows.numbers))
    detector = Detector(baseline(rows.take(order[:FITTED])), settings)
    for number, batch in enumerate(batches(rows)):
        detector.add(float(number), batch.numbers, batch.codes)
        drifted |= set(detector.report.drifted())
        broken |= set(detector.report.broken())
    return drifted, broken


def false_windows(rows: Rows, seed: int, settings: Settings) -> tuple[int, int]:
    """Replay rows as they are, in random order; give the windows with a false alarm, and all."""
    draw = np.random.default_rng(seed)
    order = draw.permutation(len(rows.numbers))
    detector = Detector(baseline(rows.take(order[:FITTED])), settings)
    live, wrong = rows.take(order[FITTED:]), 0
    for begin in range(0, len(live.numbers) - settings.rows + 1, settings.rows):
        detector.add(
            float(begin), live.numbers[begin : begin + settings.rows], live.codes[begin : begin + settings.rows]
        )
        said = (finding.state for finding in detector.report.findings)
        wrong += any(state in (State.DRIFTED, State.SENSOR_FAULT) for state in said)
    return wrong, detector.report.windows


def _row(name: str, feature: str, outcomes: list[Outcome]) -> str:
    delays = sorted(one.delay for one in outcomes if one.delay is not None)
    named = f"{len(delays) / len(outcomes):.0%}"
    others = f"{sum(bool(one.others) for one in outcomes) / len(outcomes):.0%}"
    delay = f"{int(np.median(delays)):,}, {int(np.quantile(delays, 0.9)):,}" if delays else "none"
    return f"| {feature} | {name} | {named} | {delay} | {others} |"


def main(seeds: int) -> None:
    """Print the tables."""
    rows = ai4i()
    print(f"{seeds} runs each, windows of {Settings().rows} rows; {Settings().false_alarms:.1%} of windows may err.\n")
    print("| feature | change | named rightly | rows until then: median, 90% | another feature named |")
    print("|---|---|---|---|---|")
    for place, feature in enumerate(FEATURES):
        cases = {**changes(float(rows.numbers[:, place].std())), "other units": (UNITS[feature], Fault.UNIT)}
        for name, (change, said) in cases.items():
            outcomes = [run(rows, place, change, said, seed, Settings()) for seed in range(seeds)]
            print(_row(name, feature, outcomes), flush=True)
    print("\n| promised | windows with a false alarm | of |\n|---|---|---|")
    for promised in (0.001, 0.01, 0.05):
        found = [false_windows(rows, seed, Settings(rows=200, false_alarms=promised)) for seed in range(seeds)]
        wrong, every = (sum(each) for each in zip(*found, strict=True))
        print(f"| {promised:.1%} | {wrong / every:.2%} ({wrong}) | {every:,} |")
    drifted, broken = last_word(rows, Settings())
    print(
        f"\nIn the order of the file: drifted {', '.join(sorted(drifted))}; broken {', '.join(sorted(broken)) or 'no'}."
    )
    fleet = drift_engines.engines()
    if fleet is not None:
        print("\nEngines of C-MAPSS FD001:\n")
        drift_engines.print_tables(fleet)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
