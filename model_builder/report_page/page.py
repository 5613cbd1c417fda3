"""Puts a document into the page's template."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from model_builder.model_report import ModelReport
from model_builder.report_page import figures, tables
from model_builder.report_page.document import Document
from model_builder.report_page.plots import Picture
from model_builder.report_page.verdict import verdict
from model_builder.report_page.words import clean


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
    facts: dict[str, Any] = {
        "document": document,
        "verdict": verdict(document),
        "name": clean(document.name) or "a model without a name",
        "model": model,
        "problem": document.problem,
        "clean": clean,
        "settings": _settings(document),
    }
    if model is not None:
        facts |= _tables(model) | {"pictures": _pictures(model)}
    return environment.get_template("report.html.j2").render(facts)


def _settings(document: Document) -> str:
    """Write the spec that the artifact was built by, for ``build --data``."""
    import yaml

    spec = (document.inputs or {}).get("spec")
    if not isinstance(spec, dict):
        return ""
    train = {**spec["source"]["train"], "data": {"uri": "data.csv", "sha256": document.data_sha256}}
    return yaml.safe_dump({**spec, "source": {"train": train}}, sort_keys=True, allow_unicode=True)


def _tables(model: ModelReport) -> dict[str, Any]:
    found = {
        "gates": tables.gates(model),
        "scores": tables.scores(model.evaluation, "held-out rows"),
        "classes": tables.classes(model.evaluation),
        "slices": tables.slices(model.evaluation),
        "confusion": tables.confusion(model),
        "bins": tables.calibration(model.evaluation) if model.evaluation.calibration else None,
        "steps": tables.steps(model),
        "candidates": tables.candidates(model),
        "estimators": tables.estimators(model),
        "features": tables.features(model),
        "class_rows": tables.class_rows(model),
        "left_out": tables.left_out(model),
        "libraries": tables.libraries(model),
        "independent": None,
        "independent_slices": (),
    }
    if model.independent is not None:
        found["independent"] = tables.scores(model.independent, "rows of independent data")
        found["independent_slices"] = tables.slices(model.independent)
    return {"tables": found}


def _pictures(model: ModelReport) -> dict[str, Picture]:
    required = {each.metric: float(each.min) for each in model.gates}
    wanted: dict[str, tuple[bool, Callable[[], Picture]]] = {
        "scores": (True, lambda: figures.scores(model.evaluation, required)),
        "calibration": (
            any(each.rows for each in model.evaluation.calibration),
            lambda: figures.calibration(model.evaluation.calibration),
        ),
        "steps": (bool(model.reductions), lambda: figures.steps(model.reductions)),
        "front": (
            model.compression is not None and len(model.compression.front) > 1,
            lambda: figures.front(model.compression),  # type: ignore[arg-type]  # looked at a line before
        ),
    }
    return {name: make() for name, (there, make) in wanted.items() if there}
