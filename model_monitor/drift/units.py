"""Values that look right once they are taken for other units: a gateway or a driver was set up anew."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model_monitor.drift.baseline import Column
from model_monitor.drift.comparison import kolmogorov_smirnov

LEAST_VALUES = 20
_RIGHT_BEFORE = 0.3
"""A distribution this near to the baseline needs no other units to be explained."""
_P_VALUE = 1e-3
"""Below it a conversion does not explain the values."""


@dataclass(frozen=True)
class Conversion:
    """What was measured is ``factor * value + offset``."""

    name: str
    factor: float
    offset: float = 0.0


def _both_ways(one: str, other: str, factor: float, offset: float = 0.0) -> tuple[Conversion, Conversion]:
    """Give the ways between units of which ``other = factor * one + offset``."""
    return (
        Conversion(f"{other} in place of {one}", 1 / factor, -offset / factor),
        Conversion(f"{one} in place of {other}", factor, offset),
    )


CONVERSIONS = (
    *_both_ways("K", "°C", 1.0, -273.15),
    *_both_ways("°C", "°F", 1.8, 32.0),
    *_both_ways("K", "°F", 1.8, -459.67),
    *_both_ways("thousands", "ones", 1000.0),
    *_both_ways("hundreds", "ones", 100.0),
    *_both_ways("tens", "ones", 10.0),
    *_both_ways("min", "s", 60.0),
    *_both_ways("h", "s", 3600.0),
    *_both_ways("rpm", "rad/s", 2 * np.pi / 60),
    *_both_ways("in", "mm", 25.4),
    *_both_ways("bar", "psi", 14.503774),
    *_both_ways("kW", "hp", 1.341022),
    *_both_ways("N m", "lbf ft", 0.737562),
    *_both_ways("mm/s²", "g", 1 / 9806.65),
    *_both_ways("m/s²", "g", 1 / 9.80665),
)


def other_units(column: Column, values: npt.NDArray[np.float32]) -> Conversion | None:
    """Say which units would explain the values; None where they are right as they are, or none does.

    Parameters
    ----------
    values
        Array of shape (values,), the latest ones; NaN does not count.
    """
    there = values[~np.isnan(values)].astype(np.float64)
    if len(there) < LEAST_VALUES or len(column.edges) < 2 or _distance(column, there)[0] < _RIGHT_BEFORE:
        return None
    # What a mere offset explains as well is no other scale.
    moved, _ = _distance(column, there - np.median(there) + _median(column))
    found = []
    for conversion in CONVERSIONS:
        distance, p_value = _distance(column, conversion.factor * there + conversion.offset)
        if p_value > _P_VALUE and (distance < moved or conversion.factor == 1):
            found.append((distance, conversion))
    return min(found, key=lambda one: one[0])[1] if found else None


def _median(column: Column) -> float:
    half = int(np.searchsorted(column.counts.cumsum(), column.rows / 2))
    return float(column.edges[min(half, len(column.edges) - 1)])


def _distance(column: Column, values: npt.NDArray[np.float64]) -> tuple[float, float]:
    now = np.bincount(column.bins(values.astype(np.float32)), minlength=len(column.counts))
    return kolmogorov_smirnov(column.counts, now)
