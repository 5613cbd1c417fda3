"""What is said of each column."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from model_monitor.drift.faults import Fault
from model_monitor.drift.renewal import Renewal


class State(StrEnum):
    """How a column is."""

    NOT_ENOUGH_DATA = "NotEnoughData"
    STEADY = "Steady"
    DRIFTED = "Drifted"
    SENSOR_FAULT = "SensorFault"


@dataclass(frozen=True)
class Finding:
    """How a column is, and by what numbers.

    Attributes
    ----------
    psi, p_value
        Of the last block that was compared; None before the first.
    rows
        Rows of that block.
    units
        Where other units explain the values: which.
    """

    name: str
    state: State = State.NOT_ENOUGH_DATA
    fault: Fault | None = None
    psi: float | None = None
    p_value: float | None = None
    rows: int = 0
    units: str = ""


@dataclass(frozen=True)
class Report:
    """How all columns are.

    Attributes
    ----------
    windows
        Windows that were closed.
    renewal
        Why rows are compared with others than those of the build; None where they are not.
    learning
        Rows that are still wanting for a new baseline.
    """

    findings: tuple[Finding, ...] = ()
    windows: int = 0
    renewal: Renewal | None = None
    learning: int = 0
    _by_name: dict[str, Finding] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {one.name: one for one in self.findings})

    def of(self, name: str) -> Finding:
        """Give what is said of a column."""
        return self._by_name[name]

    def drifted(self) -> list[str]:
        """Give the names of the columns that have drifted."""
        return [one.name for one in self.findings if one.state == State.DRIFTED]

    def broken(self) -> dict[str, Fault]:
        """Give the sensors that are broken, and how."""
        return {one.name: one.fault for one in self.findings if one.fault is not None}
