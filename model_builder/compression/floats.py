"""Rounding of thresholds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def float32_floor(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Give the largest float32 not above each value.

    For every float32 ``x``, ``x <= value`` and ``x <= float32_floor(value)`` are the same, also where either is
    infinite.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = values.astype(np.float32)
        lower = np.nextafter(rounded, np.float32(-np.inf))
    return np.where(rounded.astype(np.float64) > values, lower, rounded)
