"""Puts a document into the page's template."""

from __future__ import annotations

from typing import Any

from model_builder.model_report import ModelReport
from model_builder.report_page import figures, tables
from model_builder.report_page.document import Document
from model_builder.report_page.plots import Picture
from model_builder.report_page.verdict import Kind, verdict
from model_builder.report_page.words import clean, metric


def render(document: Document) -> str:
    """Write the page as HTML that needs nothing else: no script, no font, no address but links within it."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("model_builder.report_page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    model = document.model
    judged = verdict(document)
    facts: dict[str, Any] = {
        "document": document,
        "verdict": judged,
        "name": clean(document.name) or "a model without a name",
        "model": model,
        "problem": document.problem,
        # The table of gates says it better than the message.
        "refused": judged.kind in {Kind.REJECTED, Kind.INCONCLUSIVE},
        "clean": clean,
        "settings": _settings(document),
    }
    if model is not None:
        facts |= _tables(model) | {"pictures": _pictures(model)}
        facts["measure"] = metric(model.explanation.measure) if model.explanation else ""
    return environment.get_template("report.html.j2").render(facts)


def _settings(document: Document) -> str:
    """Write the spec of a build, for ``build --data``."""
    import yaml

    spec = (document.inputs or {}).get("spec")
    if not isinstance(spec, dict):
        return ""
    kind, given = next(iter(spec["source"].items()))
    pinned = {"sha256": document.data_sha256} if document.data_sha256 else {}
    told = {**given, "data": {"uri": "data.csv", **pinned}}
    if kind == "import":
        told["uri"] = "model"
    return yaml.safe_dump({**spec, "source": {kind: told}}, sort_keys=True, allow_unicode=True)


def _tables(model: ModelReport) -> dict[str, Any]:
    found = {
        "gates": tables.gates(model),
        "scores": tables.scores(model.evaluation, "held-out rows"),
        "classes": tables.classes(model.evaluation),
        "slices": tables.slices(model.evaluation),
        "confusion": tables.confusion(model),
        "bins": tables.calibration(model.evaluation) if model.evaluation.calibration else None,
        "steps": tables.steps(model),
        "before_and_after": tables.before_and_after(model),
        "exports": tables.exports(model),
        "candidates": tables.candidates(model),
        "estimators": tables.estimators(model),
        "features": tables.features(model),
        "class_rows": tables.class_rows(model),
        "left_out": tables.left_out(model),
        "libraries": tables.libraries(model),
        "effects": tables.effects(model.explanation) if model.explanation else None,
        "contributions": tables.contributions(model),
        "errors": tables.errors(model.explanation) if model.explanation else None,
        "independent": None,
        "independent_slices": (),
    }
    if model.independent is not None:
        found["independent"] = tables.scores(model.independent, "rows of independent data")
        found["independent_slices"] = tables.slices(model.independent)
    return {"tables": found}


def _pictures(model: ModelReport) -> dict[str, Picture]:
    evaluation, small, explained = model.evaluation, model.compression, model.explanation
    required = {each.metric: float(each.min) for each in model.gates}
    found = {"scores": figures.scores(evaluation, required)}
    if evaluation.curve and any(each.rows for each in evaluation.calibration):
        found |= {"curve": figures.curve(evaluation), "calibration": figures.calibration(evaluation.calibration)}
    if any(each.curve for each in evaluation.classes):
        found["class_curves"] = figures.class_curves(evaluation)
    if model.reductions:
        found["steps"] = figures.steps(model.steps)
    if small is not None and len(small.front) > 1:
        found["front"] = figures.front(small)
    if explained is not None and any(each.importance > 0 for each in explained.features):
        found["importance"] = figures.importance(explained)
    return found
