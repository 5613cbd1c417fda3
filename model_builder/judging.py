"""Judges a proven model: on the held-out rows, on independent data where there is some, and against its gates."""

from __future__ import annotations

from model_builder.evaluation import Evaluation, evaluate
from model_builder.gates import judge_gates
from model_builder.independent import Independent
from model_builder.metrics import measure
from model_builder.parity import Answers, compare, reference
from model_builder.progress import Progress
from model_builder.report import Metrics
from model_builder.spec import BuildSpec
from model_builder.stages import Fitted, Judgement, Prepared

HELD_OUT, INDEPENDENT = "held-out rows", "rows of independent data"


def judge(
    spec: BuildSpec,
    prepared: Prepared,
    fitted: Fitted,
    held_out: Answers,
    independent: Independent | None,
    progress: Progress,
) -> Judgement:
    """Score the model and hold it against the gates; whether they are met is for the caller to look at.

    Raises
    ------
    BuilderError
        ``InvalidSpec`` where a gate asks for a score that the model does not have.
    """
    seed, rows = spec.source.train.seed, prepared.split.held_out
    groups = prepared.order.groups
    with progress.step("judge", f"Judging the model on {len(rows):,} held-out rows") as step:
        evaluation = evaluate(
            prepared.held_out_codes,
            held_out,
            fitted.signature,
            seed,
            None if groups is None else groups[rows],
            tuple(column.take(rows) for column in prepared.table.slices),
        )
        step.done(_said(evaluation))
    verdicts = judge_gates(spec.validation.gates, evaluation, HELD_OUT)
    before = _uncompressed(prepared, fitted)
    if independent is None:
        return Judgement(evaluation, None, verdicts, before)
    with progress.step("judge", f"Judging the model on {len(independent.data):,} rows of independent data") as step:
        answers = fitted.model.answer(independent.data)
        expected = reference(fitted.score, independent.data, fitted.signature)
        compare(answers, expected, fitted.signature)
        other = evaluate(independent.codes, answers, fitted.signature, seed, independent.groups, independent.slices)
        step.done(_said(other))
    return Judgement(evaluation, other, verdicts + judge_gates(spec.validation.gates, other, INDEPENDENT), before)


def _uncompressed(prepared: Prepared, fitted: Fitted) -> Metrics | None:
    if not fitted.small.lossy:
        return None
    answers = reference(fitted.pipeline.predict_proba, prepared.held_out_data, fitted.signature)
    return measure(prepared.held_out_codes, answers, fitted.signature)


def _said(evaluation: Evaluation) -> str:
    score = evaluation.scores["macroF1"]
    return f"macro-F1 {score.value:.3f} [{score.low:.3f}, {score.high:.3f}]"
