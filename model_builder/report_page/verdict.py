"""What came of a build, in two lines that a plant manager can act on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from model_builder.model_report import GateFacts, ModelReport
from model_builder.report_page.document import Document
from model_builder.report_page.words import count, metric, sentence, times


class Kind(StrEnum):
    """How a build ended."""

    ACCEPTED = "accepted"
    UNJUDGED = "unjudged"
    INCONCLUSIVE = "inconclusive"
    REJECTED = "rejected"
    FAILED = "failed"


@dataclass(frozen=True)
class Verdict:
    """The first two lines of a page."""

    kind: Kind
    headline: str
    detail: str


def verdict(document: Document) -> Verdict:
    """Judge a build by its gates, or by what stopped it."""
    model, problem = document.model, document.problem
    if model is None:
        if problem is None:
            raise ValueError("a document without a model needs a problem")
        return Verdict(Kind.FAILED, f"No model: {sentence(problem.message)}", _mended(problem.found, problem.remedy))
    missed = [gate for gate in model.gates if gate.verdict == "missed"]
    unclear = [gate for gate in model.gates if gate.verdict == "inconclusive"]
    if missed:
        detail = f"No artifact was written.{_and_more(missed)} {told(model)}"
        return Verdict(Kind.REJECTED, f"Rejected: {_missed(missed[0])}.", detail)
    if unclear:
        return Verdict(Kind.INCONCLUSIVE, f"Inconclusive: {_unclear(unclear[0], model)}.", _why_unclear(unclear[0]))
    if problem is not None:
        return Verdict(Kind.FAILED, f"No model: {sentence(problem.message)}", _mended(problem.found, problem.remedy))
    if not model.gates:
        return Verdict(Kind.UNJUDGED, "Built, and not judged: no gate says what is good enough.", told(model))
    several = "both gates are met" if len(model.gates) == 2 else f"all {len(model.gates)} gates are met"
    gates = "the gate is met" if len(model.gates) == 1 else several
    return Verdict(Kind.ACCEPTED, f"Accepted: {gates}, on rows that the model has not seen.", told(model))


def told(model: ModelReport) -> str:
    """Say how good and how small a model is, in two sentences."""
    matrix, rows = model.confusion_matrix, model.evaluation.rows
    size = f"Its file has {model.bytes:,} bytes."
    if model.plain_bytes is not None:
        size = f"{size[:-1]}; the plain export is {times(model.plain_bytes, model.bytes)} times as large."
    if model.signature.threshold is None:
        right = sum(matrix[place][place] for place in range(len(matrix)))
        score = model.evaluation.scores["macroF1"]
        bounds = "" if score.low is None else f", 95% interval {score.low:.2f} to {score.high:.2f}"
        return f"It names the right class for {right:,} of {rows:,} rows (macro-F1 {score.value:.2f}{bounds}). {size}"
    (_, false), (missed, found) = matrix
    score = model.evaluation.scores["recall"]
    bounds = "" if score.low is None else f" (95% interval {score.low:.0%} to {score.high:.0%})"
    share = "" if score.value is None else f", {score.value:.0%}{bounds}"
    alarms = "it gives no alarm"
    if found + false:
        alarms = f"of its {count(found + false, 'alarm')}, {false:,} {'is' if false == 1 else 'are'} false"
    return f"It finds {found:,} of {count(found + missed, 'fault')}{share}; {alarms}. {size}"


def _missed(gate: GateFacts) -> str:
    if gate.bound == "point":
        return f"{metric(gate.metric)} is {gate.value:.3f} on {gate.where}, and {gate.min} is required"
    return f"{metric(gate.metric)} is {gate.score:.3f} on {gate.where}, surely below the {gate.min} that is required"


def _and_more(missed: list[GateFacts]) -> str:
    if len(missed) == 1:
        return ""
    return f" {count(len(missed) - 1, 'more gate is', 'more gates are')} not met."


def _unclear(gate: GateFacts, model: ModelReport) -> str:
    rows = count(gate.rows, "row")
    if model.signature.threshold is not None and gate.where == "held-out rows":
        rows = count(sum(model.confusion_matrix[1]), "fault")
    verb = "is" if rows.startswith("1 ") else "are"
    return f"{rows} {verb} too few to tell whether {metric(gate.metric)} reaches {gate.min}"


def _why_unclear(gate: GateFacts) -> str:
    end = "No artifact was written: give more rows, above all more with faults, or judge by a lower gate on purpose."
    if gate.low is None or gate.high is None or gate.score is None:
        return f"On {count(gate.rows, gate.where.removesuffix('s'), gate.where)} no interval can be given. {end}"
    return (
        f"It is {gate.score:.2f} on {gate.where}, and its 95% interval, {gate.low:.2f} to {gate.high:.2f}, "
        f"reaches from below to above what is required. {end}"
    )


def _mended(found: str, remedy: str) -> str:
    parts = [f"Found: {sentence(found)}" if found else "", f"To mend it: {sentence(remedy)}" if remedy else ""]
    return " ".join(part for part in parts if part)
