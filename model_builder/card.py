"""The model card: the report in words, for the people of the plant."""

from __future__ import annotations

import re

from model_builder.card_fields import front_matter
from model_builder.model_report import EvaluationFacts, ModelReport, ScoreFacts

LIMITS = "The model knows only what its data showed. Other sensors, units or machines need a new model."
SCORES = {
    "accuracy": "Accuracy",
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
    "macroF1": "Macro-F1",
    "bestF1": "F1 at its best threshold",
    "averagePrecision": "Average precision",
    "brier": "Brier score (smaller is better)",
    "calibrationError": "Calibration error (smaller is better)",
}
SPLIT_LIMITS = {
    "stratified": "Rows of one machine may stand on both sides of the split, and then the scores are better than they "
    "will be on a new machine.",
    "group": "No machine stands on both sides of the split: the scores are about machines that the model has not seen.",
    "time": "The held-out rows are the latest ones: the scores are about days that the model has not seen.",
}


def card(report: ModelReport) -> str:
    """Write the model card in Markdown, with Hugging Face's fields before it."""
    sections = [
        front_matter(report).rstrip("\n"),
        f"# {report.name}",
        _purpose(report),
        "## Scores\n\n" + _scores(report),
        "## Confusion matrix\n\n" + _confusion(report),
        "## Data\n\n" + _data(report),
        "## Features\n\n" + _features(report),
        *_explanation(report),
        *_contributions(report),
        *_selection(report),
        *_compression(report),
        "## Proof\n\n" + _proof(report),
        *_exports(report),
        "## Limits\n\n" + f"{LIMITS} {SPLIT_LIMITS[report.split.method]}",
    ]
    return "\n\n".join(sections) + "\n"


def _purpose(report: ModelReport) -> str:
    if report.signature.threshold is None:
        return f"Predicts `{_safe(report.target)}`: one of {len(report.classes)} classes, with a probability for each."
    return (
        f"Predicts `{_safe(report.target)}`. `score` is the "
        f"probability of `{_safe(report.signature.classes[1])}`, `fault` is true where it is at least "
        f"{report.signature.threshold}."
    )


def _scores(report: ModelReport) -> str:
    text = f"On {report.split.held_out_rows:,} rows that the model has not seen, with 95% intervals.\n\n"
    text += _evaluation(report.evaluation)
    if report.independent is not None:
        text += f"\n\n### On {report.independent.rows:,} rows of independent data\n\n" + _evaluation(report.independent)
    if report.gates:
        rows = [
            [each.metric, each.bound, each.min, "-" if each.value is None else f"{each.value:.4f}", each.where]
            for each in report.gates
        ]
        text += "\n\n### Gates\n\n" + _table(["Score", "Bound", "Required", "Reached", "On"], rows)
    return text


def _evaluation(facts: EvaluationFacts) -> str:
    rows = [[SCORES[name], *_cells(score), score.method] for name, score in facts.scores.items()]
    text = _table(["Score", "Value", "Interval", "Method"], rows)
    rows = [
        [
            f"`{_safe(each.name)}`",
            f"{each.rows:,}",
            *(cell for score in (each.precision, each.recall, each.f1) for cell in _cells(score)),
            *([] if each.average_precision is None else _cells(each.average_precision)),
        ]
        for each in facts.classes
    ]
    ranked = any(each.average_precision is not None for each in facts.classes)
    header = ["Class", "Rows", "Precision", "", "Recall", "", "F1", "", *(["Average precision", ""] * ranked)]
    text += "\n\n" + _table(header, rows)
    for column in dict.fromkeys(each.column for each in facts.slices):
        rows = [
            [
                f"`{_safe(each.value)}`" if each.value else "missing",
                f"{each.rows:,}",
                "-" if each.faults is None else f"{each.faults:,}",
                *(cell for name in ("precision", "recall", "f1") for cell in _cells(each.scores[name])),
            ]
            for each in facts.slices
            if each.column == column
        ]
        header = [f"`{_safe(column)}`", "Rows", "Faults", "Precision", "", "Recall", "", "F1", ""]
        text += "\n\n" + _table(header, rows)
    bins = [each for each in facts.calibration if each.rows]
    if bins:
        rows = [[f"{each.score:.3f}", f"{each.faults:.3f}", f"{each.rows:,}"] for each in bins]
        text += "\n\n" + _table(["Mean score", "Share of faults", "Rows"], rows)
    return text


def _cells(score: ScoreFacts) -> list[str]:
    if score.value is None:
        return ["-", "-"]
    return [f"{score.value:.4f}", f"{_bound(score.low)} to {_bound(score.high)}"]


def _confusion(report: ModelReport) -> str:
    names = [_safe(name) for name in report.signature.classes]
    rows = [
        [f"actually {name}", *[f"{count:,}" for count in counts]]
        for name, counts in zip(names, report.confusion_matrix, strict=True)
    ]
    return _table(["", *[f"predicted {name}" for name in names]], rows)


def _data(report: ModelReport) -> str:
    data = report.data
    lines = [
        f"- {data.rows:,} rows of {data.rows_in_file:,}, {data.columns} columns, {data.format}, "
        f"SHA-256 `{data.sha256}`",
        f"- {data.missing_values:,} missing values, {data.empty_rows:,} empty rows passed over",
        f"- {report.split.fitted_rows:,} rows to fit on, {report.split.held_out_rows:,} held out "
        f"({report.split.method}, seed {report.split.seed})",
    ]
    lines += [
        f"- class `{_safe(each.name)}`: {each.rows:,} rows, {each.held_out_rows:,} of them held out"
        for each in report.classes
    ]
    lines += [f"- {_safe(note)}" for note in report.notes]
    return "\n".join(lines)


def _features(report: ModelReport) -> str:
    heading, known = _weights(report)
    names = report.signature.numeric + report.signature.categorical
    rows = [[str(index + 1), f"`{_safe(name)}`", known.get(name, "-")] for index, name in enumerate(names)]
    numbers = len(report.signature.numeric)
    text = ""
    if numbers:
        text = "In the order of the input `numeric`; a missing value is NaN and counts as the column's median.\n\n"
        text += _table(["Position", "Column", heading], rows[:numbers])
    if report.categories:
        text += ("\n\n" if text else "") + (
            "In the order of the input `categorical`; a text that is not among the known ones counts as unknown, "
            "and so does an empty one.\n\n"
        )
        texts = [
            [str(index + 1), *row[1:], ", ".join(f"`{_safe(value)}`" for value in category.values)]
            for index, (row, category) in enumerate(zip(rows[numbers:], report.categories, strict=True))
        ]
        text += _table(["Position", "Column", heading, "Known texts"], texts)
    if report.data.left_out:
        left_out = ", ".join(f"`{_safe(column.name)}` ({column.why})" for column in report.data.left_out)
        text += f"\n\nLeft out: {left_out}."
    return text


def _weights(report: ModelReport) -> tuple[str, dict[str, str]]:
    """Give each column's weight and what it is: that of the explanation, as on the page, where there is one."""
    if report.explanation is not None:
        return "Share of all effects", {each.name: f"{each.share:.0%}" for each in report.explanation.features}
    return "Importance in the fit", {each.name: f"{each.value:.4f}" for each in report.importances}


def _explanation(report: ModelReport) -> list[str]:
    facts = report.explanation
    if facts is None:
        return []
    lines = [f"- {_safe(each.sentence)}" for each in facts.features if each.direction != "none"]
    how = "Shapley values of the trees" if facts.method == "shapley" else "the score against that of other values"
    text = f"By {how}, on {facts.rows:,} held-out rows. What moves the score need not be what breaks the machine."
    return ["## Explanation\n\n" + text + "\n\n" + "\n".join(lines)]


def _contributions(report: ModelReport) -> list[str]:
    facts = report.contributions
    if facts is None:
        return []
    names = ", ".join(f"`{_safe(name)}`" for name in facts.names)
    base = ", ".join(f"{value:.6g}" for value in facts.base)
    what = "the score" if facts.unit == "score" else "the log-odds of the score"
    text = (
        f"The output `contributions` says of each row what each column adds to {what}: exact Shapley values of the "
        f"trees, in the order {names}. Their sum and the base ({base}) are {what}; they cost {facts.bytes:,} bytes."
    )
    return ["## Why this row\n\n" + text]


def _selection(report: ModelReport) -> list[str]:
    if report.selection is None:
        return []
    facts = report.selection
    metrics = list(facts.candidates[0].scores)
    rows = []
    for each in facts.candidates:
        scores = [each.scores[metric] for metric in metrics]
        cells = [f"{score.value:.3f} [{_bound(score.low)}, {_bound(score.high)}]" for score in scores]
        rows.append([each.name, f"{each.bytes:,}", *cells])
    text = (
        f"Cross-validated on {facts.rows:,} rows that were not held out, {facts.folds} folds, {facts.repeats} times; "
        "95% intervals by Student's t and the standard error corrected after Nadeau and Bengio (2003).\n\n"
    )
    return [f"## Selection\n\n{text}{_table(['Estimator', 'Bytes', *metrics], rows)}\n\n{_safe(facts.why)}."]


def _compression(report: ModelReport) -> list[str]:
    if not report.reductions:
        return []
    steps = [
        [each.step, _safe(each.detail), f"{each.bytes_before:,}", f"{each.bytes_after:,}", f"{each.splits_after:,}"]
        for each in report.steps
    ]
    text = _table(["Step", "What", "Bytes before", "Bytes after", "Splits"], steps)
    if report.uncompressed is not None:
        before, after = report.uncompressed.model_dump(), report.metrics.model_dump()
        scores = [
            [name.replace("_", " "), f"{before[name]:.4f}", f"{after[name]:.4f}", f"{after[name] - before[name]:+.4f}"]
            for name in before
            if before[name] is not None and after[name] is not None
        ]
        text += "\n\nWhat that did to the scores on the held-out rows:\n\n"
        text += _table(["Score", "Before", "After", "Difference"], scores)
    return ["## Compression\n\n" + text]


def _bound(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _proof(report: ModelReport) -> str:
    parity = report.parity
    return (
        f"ONNX Runtime {report.runtime.onnxruntime} and scikit-learn were compared on {parity.rows:,} rows: the "
        f"largest difference of a score is {parity.max_score_error:.2g} (allowed {parity.tolerance:g}), "
        f"{parity.label_differences} labels differ.\n\n"
        f"The file has {report.bytes:,} bytes ({report.estimator}, {report.trees:,} trees, {report.nodes:,} nodes); "
        + (f"the plain export by skl2onnx has {report.plain_bytes:,}." if report.plain_bytes else "skl2onnx has none.")
    )


def _exports(report: ModelReport) -> list[str]:
    if not report.exports:
        return []
    rows = [
        [each.format, f"{each.bytes:,}", f"{each.max_score_error:.2g}", str(each.label_differences), each.detail]
        for each in report.exports
    ]
    proofs = " ".join(f"{each.format}: by {each.proven_by}, on {each.rows:,} rows." for each in report.exports)
    table = _table(["File", "Bytes", "Largest difference", "Labels that differ", "How it is laid out"], rows)
    return [f"## Files for devices\n\nCompared with the ONNX file. {proofs}\n\n{table}"]


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _safe(text: str) -> str:
    # Names come from a file: nothing in them may end a code span, a cell or a line.
    return re.sub(r"[`|<>\r\n\t\x00-\x1f]", " ", text)
