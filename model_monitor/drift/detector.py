"""Takes rows as they come and says how each column is.

Columns are compared only when a window closes, and each row is in exactly one window, so looking often changes nothing.
`Settings.false_alarms` is the expected number of windows, out of all, in which any column of an unchanged stream is
called drifted. A third of it goes to each scale of `blocks.SCALES`: a block of s windows is tested at s times that.
The expectation adds up over windows, however much they depend on each other through the baseline that they share.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from model_monitor.drift.baseline import Baseline, Counts
from model_monitor.drift.blocks import SCALES, Block, Blocks
from model_monitor.drift.comparison import p_value, psi, rejected
from model_monitor.drift.faults import Fault, Flags, Floats32, Numbers, Runs
from model_monitor.drift.renewal import Learner, Renewal
from model_monitor.drift.report import Finding, Report, State
from model_monitor.drift.units import Conversion, other_units

_KEPT_ROWS = 400
"""Latest rows that are kept as they came, to see whether other units would explain them."""

_PARTLY = 0.05
"""Share of a window, above that of the baseline, from which values missing or out of range now and then count."""


@dataclass(frozen=True)
class Settings:
    """How to look.

    Attributes
    ----------
    rows, seconds
        A window closes after this many rows, or after this time if it has at least `minimum` rows by then.
    minimum
        Rows below which nothing is said of drift.
    false_alarms
        Expected share of windows with a false alarm.
    least_psi
        Distance below which a change is too small to matter, however sure it is.
    renewal_rows
        Rows that a new baseline is made of.
    ranges
        By name of a feature, what its sensor can physically say; else as far beyond what the build saw as that is wide.
    """

    rows: int = 500
    seconds: float = 3600.0
    minimum: int = 200
    false_alarms: float = 0.001
    least_psi: float = 0.05
    renewal_rows: int = 2000
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)


class Detector:
    """Watches the rows of one version of a model.

    Parameters
    ----------
    renewal
        Where the baseline is not that of the build: why.
    """

    def __init__(self, baseline: Baseline, settings: Settings | None = None, renewal: Renewal | None = None) -> None:
        self._settings = settings or Settings()
        self._renewal = renewal
        self._learner: Learner | None = None
        self._begin(baseline)

    def _begin(self, baseline: Baseline) -> None:
        count = len(baseline.columns)
        self._baseline = baseline
        self._numbers = len(baseline.numbers)
        self._blocks = Blocks(baseline.columns)
        self._runs = Runs(baseline.numbers, self._settings.ranges)
        self._latest = np.empty((0, self._numbers), np.float32)
        self._opened: float | None = None
        self._windows = 0
        self._findings = [Finding(column.name) for column in baseline.columns]
        self._drifted_at = np.zeros(count, np.int64)  # the scale that showed it; 0: none has
        self._broken: dict[int, tuple[Fault, str]] = {}
        self._seen: dict[Fault, Flags] = {}
        self._outside = np.zeros(self._numbers, np.int64)
        self._forget_window()

    @property
    def report(self) -> Report:
        """How the columns are."""
        left = self._learner.wanted - self._learner.rows if self._learner is not None else 0
        return Report(tuple(self._findings), self._windows, self._renewal, left)

    @property
    def baseline(self) -> Baseline:
        """What rows are compared with; while a new one is learnt, the former."""
        return self._baseline

    def renew(self, renewal: Renewal) -> None:
        """Compare with what comes from now on: something was changed on purpose."""
        self._renewal = renewal
        self._begin(self._baseline)
        self._learner = Learner(self._baseline, self._settings.renewal_rows)

    def add(
        self, at: float, numbers: Floats32, codes: Numbers | None = None, scores: npt.NDArray[np.float64] | None = None
    ) -> None:
        """Take rows.

        Parameters
        ----------
        at
            When they came, in seconds since 1970.
        numbers
            Array of shape (rows, numbers), NaN: missing.
        codes
            Array of shape (rows, categories): which value of the signature, -1: none of them.
        scores
            Array of shape (rows,), NaN: no answer.
        """
        bins = self._bins(numbers, codes, scores)
        if self._learner is not None:
            if self._learner.add(numbers, bins):
                learnt, self._learner = self._learner.learnt(), None
                self._begin(learnt)
            return
        begin = 0
        while begin < len(bins):
            end = min(len(bins), begin + self._settings.rows - self._blocks.rows)
            self._take(at, numbers[begin:end], bins[begin:end])
            begin = end

    def _bins(self, numbers: Floats32, codes: Numbers | None, scores: npt.NDArray[np.float64] | None) -> Counts:
        columns = self._baseline.columns
        found = np.full((len(numbers), len(columns)), -1, np.int64)
        for place, column in enumerate(columns):
            if column.kind == "number":
                found[:, place] = column.bins(numbers[:, place])
            elif column.kind == "category" and codes is not None:
                found[:, place] = column.bins(codes[:, place - self._numbers])
            elif column.kind == "score" and scores is not None:
                found[:, place] = column.bins(scores)
        return found

    def _take(self, at: float, numbers: Floats32, bins: Counts) -> None:
        if self._opened is None:
            self._opened = at
        self._blocks.add(bins)
        self._outside += self._runs.outside(numbers).sum(axis=0)
        self._latest = np.vstack([self._latest, numbers])[-_KEPT_ROWS:]
        for fault, flags in self._runs.add(numbers).items():
            self._seen[fault] = self._seen.get(fault, np.zeros(self._numbers, np.bool_)) | flags
            for place in np.flatnonzero(flags):
                self._break(int(place), fault)
        old = at - self._opened >= self._settings.seconds
        if self._blocks.rows >= self._settings.rows or (old and self._blocks.rows >= self._settings.minimum):
            self._close()

    def _break(self, place: int, fault: Fault) -> None:
        """Say at once that a sensor is broken; of values out of range, whether other units explain them."""
        units = self._units(place, 40) if fault == Fault.OUT_OF_RANGE else None
        if place in self._broken and units is None:
            return
        kind = Fault.UNIT if units is not None else fault
        self._broken[place] = kind, units.name if units is not None else ""
        self._tell(place)

    def _units(self, place: int, rows: int) -> Conversion | None:
        return other_units(self._baseline.columns[place], self._latest[-rows:, place])

    def _close(self) -> None:
        self._windows += 1
        blocks = self._blocks.close()
        window = blocks[-1]
        compared = {block.scale: self._compare(block) for block in blocks}
        for place in range(self._numbers):
            self._judge_sensor(place, window, compared[1][place])
        for block in blocks:
            self._judge(block, compared[block.scale])
        for place in range(len(self._findings)):
            distance, chance = compared[1][place]
            self._findings[place] = replace(self._findings[place], psi=distance, p_value=chance, rows=window.rows)
            self._tell(place)
        self._forget_window()

    def _forget_window(self) -> None:
        self._opened = None
        self._seen = {}
        self._outside[:] = 0

    def _compare(self, block: Block) -> list[tuple[float, float]]:
        """Give PSI and p-value of each column; a column without rows has not changed."""
        found = []
        for column, counts in zip(self._baseline.columns, block.counts, strict=True):
            if column.rows == 0 or counts.sum() == 0:
                found.append((0.0, 1.0))
            else:
                found.append((psi(column.counts, counts), p_value(column, counts)))
        return found

    def _judge_sensor(self, place: int, window: Block, compared: tuple[float, float]) -> None:
        """Say whether a sensor is broken, by the window as a whole, or is well again."""
        column = self._baseline.columns[place]
        usual = column.missing / max(column.rows + column.missing, 1)
        runs = [fault for fault, flags in self._seen.items() if flags[place]]
        units = self._units(place, _KEPT_ROWS) if compared[0] > self._settings.least_psi else None
        if Fault.STUCK in runs:
            self._broken[place] = Fault.STUCK, ""
        elif units is not None:
            self._broken[place] = Fault.UNIT, units.name
        elif Fault.MISSING in runs or window.missing[place] / window.rows > usual + _PARTLY:
            self._broken[place] = Fault.MISSING, ""
        elif Fault.OUT_OF_RANGE in runs or self._outside[place] / window.rows > _PARTLY:
            self._broken[place] = Fault.OUT_OF_RANGE, ""
        else:
            self._broken.pop(place, None)

    def _judge(self, block: Block, compared: list[tuple[float, float]]) -> None:
        """Say which columns have drifted. What a block has shown, only one as long can take back."""
        level = min(0.5, self._settings.false_alarms * block.scale / len(SCALES))
        surely = rejected(np.array([chance for _, chance in compared]), level)
        for place, (distance, _) in enumerate(compared):
            if surely[place] and distance >= self._settings.least_psi and place not in self._broken:
                self._drifted_at[place] = max(block.scale, self._drifted_at[place])
            elif self._drifted_at[place] <= block.scale:
                self._drifted_at[place] = 0

    def _tell(self, place: int) -> None:
        fault, units = self._broken.get(place, (None, ""))
        if fault is not None:
            state = State.SENSOR_FAULT
        elif self._windows == 0:
            state = State.NOT_ENOUGH_DATA
        else:
            state = State.DRIFTED if self._drifted_at[place] else State.STEADY
        self._findings[place] = replace(self._findings[place], state=state, fault=fault, units=units)
