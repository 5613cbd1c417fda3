"""What the demo shows in the end."""

import csv
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console, RenderableType

from examples.demo import results, samples
from examples.demo.data import MachineData
from examples.demo.results import Outcome
from examples.demo.samples import Sample
from model_builder.report import BuildReport

DIGEST = "sha256:" + "a" * 64


def report(**more: Any) -> BuildReport:
    return BuildReport(outcome="Succeeded", reason="Built", message="", digest=DIGEST, **more)


def pod(message: str) -> dict[str, Any]:
    return {"status": {"containerStatuses": [{"state": {"terminated": {"message": message}}}]}}


def made(plain: int | None, size: int = 1000) -> Outcome:
    metrics = {"f1": 0.75, "precision": 0.8, "recall": 0.7, "accuracy": 0.99}
    artifact = {"bytes": size} if plain is None else {"bytes": size, "plainBytes": plain}
    spec = {"version": 2, "artifact": artifact, "metrics": metrics, "signature": {"classes": ["0", "1"]}}
    known = None if plain is None else report(bytes=size, plain_bytes=plain)
    return Outcome("spindle", {"spec": spec}, known)


def shown(*what: RenderableType) -> str:
    console = Console(width=80, record=True, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    for one in what:
        console.print(one)
    return console.export_text()


def test_the_report_of_the_served_artifact_is_found() -> None:
    other = report().model_copy(update={"digest": "sha256:" + "b" * 64})
    pods = [{"status": {}}, pod("no report"), pod(other.to_json()), pod(report(rows=7).to_json())]
    found = results.report_in(pods, DIGEST)
    assert found is not None
    assert found.rows == 7
    assert results.report_in(pods[:3], DIGEST) is None


def test_a_report_is_remembered_for_its_own_artifact_only(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    assert results.remembered(file, None, DIGEST) is None
    assert results.remembered(file, report(rows=7), DIGEST) == report(rows=7)
    assert results.remembered(file, None, DIGEST) == report(rows=7)
    assert results.remembered(file, None, "sha256:" + "b" * 64) is None


def test_scores_of_the_plain_export_are_told_only_where_nothing_is_taken_away() -> None:
    whole = shown(results.artifact_table(made(6500)))
    assert "1,000 bytes" in whole
    assert "6,500 bytes" in whole
    assert whole.count("0.750") == 2
    smaller = shown(results.artifact_table(replace(made(6500), lossless=False)))
    assert smaller.count("0.750") == 1
    assert smaller.count("unknown") == 4
    assert "unknown" in shown(results.artifact_table(made(None)))


def test_notes_tell_what_the_scores_are_about() -> None:
    full = report(rows=100, positives=9, confusion_matrix=((17, 1), (1, 1)), notes=("a left out",))
    notes = results.artifact_notes(Outcome("spindle", made(6500).version, full))
    assert notes[0] == "100 rows, 9 of them faults; scores on 20 rows that the model was not trained on"
    assert notes[1].startswith("6.5 times smaller")
    assert notes[2] == "Builder: a left out"
    assert "gone" in results.artifact_notes(made(None))[0]


def test_predictions_stand_under_their_rows() -> None:
    asked = [Sample(12, {"Torque [Nm]": "42.8", "wear": "3"}, "1"), Sample(1314, {"Torque [Nm]": "", "wear": "5"}, "0")]
    answers = [{"fault": True, "probability": 0.914}, {"fault": True, "probability": 0.62}]
    text = shown(results.prediction_table(made(4), "fault", asked, answers))
    lines = {line.split("  ")[0].strip(): line.split()[-2:] for line in text.splitlines() if line.strip()}
    assert lines["row of the file"] == ["12", "1,314"]
    assert "Torque [Nm]" in lines
    assert lines["fault, really"] == ["1", "0"]
    assert lines["predicted"] == ["1", "1"]
    assert lines["probability"] == ["0.914", "0.620"]


def test_several_classes_have_the_probability_of_the_label() -> None:
    answer = {"label": "wear", "probabilities": {"none": 0.2, "heat": 0.1, "wear": 0.7}}
    assert results.verdict(answer, ("none", "heat", "wear")) == ("wear", 0.7)


def test_commands_to_try_next_can_be_pasted() -> None:
    sample = Sample(3, {"it's": "1.5", "Torque [Nm]": ""}, "0")
    steps = results.next_steps("spindle", sample, 200)
    assert len(steps) == 3
    words = [shlex.split(command) for _, commands in steps for command in commands]
    assert words[1][-1] == "it's=1.5;Torque [Nm]="
    assert words[2][-1] == '{"spec":{"source":{"train":{"params":{"randomForest":{"n_estimators":200}}}}}}'


@pytest.mark.parametrize(
    ("counts", "shares"), [((90, 10), [3, 2]), ((9, 1), [3, 1]), ((5, 5, 5), [2, 2, 1]), ((3,) * 7, [1] * 5)]
)
def test_rows_of_each_class_are_asked_about(counts: tuple[int, ...], shares: list[int]) -> None:
    codes = np.repeat(np.arange(len(counts)), counts)
    chosen = samples.choose(codes, len(counts))
    assert len(set(chosen.tolist())) == len(chosen)
    assert [int((codes[chosen] == code).sum()) for code in range(len(shares))] == shares


def test_held_out_rows_are_those_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "press.csv"
    lines = [f"{n % 50},{'ab'[n % 2]},{n % 40 / 8},{int(n % 9 == 0)}" for n in range(200)]
    file.write_text("\n".join(["number,word,eighths,fault", *lines]) + "\n")
    data = MachineData(file, "fault")
    manifest = tmp_path / "press.yaml"
    manifest.write_text("name: press\nsource: {train: {data: {uri: press.csv}, target: fault}}\n")
    asked = samples.held_out(manifest, data)
    assert [sample.actual for sample in asked].count("1") == 2
    for sample in asked:
        number = sample.row - 2  # the header is row 1
        word, eighths = "ab"[number % 2], f"{number % 40 / 8:g}"
        assert sample.readings == {"number": str(number % 50), "eighths": eighths, "word": word}
        assert sample.actual == str(int(number % 9 == 0))
    samples.write(asked, tmp_path / "rows.csv")
    with (tmp_path / "rows.csv").open(newline="") as written:
        assert list(csv.DictReader(written)) == [sample.readings for sample in asked]
