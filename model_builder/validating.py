"""Judges a finished artifact: every digest, its golden samples, and its scores on data."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from model_builder.artifact import MANIFEST, digest_of, verify
from model_builder.categories import UNKNOWN, Category, Rows
from model_builder.contract import CONTRIBUTIONS
from model_builder.errors import BuilderError, Reason
from model_builder.evaluation import evaluate
from model_builder.gates import judge_gates, refusal
from model_builder.independent import Expected, read_independent
from model_builder.judgement_facts import evaluation_facts, gate_facts
from model_builder.model_report import EvaluationFacts, GateFacts
from model_builder.parity import Model, nan_is_worst
from model_builder.report import Report, Signature
from model_builder.runtime import VERSION
from model_builder.sources import LocalData
from model_builder.spec import BuildSpec

TOLERANCE = 1e-5


class ValidationView(Report):
    """How an artifact did on data."""

    name: str
    digest: str
    onnxruntime: str
    golden_samples: int
    data_sha256: str
    evaluation: EvaluationFacts
    gates: tuple[GateFacts, ...]


@dataclass(frozen=True, eq=False)
class Opened:
    """An artifact whose files are all as its manifest says."""

    digest: str
    name: str
    signature: Signature
    expected: Expected
    model: Model
    golden: dict[str, Any]
    spec: dict[str, Any]
    data: dict[str, Any]


def open_artifact(folder: Path) -> Opened:
    """Open an artifact's folder.

    Raises
    ------
    BuilderError
        ``ArtifactNotFound``, or ``DigestMismatch`` where a file is not what the manifest says.
    """
    try:
        digest = digest_of((folder / MANIFEST).read_bytes())
        files = verify(digest, lambda path: (folder / path).read_bytes())
        report, inputs = json.loads(files["report.json"]), json.loads(files["build.json"])
        signature = Signature.model_validate(report["signature"])
        categories = tuple(Category(each["name"], tuple(each["values"])) for each in report["categories"])
        model = files[f"repository/{report['name']}/1/model.onnx"]
    except (OSError, KeyError, ValueError) as error:
        raise BuilderError(
            Reason.ARTIFACT_NOT_FOUND,
            f"{folder} is no artifact that this version can read: {type(error).__name__}: {error}",
            found=f"{type(error).__name__}: {error}",
            allowed="a folder that a build has written",
            remedy="give the folder that was --out of a build",
        ) from None
    expected = Expected(signature.numeric, categories, signature.classes)
    golden = json.loads(files["golden.json"])
    model_file = Model(model, signature)
    return Opened(digest, report["name"], signature, expected, model_file, golden, inputs["spec"], inputs["data"])


def spec_of(opened: Opened, uri: str) -> BuildSpec:
    """Give the spec that the artifact was built by, with the data elsewhere."""
    kind, given = next(iter(opened.spec["source"].items()))
    address = {"uri": "imported", "data": {"uri": uri}} if kind == "import" else {"data": {"uri": uri}}
    return BuildSpec.model_validate({**opened.spec, "source": {kind: {**given, **address}}})


def validate(opened: Opened, spec: BuildSpec, data: LocalData) -> ValidationView:
    """Replay the golden samples, score the data, and hold the scores against the gates of the artifact's spec.

    Raises
    ------
    BuilderError
        ``GoldenSamplesDiffer``, ``IndependentDataDiffers``, ``GateNotMet``, ``GateInconclusive``, and every
        reason of reading.
    """
    samples = replay(opened)
    rows = read_independent(data, spec, opened.expected)
    answers = opened.model.answer(rows.data)
    evaluation = evaluate(rows.codes, answers, opened.signature, spec.source.train.seed, rows.groups, rows.slices)
    verdicts = judge_gates(spec.validation.gates, evaluation, "rows of the data")
    refused = refusal(verdicts)
    if refused is not None:
        raise refused
    return ValidationView(
        name=opened.name,
        digest=opened.digest,
        onnxruntime=VERSION,
        golden_samples=samples,
        data_sha256=data.sha256,
        evaluation=evaluation_facts(evaluation, opened.signature),
        gates=gate_facts(verdicts),
    )


def replay(opened: Opened) -> int:
    """Ask the model the golden samples and count them.

    Raises
    ------
    BuilderError
        ``GoldenSamplesDiffer``, with the largest difference and its sample.
    """
    outputs = opened.golden["outputs"]
    expected = np.array(outputs["score" if "score" in outputs else "probabilities"], np.float64)
    rows = golden_rows(opened.golden, opened.expected.categories)
    answers = opened.model.answer(rows)
    errors = np.abs(answers.scores.astype(np.float64) - expected.reshape(answers.scores.shape)).max(axis=1)
    if CONTRIBUTIONS in outputs:
        parts = np.array(outputs[CONTRIBUTIONS], np.float64)
        found = opened.model.contributions(rows) - parts
        # Log-odds may be large, and a float has so many digits.
        off = np.abs(found / np.maximum(np.abs(parts), 1)).reshape(len(errors), -1)
        errors = np.maximum(errors, off.max(axis=1))
    errors = nan_is_worst(errors)
    worst = int(errors.argmax())
    if errors[worst] > TOLERANCE:
        raise BuilderError(
            Reason.GOLDEN_SAMPLES_DIFFER,
            f"ONNX Runtime {VERSION} answers golden sample {worst} otherwise than when the model was built",
            found=f"scores or contributions differ by up to {errors[worst]:.3g}",
            allowed=f"differences of at most {TOLERANCE}",
            remedy="serve with the release of ONNX Runtime that the report names, and report this as a defect",
        )
    return len(errors)


def golden_rows(golden: dict[str, Any], categories: tuple[Category, ...]) -> Rows:
    """Read the rows of golden samples."""
    numbers = golden.get("numeric", [[]] * len(golden["kinds"]))  # a model of texts alone has none
    numeric = np.array([[np.nan if cell is None else cell for cell in row] for row in numbers], np.float32)
    codes = np.full((len(numeric), len(categories)), UNKNOWN, np.int16)
    for index, category in enumerate(categories):
        known = {value: code for code, value in enumerate(category.values)}
        codes[:, index] = [known.get(row[index], UNKNOWN) for row in golden["categorical"]]
    return Rows(numeric, codes, categories)
