"""Whether two histograms may be samples of the same: distances and tests.

- PSI: Siddiqi (2006), Credit Risk Scorecards. A distance, and no test: it grows as samples shrink.
- Chi-squared test of homogeneity: Pearson (1900). Bins too thin for it (fewer than five rows expected) are joined.
  Written out here: scipy.stats checks its input for longer than a window of a thousand columns may take.
- Kolmogorov-Smirnov, two samples, at the edges of the bins only: the p-value is too large rather than too small.
- Benjamini, Hochberg (1995), Controlling the false discovery rate.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from model_monitor.drift.baseline import Column, Counts

_LEAST_EXPECTED = 5.0


def psi(before: Counts, now: Counts) -> float:
    """Population stability index; half a row is added to each bin, so that an empty one is no infinity."""
    expected = (before + 0.5) / (before + 0.5).sum()
    found = (now + 0.5) / (now + 0.5).sum()
    return float(((found - expected) * np.log(found / expected)).sum())


def chi_squared(before: Counts, now: Counts) -> float:
    """P-value of Pearson's test; 1 where fewer than two bins are left."""
    joined = _joined(before, now)
    if joined.shape[1] < 2:
        return 1.0
    expected = joined.sum(axis=1, keepdims=True) * (joined.sum(axis=0) / joined.sum())
    statistic = ((joined - expected) ** 2 / expected).sum()
    return float(special.chdtrc(joined.shape[1] - 1, statistic))


def kolmogorov_smirnov(before: Counts, now: Counts) -> tuple[float, float]:
    """Greatest distance of the two distribution functions at the edges, and its p-value."""
    rows, others = int(before.sum()), int(now.sum())
    if not rows or not others:
        return 0.0, 1.0
    distance = float(np.abs(before.cumsum() / rows - now.cumsum() / others).max())
    effective = rows * others / (rows + others)
    return distance, float(special.kolmogorov(distance * np.sqrt(effective)))


def p_value(column: Column, now: Counts) -> float:
    """P-value of the hypothesis that nothing has changed.

    A number is tried by both tests (a shift shows first by Kolmogorov-Smirnov, another spread by chi-squared), at half
    the level each; a category, whose values have no order, by chi-squared alone.
    """
    by_chi = chi_squared(column.counts, now)
    if column.kind == "category":
        return by_chi
    return min(1.0, 2 * min(by_chi, kolmogorov_smirnov(column.counts, now)[1]))


def rejected(p_values: npt.NDArray[np.float64], level: float) -> npt.NDArray[np.bool_]:
    """Which hypotheses are rejected at a false discovery rate."""
    if len(p_values) == 0:
        return np.zeros(0, np.bool_)
    return np.asarray(stats.false_discovery_control(p_values, method="bh") <= level, np.bool_)


def _joined(before: Counts, now: Counts) -> Counts:
    """Join neighbouring bins until each is thick enough for the test."""
    rows, others = int(before.sum()), int(now.sum())
    share = min(rows, others) / max(rows + others, 1)
    bins: list[tuple[int, int]] = []
    one = other = 0
    for more, others_more in zip(before.tolist(), now.tolist(), strict=True):
        one, other = one + more, other + others_more
        if (one + other) * share >= _LEAST_EXPECTED:
            bins.append((one, other))
            one = other = 0
    if one or other:
        last = bins.pop() if bins else (0, 0)
        bins.append((last[0] + one, last[1] + other))
    return np.array(bins, np.int64).reshape(-1, 2).T
