"""Writes a judgement into the report's own types."""

from __future__ import annotations

import math
from typing import get_args

from model_builder.evaluation import Evaluation, Interval
from model_builder.gates import Verdict
from model_builder.model_report import (
    BinFacts,
    ClassScoreFacts,
    CurvePoint,
    EvaluationFacts,
    GateFacts,
    ScoreFacts,
    SliceFacts,
)
from model_builder.report import LowerBounds, Metrics, Signature
from model_builder.spec import Metric

DECIMALS = 6


def evaluation_facts(evaluation: Evaluation, signature: Signature) -> EvaluationFacts:
    """Write down an evaluation."""
    return EvaluationFacts(
        rows=evaluation.rows,
        threshold=signature.threshold,
        scores={name: _score(interval) for name, interval in evaluation.scores.items()},
        classes=tuple(
            ClassScoreFacts(
                name=each.name,
                rows=each.rows,
                precision=_score(each.precision),
                recall=_score(each.recall),
                f1=_score(each.f1),
                average_precision=None if each.average_precision is None else _score(each.average_precision),
                curve=_curve(each.curve),
            )
            for each in evaluation.classes
        ),
        calibration=tuple(
            BinFacts(rows=rows, score=round(score, DECIMALS), faults=round(faults, DECIMALS))
            for rows, score, faults in evaluation.calibration
        ),
        curve=_curve(evaluation.curve),
        slices=tuple(
            SliceFacts(
                column=each.column,
                value=each.value,
                rows=each.rows,
                faults=each.faults,
                scores={name: _score(interval) for name, interval in each.scores.items()},
            )
            for each in evaluation.slices
        ),
    )


def told_to_operator(metrics: Metrics, evaluation: EvaluationFacts) -> Metrics:
    """Add to the scores what versions are compared by."""
    scores = evaluation.scores
    lower = LowerBounds.model_validate({name: scores[name].low for name in get_args(Metric) if name in scores})
    return metrics.model_copy(update={"lower95": lower})


def gate_facts(verdicts: tuple[Verdict, ...]) -> tuple[GateFacts, ...]:
    """Write down how gates went."""
    return tuple(
        GateFacts(
            metric=each.gate.metric,
            bound=each.gate.bound,
            min=each.least,
            where=each.where,
            rows=each.rows,
            value=_known(each.judged),
            score=_known(each.value),
            low=_known(each.low),
            high=_known(each.high),
            method=each.method,
            verdict=each.outcome,
        )
        for each in verdicts
    )


def _curve(points: tuple[tuple[float, float, float], ...]) -> tuple[CurvePoint, ...]:
    return tuple(
        CurvePoint(score=round(score, DECIMALS), precision=round(precision, DECIMALS), recall=round(recall, DECIMALS))
        for score, precision, recall in points
    )


def _score(interval: Interval) -> ScoreFacts:
    return ScoreFacts(
        value=_known(interval.value), low=_known(interval.low), high=_known(interval.high), method=interval.method
    )


def _known(number: float) -> float | None:
    return None if math.isnan(number) else round(number, DECIMALS)
