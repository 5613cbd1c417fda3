"""Whether two histograms may be samples of the same: distances and tests.

- PSI: Siddiqi (2006), Credit Risk Scorecards. A distance, and no test: it grows as samples shrink.
- Chi-squared test of homogeneity: Pearson (1900). Bins too thin for it (fewer than five rows expected) are joined.
- Kolmogorov-Smirnov, two samples, at the edges of the bins only: the p-value is too large rather than too small.
- Benjamini, Hochberg (1995), Controlling the false discovery rate.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import stats

from model_monitor.drift.baseline import Column, Counts

_LEAST_EXPECTED = 5.0


def psi(before: Counts, now: Counts) -> float:
    """Population stability index; half a row is added to each bin, so that an empty one is no infinity."""
    expected = (before + 0.5) / (before + 0.5).sum()
    found = (now + 0.5) / (now + 0.5).sum()
    return float(((found - expected) * np.log(found / expected)).sum())


def chi_squared(before: Counts, now: Counts) -> float:
    """P-value of Pearson's test; 1 where fewer than two bins are left."""
    joined = _joined(np.vstack([before, now]))
    return float(stats.chi2_contingency(joined, correction=False).pvalue) if joined.shape[1] > 1 else 1.0


def kolmogorov_smirnov(before: Counts, now: Counts) -> tuple[float, float]:
    """Greatest distance of the two distribution functions at the edges, and its p-value."""
    rows, others = int(before.sum()), int(now.sum())
    if not rows or not others:
        return 0.0, 1.0
    distance = float(np.abs(before.cumsum() / rows - now.cumsum() / others).max())
    effective = rows * others / (rows + others)
    return distance, float(stats.kstwobign.sf(distance * np.sqrt(effective)))


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


def _joined(table: Counts) -> Counts:
    """Join neighbouring bins until each is thick enough for the test."""
    rows = table.sum(axis=1)
    share = rows.min() / max(rows.sum(), 1)
    columns: list[Counts] = []
    pending = np.zeros(2, np.int64)
    for column in table.T:
        pending = pending + column
        if pending.sum() * share >= _LEAST_EXPECTED:
            columns.append(pending)
            pending = np.zeros(2, np.int64)
    if pending.any():
        if columns:
            columns[-1] = columns[-1] + pending
        else:
            columns.append(pending)
    return np.array(columns, np.int64).reshape(-1, 2).T
