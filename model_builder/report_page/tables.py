"""The tables of a page."""

from __future__ import annotations

from dataclasses import dataclass

from model_builder.model_report import ColumnFacts, EvaluationFacts, ExplanationFacts, ModelReport, ScoreFacts
from model_builder.report_page.words import (
    MANY_CLASS_MEANINGS,
    MEANINGS,
    NONE,
    TIMES,
    clean,
    interval,
    metric,
    number,
    ordered,
    points,
    times,
)

OUTCOMES = {"met": "met", "missed": "not met", "inconclusive": "cannot be told"}


@dataclass(frozen=True)
class Table:
    """A table with a caption. The first cell of each row is its heading.

    Attributes
    ----------
    numeric
        Columns that hold numbers, which are set flush right.
    marks
        By row, what it is marked as (``met``, ``missed``, ``inconclusive``, ``chosen``), or nothing.
    """

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: frozenset[int] = frozenset()
    marks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cell:
    """A cell of the confusion matrix: rows, their share of the actual class, and whether the call was right."""

    rows: str
    share: str
    weight: int
    right: bool


def gates(model: ModelReport) -> Table | None:
    """List the gates and how they went."""
    if not model.gates:
        return None
    rows = tuple(
        (
            metric(each.metric),
            OUTCOMES[each.verdict],
            number(each.score),
            f"{number(each.low)} to {number(each.high)}" if each.low is not None else NONE,
            f"{'its lower 95% bound' if each.bound == 'lower95' else 'the value itself'} at least {each.min}",
            f"{each.rows:,} {each.where}",
        )
        for each in model.gates
    )
    header = ("Score", "Verdict", "Value", "95% interval", "Required", "On")
    marks = tuple(each.verdict for each in model.gates)
    return Table("What was required, and what was reached", header, rows, frozenset({2, 3}), marks)


def scores(evaluation: EvaluationFacts, where: str) -> Table:
    """List every score with its interval and its meaning."""
    meanings = MEANINGS if evaluation.threshold is not None else MEANINGS | MANY_CLASS_MEANINGS
    rows = tuple(
        (metric(name), number(score.value), interval(score) or NONE, meanings.get(name, ""), score.method)
        for name, score in ordered(evaluation.scores)
    )
    header = ("Score", "Value", "95% interval", "What it is", "Interval by")
    return Table(f"Scores on {evaluation.rows:,} {where}", header, rows, frozenset({1, 2}))


def classes(evaluation: EvaluationFacts) -> Table:
    """List precision, recall and F1 of each class against all others, of several classes average precision too."""
    ranked = any(each.average_precision is not None for each in evaluation.classes)
    rows = tuple(
        (
            clean(each.name),
            f"{each.rows:,}",
            *(_with_interval(score) for score in (each.precision, each.recall, each.f1)),
            *((_with_interval(each.average_precision) if each.average_precision else NONE,) if ranked else ()),
        )
        for each in evaluation.classes
    )
    header = ("Class", "Rows", "Precision", "Recall", "F1", *(("Average precision",) if ranked else ()))
    return Table("Each class against all others", header, rows, _from(1, len(header)))


def slices(evaluation: EvaluationFacts) -> tuple[Table, ...]:
    """List scores by the values of each column that was asked for."""
    tables = []
    for column in dict.fromkeys(each.column for each in evaluation.slices):
        rows = tuple(
            (
                clean(each.value) if each.value else "(missing)",
                f"{each.rows:,}",
                NONE if each.faults is None else f"{each.faults:,}",
                *(_with_interval(each.scores[name]) for name in ("precision", "recall", "f1")),
            )
            for each in sorted(evaluation.slices, key=lambda one: -one.rows)
            if each.column == column
        )
        header = (clean(column), "Rows", "Faults", "Precision", "Recall", "F1")
        tables.append(Table(f"Scores by {clean(column)}", header, rows, _from(1, 6)))
    return tuple(tables)


def calibration(evaluation: EvaluationFacts) -> Table:
    """List the bins of the score."""
    rows = tuple(
        (f"{place / 10:.1f} to {(place + 1) / 10:.1f}", f"{each.rows:,}", number(each.score), number(each.faults))
        for place, each in enumerate(evaluation.calibration)
        if each.rows
    )
    header = ("Score", "Rows", "Mean score", "Share of faults")
    return Table("Bins of the score", header, rows, _from(1, 4))


def confusion(model: ModelReport) -> tuple[tuple[str, tuple[Cell, ...]], ...]:
    """Give the confusion matrix by actual class."""
    found = []
    for place, (name, counts) in enumerate(zip(model.signature.classes, model.confusion_matrix, strict=True)):
        whole = max(sum(counts), 1)
        cells = tuple(
            Cell(f"{rows:,}", f"{rows / whole:.1%}", round(10 * rows / whole), place == column)
            for column, rows in enumerate(counts)
        )
        found.append((clean(name), cells))
    return tuple(found)


def steps(model: ModelReport) -> Table | None:
    """List what each step of compression did."""
    if not model.reductions:
        return None
    rows = tuple(
        (
            each.step,
            clean(each.detail),
            f"{each.bytes_before:,}",
            f"{each.bytes_after:,}",
            f"{times(each.bytes_before, each.bytes_after)}{TIMES}",
            f"{each.splits_before:,}",
            f"{each.splits_after:,}",
        )
        for each in model.steps
    )
    header = ("Step", "What it did", "Bytes before", "Bytes after", "Smaller", "Splits before", "Splits after")
    return Table("Steps from the plain export to the model file", header, rows, _from(2, 7))


def before_and_after(model: ModelReport) -> Table | None:
    """List the scores before anything was given up, and those of the model file."""
    if model.uncompressed is None:
        return None
    before, after = (each.model_dump(by_alias=True, exclude_none=True) for each in (model.uncompressed, model.metrics))
    rows = tuple(
        (metric(name), number(value), number(after[name]), points(after[name] - value))
        for name, value in ordered(before)
        if name in after
    )
    header = ("Score", "Before", "After", "Difference in points")
    return Table("Scores on the held-out rows before compression and after", header, rows, _from(1, 4))


def exports(model: ModelReport) -> Table | None:
    """List the files for devices, and how they were proven."""
    if not model.exports:
        return None
    rows = tuple(
        (
            each.format,
            f"{each.bytes:,}",
            clean(each.detail),
            f"{each.rows:,} by {clean(each.proven_by)}",
            f"{each.max_score_error:.2g}",
            f"{each.label_differences:,}",
        )
        for each in model.exports
    )
    header = ("Format", "Bytes", "What it is", "Rows answered alike", "Largest difference", "Labels that differ")
    return Table("Files for devices, each proven against the ONNX file", header, rows, frozenset({1, 4, 5}))


def candidates(model: ModelReport) -> Table | None:
    """List the candidates that none is both smaller and better than."""
    if model.compression is None or not model.compression.front:
        return None
    facts = model.compression
    rows = tuple(
        (
            clean(each.name),
            f"{each.bytes:,}",
            f"{points(each.macro_f1)} (≥ {points(each.macro_f1_low)})",
            f"{points(each.best_f1)} (≥ {points(each.best_f1_low)})",
            f"{points(each.average_precision)} (≥ {points(each.average_precision_low)})",
            "chosen" if each.name == facts.chosen else "yes" if each.equal else "no",
        )
        for each in facts.front
    )
    header = ("Candidate", "Bytes", "Macro-F1", "Best F1", "Average precision", "Surely as good")
    marks = tuple("chosen" if each.name == facts.chosen else "" for each in facts.front)
    caption = "Points gained over the forest, mean over the folds, and in brackets less one standard error"
    return Table(caption, header, rows, _from(1, 5), marks)


def estimators(model: ModelReport) -> Table | None:
    """List the estimators that were compared."""
    facts = model.selection
    if facts is None:
        return None
    measures = [name for name, _ in ordered(facts.candidates[0].scores)]
    rows = tuple(
        (
            each.name,
            f"{each.bytes:,}",
            *(
                f"{value.value:.3f}" + ("" if value.low is None else f" ({value.low:.3f} to {value.high:.3f})")
                for value in (each.scores[measure] for measure in measures)
            ),
        )
        for each in facts.candidates
    )
    header = ("Estimator", "Bytes", *(metric(measure) for measure in measures))
    marks = tuple("chosen" if each.name == facts.chosen else "" for each in facts.candidates)
    caption = (
        f"Cross-validation on {facts.rows:,} rows that were not held out: {facts.folds} folds, {facts.repeats} times"
    )
    return Table(caption, header, rows, _from(1, len(header)), marks)


def features(model: ModelReport) -> Table:
    """List the inputs in their order, and what stood in them."""
    known = {each.name: each for each in model.columns}
    names = [(name, "numeric") for name in model.signature.numeric]
    names += [(name, "categorical") for name in model.signature.categorical]
    rows = tuple((clean(name), kind, *_described(known.get(name))) for name, kind in names)
    header = ("Column", "Input", "Missing", "Values")
    return Table("What the model looks at, in the order of its inputs", header, rows, frozenset({2}))


def _described(column: ColumnFacts | None) -> tuple[str, str]:
    if column is None:
        return NONE, NONE
    values = ", ".join(f"{clean(text)} ({rows:,} rows)" for text, rows in sorted(column.values.items()))
    if column.low is not None and column.median is not None and column.high is not None:
        values = f"{column.low:g} to {column.high:g}, half of them up to {column.median:g}"
    return f"{column.missing:,}", values or NONE


def effects(facts: ExplanationFacts) -> Table:
    """List what each column does to the score, strongest first."""
    rows = tuple(
        (
            clean(each.name),
            clean(each.sentence),
            f"{each.share:.0%}",
            NONE
            if each.loss is None
            else f"{100 * each.loss:.1f} \N{PLUS-MINUS SIGN} {100 * (each.loss_error or 0):.1f}",
        )
        for each in facts.features
    )
    header = ("Column", "In a sentence", "Share", "Lost")
    return Table("Columns by their effect, strongest first", header, rows, frozenset({2, 3}))


def contributions(model: ModelReport) -> Table | None:
    """List what a row's contributions are added to, class by class; None where one number is for all."""
    facts = model.contributions
    if facts is None or len(facts.base) == 1:
        return None
    named = zip(model.signature.classes, facts.base, strict=True)
    rows = tuple((clean(name), f"{base:.6g}") for name, base in named)
    return Table("Base, to which a row's contributions are added", ("Class", "Base"), rows, frozenset({1}))


def errors(facts: ExplanationFacts) -> Table | None:
    """List the errors that the model was surest of, and what led it there."""
    if not facts.worst:
        return None
    rows = tuple(
        (
            f"{each.row:,}",
            clean(each.actual),
            clean(each.called),
            number(each.score),
            "; ".join(f"{clean(one.name)} = {clean(one.value)} ({one.effect:+.3f})" for one in each.effects) or NONE,
        )
        for each in facts.worst
    )
    header = ("Row of the file", "Actually", "Called", "Score", "Because of")
    return Table("Errors that the model was surest of", header, rows, frozenset({3}))


def class_rows(model: ModelReport) -> Table:
    """List the classes and how many rows they have."""
    rows = tuple((clean(each.name), f"{each.rows:,}", f"{each.held_out_rows:,}") for each in model.classes)
    return Table("Classes", ("Class", "Rows", "Held out"), rows, _from(1, 3))


def left_out(model: ModelReport) -> Table | None:
    """List the columns that the model does not see."""
    if not model.data.left_out:
        return None
    rows = tuple((clean(each.name), clean(each.why)) for each in model.data.left_out)
    return Table("Columns that were left out", ("Column", "Why"), rows)


def libraries(model: ModelReport) -> Table:
    """List the releases that the model was built with."""
    return Table("Releases", ("Library", "Release"), tuple(sorted(model.libraries.items())))


def _with_interval(score: ScoreFacts) -> str:
    bounds = interval(score, 2)
    return number(score.value, 2) + (f" ({bounds})" if bounds and score.value is not None else "")


def _from(first: int, end: int) -> frozenset[int]:
    return frozenset(range(first, end))
