"""The fields that Hugging Face's hub reads at the head of a model card, from facts alone.

Names after https://huggingface.co/docs/hub/model-cards and the hub's ``modelcard.md``. A license is not among the
facts, so there is none.
"""

from __future__ import annotations

import yaml

from model_builder.model_report import EvaluationFacts, ModelReport

TYPES = {
    "accuracy": "accuracy",
    "precision": "precision",
    "recall": "recall",
    "f1": "f1",
    "averagePrecision": "average_precision",
    "brier": "brier_score",
}
"""The hub's names of the scores that it knows."""

NAMES = {"macroF1": "Macro-F1", "bestF1": "F1 at its best threshold", "calibrationError": "Calibration error"}


def front_matter(report: ModelReport) -> str:
    """Write the fields as YAML between two lines of dashes."""
    results = [_result(report, report.evaluation, "held-out rows", report.data.sha256)]
    if report.independent is not None:
        results.append(_result(report, report.independent, "independent data", None))
    fields = {
        "language": "en",
        "library_name": "onnx",
        "pipeline_tag": "tabular-classification",
        "tags": ["onnx", "tabular-classification", "fault-prediction", report.estimator],
        "metrics": [TYPES[name] for name in report.evaluation.scores if name in TYPES],
        "model-index": [{"name": report.name, "results": results}],
    }
    text = yaml.safe_dump(fields, sort_keys=False, allow_unicode=False, width=10_000)
    return f"---\n{text}---\n"


def _result(report: ModelReport, evaluation: EvaluationFacts, split: str, sha256: str | None) -> dict[str, object]:
    dataset: dict[str, object] = {"type": "tabular", "name": f"machine data with the target {report.target}"}
    dataset["split"] = split
    if sha256 is not None:
        dataset["revision"] = sha256
    metrics = []
    for name, score in evaluation.scores.items():
        if score.value is None:
            continue
        metric: dict[str, object] = {"type": TYPES.get(name, "custom"), "name": NAMES.get(name, name)}
        metric["value"] = score.value
        if score.low is not None:
            metric["args"] = {"low95": score.low, "high95": score.high, "interval": score.method}
        metrics.append(metric)
    return {"task": {"type": "tabular-classification"}, "dataset": dataset, "metrics": metrics}
