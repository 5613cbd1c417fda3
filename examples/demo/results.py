"""What came out: size and scores, predictions, and what to try next."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from rich.table import Table
from rich.text import Text

from examples.demo.data import FOLDER
from examples.demo.plant import NAMESPACE
from examples.demo.reach import Manifest, Reach
from examples.demo.samples import Sample
from model_builder.report import BuildReport

SHOWN_FEATURES = 6


@dataclass(frozen=True)
class Outcome:
    """The version that serves, and the report of its build where its Job is still there."""

    name: str
    version: Manifest
    report: BuildReport | None
    lossless: bool = True

    @property
    def spec(self) -> dict[str, Any]:
        return dict(self.version["spec"])

    @property
    def plain_bytes(self) -> int | None:
        plain = self.spec["artifact"].get("plainBytes")
        return None if plain is None else int(plain)

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(self.spec["signature"]["classes"])


def outcome(reach: Reach, model: Manifest) -> Outcome:
    """Read what the cluster knows of the version that serves."""
    name, stable = model["metadata"]["name"], model["status"]["stable"]
    version = reach.get(NAMESPACE, "faultmodelversion", f"{name}-v{stable['version']}") or {}
    builds = reach.find(NAMESPACE, "pods", f"andon.dev/faultmodel={name},app.kubernetes.io/component=build")
    report = report_in(builds, stable["digest"])
    known = remembered(FOLDER / f"{name}-report.json", report, stable["digest"])
    # Without spec.compression the file holds every tree as it is, so its scores are those of the plain export.
    return Outcome(name, version, known, lossless=not model["spec"].get("compression"))


def report_in(pods: Sequence[Manifest], digest: str) -> BuildReport | None:
    """Find the report of the build that made an artifact, in the termination messages of build pods."""
    for pod in pods:
        for container in (pod.get("status") or {}).get("containerStatuses") or ():
            text = ((container.get("state") or {}).get("terminated") or {}).get("message")
            try:
                report = BuildReport.model_validate_json(text or "")
            except ValidationError:
                continue
            if report.digest == digest:
                return report
    return None


def remembered(file: Path, report: BuildReport | None, digest: str) -> BuildReport | None:
    """Keep a report for the day when its Job is gone, because another version has been built since."""
    if report is not None:
        file.write_text(report.to_json())
        return report
    known = BuildReport.model_validate_json(file.read_text()) if file.exists() else None
    return known if known is not None and known.digest == digest else None


def artifact_table(made: Outcome) -> Table:
    """Show the artifact beside the plain export of the same forest."""
    size, plain = int(made.spec["artifact"]["bytes"]), made.plain_bytes
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("")
    table.add_column(f"{made.name} version {made.spec['version']}", justify="right")
    table.add_column("plain skl2onnx export", justify="right")
    table.add_row("ONNX file", _size(size), _size(plain))
    for title, name in (("F1", "f1"), ("precision", "precision"), ("recall", "recall"), ("accuracy", "accuracy")):
        value = f"{made.spec['metrics'][name]:.3f}"
        table.add_row(title, value, value if made.lossless else "unknown")
    return table


def artifact_notes(made: Outcome) -> list[str]:
    """Say what the scores were taken on and what the builder decided by itself."""
    report, notes = made.report, []
    if report is None:
        return ["The build's Job is gone, and with it what its report tells of the data."]
    if report.rows is not None:
        held_out = sum(map(sum, report.confusion_matrix)) if report.confusion_matrix else None
        rows = f"{report.rows:,} rows" + (f", {report.positives:,} of them faults" if report.positives else "")
        notes.append(rows + (f"; scores on {held_out:,} rows that the model was not trained on" if held_out else ""))
    if made.lossless and made.plain_bytes:
        times = made.plain_bytes / int(made.spec["artifact"]["bytes"])
        notes.append(f"{times:.1f} times smaller without losing anything; spec.compression makes it smaller still")
    return notes + [f"Builder: {note}" for note in report.notes]


def ask(reach: Reach, name: str, file: str) -> list[dict[str, Any]]:
    """Let `andon predict` ask the model's Service."""
    words = ["predict", name, f"--namespace={NAMESPACE}", f"--csv={file}", "--output=json"]
    if reach.names_resolve:
        words.append(f"--url={address(name)}")
    predictions: list[dict[str, Any]] = json.loads(reach.andon(*words))["predictions"]
    return predictions


def address(name: str) -> str:
    """Give the model's Service as its clients know it."""
    return f"{name}.{NAMESPACE}.svc:8000"


def prediction_table(
    made: Outcome, target: str, samples: Sequence[Sample], predictions: Sequence[dict[str, Any]]
) -> Table:
    """Show, a row in each column, what the machine reported, what really was, and what the model says."""
    verdicts = [verdict(prediction, made.classes) for prediction in predictions]
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("row of the file")
    for sample in samples:
        table.add_column(f"{sample.row:,}", justify="right")
    names = list(samples[0].readings)
    for name in names[:SHOWN_FEATURES]:
        table.add_row(Text(name), *[sample.readings[name] for sample in samples])
    if len(names) > SHOWN_FEATURES:
        table.add_row(f"… and {len(names) - SHOWN_FEATURES} more", style="dim")
    table.add_section()
    table.add_row(Text(f"{target}, really"), *[Text(sample.actual) for sample in samples])
    right = [said == sample.actual for sample, (said, _) in zip(samples, verdicts, strict=True)]
    styles = ["green" if one else "yellow" for one in right]
    said = [Text(said, style) for (said, _), style in zip(verdicts, styles, strict=True)]
    table.add_row("predicted", *said)
    table.add_row("probability", *[f"{probability:.3f}" for _, probability in verdicts], style="bold")
    return table


def verdict(prediction: dict[str, Any], classes: tuple[str, ...]) -> tuple[str, float]:
    """Give the predicted class and a probability: of two classes that of the fault, else that of the class."""
    if "label" in prediction:
        return str(prediction["label"]), float(prediction["probabilities"][prediction["label"]])
    return classes[int(prediction["fault"])], float(prediction["probability"])


def next_steps(name: str, sample: Sample, trees: int) -> list[tuple[str, tuple[str, ...]]]:
    """Give three things to try: what for, and the commands."""
    where = f"-n {NAMESPACE}"
    row = ";".join(f"{name}={value}" for name, value in sample.readings.items())
    more = {"spec": {"source": {"train": {"params": {"randomForest": {"n_estimators": trees}}}}}}
    patch = json.dumps(more, separators=(",", ":"))
    return [
        ("See all models, their versions and scores", (f"lab/kubectl get fm,fmv {where}",)),
        ("Ask about a row", (f"lab/andon predict {name} {where} --row {shlex.quote(row)}",)),
        (
            "Change something and watch version 2 take over while version 1 serves",
            (
                f"lab/kubectl patch fm {name} {where} --type merge -p '{patch}'",
                f"lab/andon status {name} {where} --watch",
            ),
        ),
    ]


def _size(count: int | None) -> str:
    return "unknown" if count is None else f"{count:,} bytes"
