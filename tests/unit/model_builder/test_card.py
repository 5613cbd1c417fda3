"""The model card's head can be read by Hugging Face's hub, and holds facts alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from model_builder.build import build
from model_builder.progress import Silent
from model_builder.spec.validation import Explain
from tests.support.builder import fault_csv, local, spec


def head(text: str) -> dict[str, Any]:
    opening, fields, body = text.split("---\n", 2)
    assert opening == ""
    assert body.lstrip().startswith("# spindle")
    found = yaml.safe_load(fields)
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("classes", [2, 4])
def test_the_head_names_the_models_own_scores(tmp_path: Path, classes: int) -> None:
    content = fault_csv(rows=400, classes=classes).replace("fault\n", '"fault: \'--- #yes"\n', 1)
    target = "fault: '--- #yes"
    built = build(spec(target=target), local(tmp_path, content), tmp_path / "out", Silent())
    fields = head((tmp_path / "out" / "card.md").read_text())
    assert fields["pipeline_tag"] == "tabular-classification"
    assert fields["library_name"] == "onnx"
    assert "license" not in fields
    (index,) = fields["model-index"]
    assert index["name"] == "spindle"
    (result,) = index["results"]
    assert result["task"] == {"type": "tabular-classification"}
    assert result["dataset"]["revision"] == built.model.data.sha256
    assert target in result["dataset"]["name"]
    told = {each["name"]: each["value"] for each in result["metrics"]}
    scores = built.model.evaluation.scores
    assert len(told) == len([each for each in scores.values() if each.value is not None])
    assert told["recall"] == scores["recall"].value
    assert ("average_precision" in fields["metrics"]) == (classes == 2)


def test_the_card_explains_in_sentences(tmp_path: Path) -> None:
    built = build(spec(), local(tmp_path, fault_csv(rows=400)), tmp_path / "out", Silent())
    text = (tmp_path / "out" / "card.md").read_text()
    assert built.model.explanation is not None
    for each in built.model.explanation.features:
        assert f"- {each.sentence}" in text


@pytest.mark.parametrize("explained", [True, False])
def test_the_card_weighs_columns_as_the_page_does(tmp_path: Path, explained: bool) -> None:
    asked = spec()
    validation = asked.validation.model_copy(update={"explain": Explain(enabled=explained)})
    asked = asked.model_copy(update={"validation": validation})
    built = build(asked, local(tmp_path, fault_csv(rows=400)), tmp_path / "out", Silent())
    text = (tmp_path / "out" / "card.md").read_text()
    assert ("| Position | Column | Share of all effects |" in text) is explained
    assert ("| Position | Column | Importance in the fit |" in text) is not explained
    facts = built.model.explanation
    told = (
        {each.name: f"{each.share:.0%}" for each in facts.features}
        if facts is not None
        else {each.name: f"{each.value:.4f}" for each in built.model.importances}
    )
    for place, name in enumerate(built.model.signature.numeric, 1):
        assert f"| {place} | `{name}` | {told[name]} |" in text
