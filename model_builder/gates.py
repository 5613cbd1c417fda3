"""What a model must reach, and what becomes of one that does not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from model_builder.errors import BuilderError, Reason
from model_builder.evaluation import Evaluation
from model_builder.spec import Gate

Outcome = Literal["met", "missed", "inconclusive"]


@dataclass(frozen=True)
class Verdict:
    """How one gate went. ``where`` names the rows; the bounds are NaN where there is too little to tell."""

    gate: Gate
    where: str
    rows: int
    value: float
    low: float
    high: float
    method: str

    @property
    def least(self) -> str:
        """Give what the gate asks for, as it was written."""
        if self.gate.min is None:
            raise ValueError("a gate against the serving version is judged where that version is known")
        return self.gate.min

    @property
    def judged(self) -> float:
        """Give the number that is held against the gate."""
        return self.value if self.gate.bound == "point" else self.low

    @property
    def outcome(self) -> Outcome:
        """Tell whether the gate is met, surely missed, or neither can be told.

        A lower bound below the gate proves nothing bad as long as the upper one is above it.
        """
        least = float(self.least)
        if self.judged >= least:
            return "met"
        surely = self.value if self.gate.bound == "point" else self.high
        return "missed" if surely < least else "inconclusive"


def judge_gates(gates: tuple[Gate, ...], evaluation: Evaluation, where: str) -> tuple[Verdict, ...]:
    """Hold an evaluation against the gates, but not against those that compare with the serving version.

    A build does not know what serves: the same inputs give the same model, whatever that is.

    Raises
    ------
    BuilderError
        ``InvalidSpec`` where a metric needs two classes.
    """
    verdicts = []
    for gate in gates:
        if gate.metric not in evaluation.scores:
            raise BuilderError(
                Reason.INVALID_SPEC,
                f"the gate on {gate.metric} needs a target of two classes, and this one has {len(evaluation.classes)}",
                found=f"{len(evaluation.classes)} classes",
                allowed=f"for several classes one of {', '.join(evaluation.scores)}",
                remedy="choose another metric, or make a target of two classes",
            )
        if gate.min is None:
            continue
        score = evaluation.scores[gate.metric]
        verdicts.append(Verdict(gate, where, evaluation.rows, score.value, score.low, score.high, score.method))
    return tuple(verdicts)


def refusal(verdicts: tuple[Verdict, ...]) -> BuilderError | None:
    """Say why a model with these verdicts must not be served; None where every gate is met.

    The reason is ``GateNotMet`` where a gate is surely missed, and ``GateInconclusive`` where the rows are too few to
    tell; all gates that are not met are named.
    """
    unmet = [each for each in verdicts if each.outcome != "met"]
    if not unmet:
        return None
    missed = [each for each in unmet if each.outcome == "missed"]
    first = (missed or unmet)[0]
    reason, ending, remedy = Reason.GATE_NOT_MET, "", "give more or better data, compare more estimators"
    if not missed:
        reason, ending = Reason.GATE_INCONCLUSIVE, ": too few rows to tell"
        remedy = "give more rows, above all more of the rare classes"
    more = len(unmet) - 1
    others = f" (and {more} more {'gate is' if more == 1 else 'gates are'} not met)" if more else ""
    return BuilderError(
        reason,
        f"{_said(first)} on {first.rows:,} {first.where}, and {first.least} is required{ending}{others}",
        found="; ".join(_said(each) for each in unmet),
        allowed="; ".join(f"{each.gate.metric} of at least {each.least} ({each.gate.bound})" for each in unmet),
        remedy=f"{remedy}, or lower the gate on purpose",
    )


def _said(verdict: Verdict) -> str:
    name = verdict.gate.metric
    if math.isnan(verdict.judged):
        return f"{name} cannot be told"
    if verdict.gate.bound == "point":
        return f"{name} is {verdict.value:.4f}"
    value = f"{verdict.value:.4f} itself; interval: {verdict.method}"
    return f"the lower 95% bound of {name} is {verdict.low:.4f} ({value})"
