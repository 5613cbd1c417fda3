"""The published schemas are those of the code, and what a build writes keeps to them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from model_builder.build import build
from model_builder.errors import BuilderError
from model_builder.failure import failed
from model_builder.progress import Silent
from model_builder.record import record
from model_builder.schemas import SCHEMAS, schemas
from tests.support.builder import fault_csv, local, spec

FOLDER = Path(__file__).parents[3] / "docs" / "schemas"


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schemas_are_fresh(name: str) -> None:
    assert (FOLDER / name).read_text() == schemas()[name], "stale: run `python -m model_builder.schemas docs/schemas`"


def test_no_schema_is_left_over() -> None:
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(SCHEMAS)


def schema(name: str) -> Any:
    return json.loads((FOLDER / name).read_text())


@pytest.mark.parametrize("classes", [2, 3])
def test_an_artifacts_report_keeps_to_its_schema(tmp_path: Path, classes: int) -> None:
    build(spec(), local(tmp_path, fault_csv(rows=400, classes=classes)), tmp_path / "out", Silent())
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    jsonschema.Draft202012Validator(schema("report.schema.json")).validate(report)
    known = set(schema("report.schema.json")["properties"])
    assert set(report) == known
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema("report.schema.json")).validate(report | {"trees": "many"})


def test_the_record_of_a_refused_model_keeps_to_its_schema(tmp_path: Path) -> None:
    asked = spec()
    validation = asked.validation.model_validate({"gates": [{"metric": "recall", "min": "1"}]})
    with pytest.raises(BuilderError) as caught:
        build(
            asked.model_copy(update={"validation": validation}),
            local(tmp_path, fault_csv(rows=400)),
            tmp_path / "out",
            Silent(),
        )
    told = json.loads(record(failed(caught.value), asked, caught.value).to_json())
    jsonschema.Draft202012Validator(schema("build.schema.json")).validate(told)
    assert told["model"]["gates"][0]["verdict"] == "missed"
