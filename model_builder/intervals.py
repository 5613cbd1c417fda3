"""Intervals for shares. The standard library's arithmetic only."""

from __future__ import annotations

import math

Z95 = 1.959963984540054
"""Two-sided 95% of the normal distribution."""


def wilson(successes: int, trials: int, z: float = Z95) -> tuple[float, float]:
    """Give the interval of a share by Wilson's score (Wilson, JASA 1927; without continuity correction).

    Returns
    -------
    tuple
        Lower and upper bound; 0 and 1 where there was no trial.
    """
    if trials == 0:
        return 0.0, 1.0
    share = successes / trials
    spread = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    middle = share + z * z / (2 * trials)
    scale = 1 + z * z / trials
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)
