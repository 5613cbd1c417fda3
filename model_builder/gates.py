"""What a model must reach, and what becomes of one that does not."""

from __future__ import annotations

import math
from dataclasses import dataclass

from model_builder.errors import BuilderError, Reason
from model_builder.evaluation import Evaluation
from model_builder.spec import Gate


@dataclass(frozen=True)
class Verdict:
    """How one gate went. ``where`` names the rows."""

    gate: Gate
    where: str
    value: float
    low: float
    method: str

    @property
    def judged(self) -> float:
        """Give the number that is held against the gate."""
        return self.value if self.gate.bound == "point" else self.low

    @property
    def passed(self) -> bool:
        """Whether the gate is met; what cannot be told is not met."""
        return not math.isnan(self.judged) and self.judged >= float(self.gate.min)


def judge_gates(gates: tuple[Gate, ...], evaluation: Evaluation, where: str) -> tuple[Verdict, ...]:
    """Hold an evaluation against the gates.

    Raises
    ------
    BuilderError
        ``GateNotMet``, naming every gate that is not, or ``InvalidSpec`` where a metric needs two classes.
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
        score = evaluation.scores[gate.metric]
        verdicts.append(Verdict(gate, where, score.value, score.low, score.method))
    missed = [each for each in verdicts if not each.passed]
    if missed:
        first = missed[0]
        raise BuilderError(
            Reason.GATE_NOT_MET,
            f"{_said(first)} on {evaluation.rows:,} {where}, and {first.gate.min} is required"
            + (f" (and {len(missed) - 1} more gates are not met)" if len(missed) > 1 else ""),
            found="; ".join(_said(each) for each in missed),
            allowed="; ".join(f"{each.gate.metric} of at least {each.gate.min} ({each.gate.bound})" for each in missed),
            remedy="give more or better data, compare more estimators, or lower the gate on purpose",
        )
    return tuple(verdicts)


def _said(verdict: Verdict) -> str:
    name = verdict.gate.metric
    if math.isnan(verdict.judged):
        return f"{name} cannot be told"
    if verdict.gate.bound == "point":
        return f"{name} is {verdict.value:.4f}"
    value = f"{verdict.value:.4f} itself; interval: {verdict.method}"
    return f"the lower 95% bound of {name} is {verdict.low:.4f} ({value})"
