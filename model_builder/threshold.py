"""From which score on a row is called a fault: chosen on inner folds, never on the rows that scores are told of."""

from __future__ import annotations

import numpy as np

from model_builder.crossval import Floats
from model_builder.ranking import Ranking
from model_builder.spec import DecisionThreshold
from model_builder.splitting import Indices

MARGIN = 1e-4
"""A threshold is never closer to 0 or 1, where every row or none would be a fault whatever its score."""


def choose_threshold(codes: Indices, positive: Floats, settings: DecisionThreshold) -> float:
    """Choose the threshold that is best for rows scored by models that had not seen them.

    Parameters
    ----------
    codes, positive
        Arrays of shape (rows,), pooled over all folds: 1 where a row is a fault, and its score.

    Returns
    -------
    float
        Half-way between the lowest score to be called a fault and the next lower one, with six decimals.
    """
    ranking = Ranking(codes == 1, positive)
    (true, said), levels = ranking.called(), ranking.levels
    faults = true[-1]
    if settings.optimize == "f1":
        value = 2 * true / (said + faults)
    else:
        costs = settings.costs
        missed, alarms = (costs.missed_fault, costs.false_alarm) if costs is not None else (1.0, 1.0)
        # To call nothing a fault is a choice too, but a model that never speaks is none: the best that speaks is taken.
        value = -(missed * (faults - true) + alarms * (said - true))
    best = int(value.argmax())
    below = levels[best + 1] if best + 1 < len(levels) else 0.0
    return round(float(np.clip((levels[best] + below) / 2, MARGIN, 1 - MARGIN)), 6)
