"""Whether a new version scores much worse than the one that serves, by what their builds reported."""

from collections.abc import Iterable

from model_builder.report import LowerBounds, Metrics
from model_builder.spec import Gate

DECIMALS = 6


def losses(gates: Iterable[Gate], candidate: Metrics, stable: Metrics) -> tuple[str, ...]:
    """Say which gates against the serving version a new one does not meet, a sentence each; none where all are met.

    Each score is the one on the version's own held-out rows, and with ``bound: lower95`` the lower bound of its 95%
    interval, of both versions. A score that either report does not hold is no proof, so its gate is not met.
    """
    found = []
    for gate in gates:
        if gate.max_loss_to_stable is None:
            continue
        name = f"the lower 95% bound of {gate.metric}" if gate.bound == "lower95" else gate.metric
        new, old = _score(gate, candidate), _score(gate, stable)
        if new is None or old is None:
            found.append(f"{name} is not known of {'the new version' if new is None else 'the serving version'}")
            continue
        # To the digits of the reports, so that a loss of exactly what is allowed is allowed.
        loss = round(old - new, DECIMALS)
        if loss > float(gate.max_loss_to_stable):
            found.append(f"{name} is {new:.4f} instead of {old:.4f}, and {gate.max_loss_to_stable} less is allowed")
    return tuple(found)


def _score(gate: Gate, metrics: Metrics) -> float | None:
    held: Metrics | LowerBounds | None = metrics if gate.bound == "point" else metrics.lower95
    value = None if held is None else held.model_dump(by_alias=True)[gate.metric]
    return None if value is None else float(value)
