"""Gates, thresholds, slices, independent data and the drift baseline, through the whole build."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from model_builder.build import Built, build, inputs_digest
from model_builder.errors import Reason
from model_builder.progress import Silent
from model_builder.sources import LocalData
from model_builder.spec import BuildSpec, DecisionThreshold, Validation
from model_builder.threshold import choose_threshold
from tests.support.builder import fault_csv, local, refused, spec


def with_kinds(rows: int = 600, seed: int = 1, classes: int = 2, kinds: str = "LMH") -> str:
    lines = fault_csv(rows=rows, seed=seed, classes=classes).splitlines()
    body = (f"{kinds[index % len(kinds)]},{index % 4},{line}" for index, line in enumerate(lines[1:]))
    return "\n".join([f"kind,shift,{lines[0]}", *body])


def judged(**validation: Any) -> BuildSpec:
    return spec().model_copy(update={"validation": Validation.model_validate(validation)})


def built(folder: Path, asked: BuildSpec, content: str | None = None, other: LocalData | None = None) -> Built:
    return build(asked, local(folder, content or with_kinds()), folder / "out", Silent(), other)


def elsewhere(folder: Path, content: str) -> LocalData:
    place = folder / "other"
    place.mkdir()
    return local(place, content)


def test_slices_are_told_by_value(tmp_path: Path) -> None:
    found = built(tmp_path, judged(slices=["kind", "shift"])).model.evaluation
    assert [(each.column, each.value) for each in found.slices][:3] == [("kind", "L"), ("kind", "M"), ("kind", "H")]
    assert sum(each.rows for each in found.slices if each.column == "shift") == found.rows == 120
    assert found.slices[0].scores["recall"].method == "wilson"
    card = (tmp_path / "out" / "card.md").read_text()
    assert "| `kind` | Rows | Faults |" in card
    with refused(Reason.COLUMN_NOT_FOUND, 'did you mean "kind"'):
        built(tmp_path, judged(slices=["kinds"]))
    with refused(Reason.TOO_MANY_SLICES, '"heat"', "50 different"):
        built(tmp_path, judged(slices=["heat"]))


def test_scores_of_the_report_and_of_the_evaluation_are_the_same(tmp_path: Path) -> None:
    model = built(tmp_path, judged()).model
    for name, value in model.metrics.model_dump(by_alias=True, exclude_none=True).items():
        assert model.evaluation.scores[name].value == pytest.approx(value, abs=1e-6), name


def test_a_gate_that_is_met_is_written_down(tmp_path: Path) -> None:
    gates = [{"metric": "accuracy", "min": "0.5"}, {"metric": "recall", "min": "0.1", "bound": "point"}]
    model = built(tmp_path, judged(gates=gates)).model
    assert [(each.metric, each.bound, each.where) for each in model.gates] == [
        ("accuracy", "lower95", "held-out rows"),
        ("recall", "point", "held-out rows"),
    ]
    assert "### Gates" in (tmp_path / "out" / "card.md").read_text()


@pytest.mark.parametrize(
    ("gates", "parts"),
    [
        ([{"metric": "recall", "min": "1", "bound": "point"}], ["recall is 0.", "and 1 is required", "held-out rows"]),
        ([{"metric": "f1", "min": "0.99"}], ["lower 95% bound of f1 is 0.", "bootstrap", "0.99 is required"]),
        (
            [{"metric": "accuracy", "min": "1"}, {"metric": "bestF1", "min": "1"}],
            ["wilson", "1 more gate is not met", "bestF1 of at least 1 (lower95)"],
        ),
    ],
)
def test_a_gate_that_is_not_met_fails_the_build(tmp_path: Path, gates: list[dict[str, str]], parts: list[str]) -> None:
    with refused(Reason.GATE_NOT_MET, *parts):
        built(tmp_path, judged(gates=gates))
    assert not (tmp_path / "out").exists()


def test_what_needs_two_classes_says_so(tmp_path: Path) -> None:
    content = with_kinds(classes=3)
    with refused(Reason.INVALID_SPEC, "averagePrecision", "has 3"):
        built(tmp_path, judged(gates=[{"metric": "averagePrecision", "min": "0.5"}]), content)
    with refused(Reason.INVALID_SPEC, "decisionThreshold is for two classes"):
        built(tmp_path, judged(decisionThreshold={"optimize": "f1"}), content)


def test_a_threshold_is_chosen_on_inner_folds_and_served(tmp_path: Path) -> None:
    costs = {"missedFault": 50, "falseAlarm": 1}
    plain = built(tmp_path, judged()).model
    cheap = built(tmp_path, judged(decisionThreshold={"optimize": "cost", "costs": costs}))
    assert cheap.model.signature.threshold is not None
    assert cheap.model.signature.threshold < 0.5
    assert cheap.model.signature.digest == plain.signature.digest
    assert cheap.model.metrics.recall >= plain.metrics.recall
    assert cheap.model.metrics.average_precision == plain.metrics.average_precision
    assert cheap.model.selection is not None
    assert cheap.model.selection.rows == 480
    assert any("or more is called a fault" in note for note in cheap.report.notes)
    best = built(tmp_path, judged(decisionThreshold={"optimize": "f1"})).model
    assert best.signature.threshold not in (None, 0.5)


def test_the_threshold_is_the_middle_of_its_gap() -> None:
    codes = np.array([0, 0, 1, 0, 1, 1])
    scores = np.array([0.1, 0.2, 0.3, 0.5, 0.7, 0.9])
    f1 = DecisionThreshold(optimize="f1")
    assert choose_threshold(codes, scores, f1) == pytest.approx(0.25)
    alarms = DecisionThreshold.model_validate({"optimize": "cost", "costs": {"falseAlarm": 10}})
    assert choose_threshold(codes, scores, alarms) == pytest.approx(0.6)
    assert choose_threshold(np.ones(3, int), np.zeros(3), f1) == 1e-4


def test_independent_data_is_judged_with_the_columns_and_classes_of_the_training_data(tmp_path: Path) -> None:
    lines = with_kinds(rows=300, seed=7, kinds="LMX").splitlines()
    swapped = [",".join(line.split(",")[::-1]) for line in lines]
    other = elsewhere(tmp_path, "\n".join(swapped))
    model = built(tmp_path, judged(slices=["kind"]), other=other).model
    assert model.independent is not None
    assert model.independent.rows == 300
    assert (model.independent.scores["accuracy"].value or 0) > 0.7
    assert {each.value for each in model.independent.slices} == {"L", "M", "X"}
    assert "rows of independent data" in (tmp_path / "out" / "card.md").read_text()
    inputs = json.loads((tmp_path / "out" / "build.json").read_text())
    assert inputs["independentData"] == {"sha256": other.sha256}
    gates = [{"metric": "accuracy", "min": "0.70"}]
    garbled = elsewhere(
        tmp_path / "out", "\n".join([lines[0], *(f"{line[:-1]}{index % 2}" for index, line in enumerate(lines[1:]))])
    )
    (tmp_path / "out").rename(tmp_path / "moved")
    with refused(Reason.GATE_NOT_MET, "300 rows of independent data"):
        built(
            tmp_path, judged(gates=gates), other=LocalData(tmp_path / "moved/other/data.csv", "csv", garbled.sha256, 1)
        )


@pytest.mark.parametrize(
    ("content", "reason", "parts"),
    [
        (
            "kind,heat,load,fault\nL,1,2,2\nM,2,1,0\n",
            Reason.INDEPENDENT_DATA_DIFFERS,
            ['"fault" holds "2"', '"0", "1"'],
        ),
        ("kind,heat,load,fault\n1,1,2,1\n", Reason.INDEPENDENT_DATA_DIFFERS, ['"kind" holds numbers there and texts']),
        ("kind,heat,load,fault\nL,a,2,1\nL,b,3,0\n", Reason.INDEPENDENT_DATA_DIFFERS, ['"heat" holds texts there']),
        ("kind,heat,fault\nL,1,1\n", Reason.COLUMN_NOT_FOUND, ["independent data: the file has no column", '"load"']),
        ("kind,heat,load,fault\n", Reason.NO_ROWS, ["independent data"]),
    ],
)
def test_independent_data_that_differs_is_refused(
    tmp_path: Path, content: str, reason: Reason, parts: list[str]
) -> None:
    shorter = spec(features={"exclude": ["shift"]})
    with refused(reason, *parts):
        built(tmp_path, shorter, other=elsewhere(tmp_path, content))


def test_the_baseline_holds_histograms(tmp_path: Path) -> None:
    built(tmp_path, judged())
    found = json.loads((tmp_path / "out" / "baseline.json").read_text())
    assert found["rows"] == 480
    assert [each["name"] for each in found["numeric"]] == ["shift", "heat", "load"]
    for each in found["numeric"]:
        assert len(each["counts"]) == len(each["edges"]) + 1
        assert sum(each["counts"]) + each["missing"] == 480
        assert each["least"] <= each["edges"][0]
        assert each["edges"][-1] <= each["greatest"]
    (kind,) = found["categorical"]
    assert kind["values"] == ["H", "L", "M"]
    assert sum(kind["counts"]) + kind["unknown"] == 480
    assert sum(found["scores"]["counts"][0]) == found["scores"]["rows"] == 120
    assert sum(found["scores"]["labels"]) == 120


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"gates": [{"metric": "recal", "min": "0.5"}]}, "recall"),
        ({"gates": [{"metric": "recall", "min": "1.5"}]}, "pattern"),
        ({"gates": [{"metric": "recall", "min": "0.5", "bound": "upper"}]}, "lower95"),
        ({"gates": [{"metric": "recall"}]}, "either min or maxLossToStable"),
        ({"gates": [{"metric": "recall", "min": "0.5", "maxLossToStable": "0.1"}]}, "either min or maxLossToStable"),
        ({"gates": [{"metric": "recall", "maxLossToStable": "-0.1"}]}, "pattern"),
        ({"decisionThreshold": {"optimize": "cost"}}, "costs are for optimize: cost"),
        ({"decisionThreshold": {"optimize": "f1", "costs": {}}}, "costs are for optimize: cost"),
        ({"slices": ["a", "a"]}, "more than once"),
        ({"crossValidation": {"folds": 1}}, "greater than or equal to 2"),
    ],
)
def test_wrong_fields_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Validation.model_validate(fields)


def test_a_gate_against_the_serving_version_changes_no_byte_and_its_scores_are_told(tmp_path: Path) -> None:
    against = [{"metric": "f1", "maxLossToStable": "0"}, {"metric": "bestF1", "maxLossToStable": "0.02"}]
    plain, compared = built(tmp_path, judged()), built(tmp_path, judged(gates=against))
    assert compared.artifact.digest == plain.artifact.digest
    assert compared.report.build_inputs_digest == plain.report.build_inputs_digest
    told, scores = compared.report.metrics, compared.model.evaluation.scores
    assert told is not None
    assert told.lower95 is not None
    for name, low in told.lower95.model_dump(by_alias=True).items():
        assert low == scores[name].low, name
    assert told.best_f1 == pytest.approx(scores["bestF1"].value, abs=1e-6)
    of_several = [{"metric": "averagePrecision", "maxLossToStable": "0"}]
    with refused(Reason.INVALID_SPEC, "two classes"):
        built(tmp_path, judged(gates=of_several), fault_csv(rows=300, classes=3))


def test_validation_decides_the_inputs_digest_and_defaults_do_not() -> None:
    plain = inputs_digest(spec(), "csv", "a" * 64)
    assert plain == inputs_digest(judged(), "csv", "a" * 64)
    others = [
        inputs_digest(judged(gates=[{"metric": "recall", "min": "0.5"}]), "csv", "a" * 64),
        inputs_digest(judged(slices=["kind"]), "csv", "a" * 64),
        inputs_digest(judged(crossValidation={}), "csv", "a" * 64),
        inputs_digest(spec(), "csv", "a" * 64, "b" * 64),
    ]
    assert len({plain, *others}) == 5
