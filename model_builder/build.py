"""The pipeline from a data file to an artifact, in one readable page."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from model_builder import golden as golden_samples
from model_builder.artifact import Artifact, write_artifact
from model_builder.baseline import baseline
from model_builder.classes import Labels, order_classes
from model_builder.compression.encode import form_for
from model_builder.compression.weights import network
from model_builder.compute.choosing import computing
from model_builder.compute.ports import Compute
from model_builder.contributing import with_contributions
from model_builder.errors import BuilderError, Reason
from model_builder.estimators import fit
from model_builder.explaining import explain_fitted
from model_builder.export import export
from model_builder.exporting import write_exports
from model_builder.facts import model_report
from model_builder.frontend import front_end
from model_builder.gates import refusal
from model_builder.imports.files import ModelFile
from model_builder.imports.fitting import fit_imported
from model_builder.independent import Expected, read_independent
from model_builder.judgement_facts import told_to_operator
from model_builder.judging import judge
from model_builder.leakage import check_leakage
from model_builder.model_report import ModelReport
from model_builder.modelling import select
from model_builder.notes import reading_notes
from model_builder.parity import Answers, Model, compare, reference
from model_builder.progress import Progress
from model_builder.publication import artifact_files, held_out_csv
from model_builder.reading import read_table
from model_builder.record import RejectedModelError
from model_builder.report import BuildReport, Signature, canonical_json
from model_builder.screening import screen
from model_builder.shrinking import shrink
from model_builder.shrinking_network import Network, shrink_network
from model_builder.sources import LocalData
from model_builder.spec import BuildSpec, canonical
from model_builder.splitting import Order, split_rows
from model_builder.stages import Fitted, Prepared, Proven

FORMAT = 2
"""Raised when the same inputs would give another model: then, and only then, plants are trained anew."""

IMPORT_FORMAT = 2
"""As ``FORMAT``, of models from elsewhere: plants that train their own are not trained anew."""

THRESHOLD = 0.5


@dataclass(frozen=True, eq=False)
class Built:
    """A finished build: the artifact on disk, what it holds, and the report for whoever asked."""

    artifact: Artifact
    model: ModelReport
    report: BuildReport


def inputs(
    spec: BuildSpec,
    data_format: str | None,
    data_sha256: str | None,
    independent_sha256: str | None = None,
    model_sha256: str | None = None,
) -> dict[str, object]:
    """List all that decides a build's bytes: data, the spec's fields that reach the builder, the builder's format."""
    independent = {} if independent_sha256 is None else {"independentData": {"sha256": independent_sha256}}
    model = {} if model_sha256 is None else {"model": {"format": IMPORT_FORMAT, "sha256": model_sha256}}
    return {
        "builderFormat": FORMAT,
        "data": {"format": data_format, "sha256": data_sha256},
        **independent,
        **model,
        "spec": canonical(spec),
    }


def inputs_digest(
    spec: BuildSpec,
    data_format: str | None,
    data_sha256: str | None,
    independent_sha256: str | None = None,
    model_sha256: str | None = None,
) -> str:
    """Give the digest that tells whether a build is the same as an earlier one."""
    decisive = canonical_json(inputs(spec, data_format, data_sha256, independent_sha256, model_sha256))
    return f"sha256:{hashlib.sha256(decisive).hexdigest()}"


def build(
    spec: BuildSpec,
    data: LocalData,
    out: Path,
    progress: Progress,
    independent: LocalData | None = None,
    imported: ModelFile | None = None,
) -> Built:
    """Train or take in a model, export and prove it, and write its artifact into ``out``.

    The model that is served is the one fitted on four fifths of the rows, so that the scores are about that very
    file and not about a cousin fitted on all rows.

    Raises
    ------
    BuilderError
        With a reason, whenever the data or the model is not fit to be served.
    """
    prepared = _prepare(spec, data, progress)
    other = None
    if independent is not None:
        with progress.step("read", f"Reading {independent.bytes:,} bytes of independent data") as step:
            table = prepared.table
            expected = Expected(table.names, table.data.categories, prepared.labels.classes)
            other = read_independent(independent, spec, expected)
            step.done(f"{len(other.data):,} rows")
    with computing(spec.compute) as compute:
        fitted = _taken(spec, prepared, imported, progress, compute)
    if spec.validation.explain.per_row:
        fitted = with_contributions(spec, prepared, fitted, progress)
    proven = _prove(spec, prepared, fitted, progress)
    judged = judge(spec, prepared, fitted, proven.held_out, other, progress)
    explained = explain_fitted(spec, prepared, fitted, proven, progress)
    report = model_report(spec, data, prepared, fitted, proven, judged, explained)
    refused = refusal(judged.verdicts)
    if refused is not None:
        raise RejectedModelError(refused, report)
    others = (each.sha256 if each else None for each in (independent, imported))
    digests = (data.format, data.sha256, *others)
    exports, told = write_exports(spec, prepared, fitted, proven, progress)
    with progress.step("write", "Writing the artifact") as step:
        report = report.model_copy(update={"exports": told})
        files = artifact_files(
            report,
            fitted.exported.model,
            golden_samples.document(proven.golden, fitted.model, fitted.signature),
            held_out_csv(prepared.table.rows[prepared.split.held_out], prepared.held_out_codes, proven.held_out),
            baseline(prepared.table.data.take(prepared.split.fit), proven.held_out, fitted.signature),
            inputs(spec, *digests),
        )
        artifact = write_artifact(files | exports, out)
        step.done(artifact.digest, digest=artifact.digest)
    digest = inputs_digest(spec, *digests)
    return Built(artifact, report, _build_report(digest, data, artifact, report))


def _prepare(spec: BuildSpec, data: LocalData, progress: Progress) -> Prepared:
    train = spec.source.train
    with progress.step("read", f"Reading {data.bytes:,} bytes of {data.format}") as step:
        table = read_table(data, train, spec.limits, spec.validation.slices)
        labels = order_classes(train.target, table.classes, table.target, train.positive_class)
        step.done(f"{table.rows_in_file:,} rows", rows=table.rows_in_file)
    with progress.step("check", "Looking for useless and telling columns") as step:
        screened = screen(table)
        table = screened.table
        order = Order(table.groups, table.times, train.group_by or train.time_column or "")
        allowed = check_leakage(table, labels, order, train.features.allow_leakage, train.seed)
        split = split_rows(labels, train.seed, order)
        width = len(table.names) + len(table.categorical)
        step.done(f"{width} features, {len(split.held_out):,} rows held out", features=width)
    notes = (*reading_notes(table, labels, split), *screened.notes, *allowed)
    for note in notes:
        progress.note(note)
    return Prepared(table, labels, split, order, notes)


def _taken(
    spec: BuildSpec, prepared: Prepared, imported: ModelFile | None, progress: Progress, compute: Compute
) -> Fitted:
    if imported is None:
        return _fit(spec, prepared, progress, compute)
    _check_threshold(spec, prepared.labels)
    return fit_imported(spec, prepared, imported, progress, compute)


def _fit(spec: BuildSpec, prepared: Prepared, progress: Progress, compute: Compute) -> Fitted:
    train, table, labels, rows = spec.source.train, prepared.table, prepared.labels, prepared.split.fit
    threshold = THRESHOLD if labels.binary else None
    signature = Signature.of(table.names, labels.classes, threshold, table.categorical)
    _check_threshold(spec, labels)
    order = prepared.order.take(rows)
    selected = select(spec, table.data.take(rows), labels.codes[rows], order, signature, progress, compute)
    with progress.step("train", f"Fitting {selected.name} on {len(rows):,} rows") as step:
        columns = len(signature.numeric) + len(signature.categorical)
        matrix = table.data.take(rows).matrix()
        pipeline = fit(selected.name, train.params, matrix, labels.codes[rows], train.seed, columns)
        step.done(f"{columns} features, {len(labels.classes)} classes")
    if selected.threshold is not None:
        signature = signature.model_copy(update={"threshold": selected.threshold})
    with progress.step("export", "Writing the model file") as step:
        form = form_for(spec.runtime.onnxruntime)
        exported = export(pipeline, signature, table.data.categories, form)
        step.done(f"{len(exported.model):,} bytes", bytes=len(exported.model))
    categories = table.data.categories
    if network(pipeline) is None:
        small = shrink(
            spec,
            pipeline,
            matrix,
            labels.codes[rows],
            order.together,
            signature,
            front_end(signature, categories),
            exported.plain_bytes,
            progress,
            compute,
        )
    else:
        whole = Network(pipeline, matrix, labels.codes[rows], order, columns)
        small = shrink_network(spec, whole, signature, categories, exported.plain_bytes, progress)
    if small.lossy:
        served = small.pipeline or pipeline
        exported = export(served, signature, categories, form, small.ensemble, small.layers)
    return Fitted(selected, pipeline, signature, exported, Model(exported.model, signature), small)


def _check_threshold(spec: BuildSpec, labels: Labels) -> None:
    if spec.validation.decision_threshold is not None and not labels.binary:
        raise BuilderError(
            Reason.INVALID_SPEC,
            f"validation.decisionThreshold is for two classes, and the target has {len(labels.classes)}",
            found=f"{len(labels.classes)} classes",
            allowed="a target of two classes, or no decisionThreshold",
            remedy="remove decisionThreshold, or make a column that says fault or no fault",
        )


def _prove(spec: BuildSpec, prepared: Prepared, fitted: Fitted, progress: Progress) -> Proven:
    signature, score = fitted.signature, fitted.score
    data = prepared.table.data
    with progress.step("prove", f"Comparing ONNX Runtime with scikit-learn on {len(data):,} rows") as step:
        answers = fitted.model.answer(data)
        held_out = Answers(answers.scores[prepared.split.held_out], answers.labels[prepared.split.held_out])
        golden = golden_samples.choose(
            prepared.held_out_data,
            prepared.held_out_codes,
            held_out,
            fitted.tests,
            signature,
            spec.source.train.seed,
        )
        compare(fitted.model.answer(golden.rows), reference(score, golden.rows, signature), signature)
        parity = compare(answers, reference(score, data, signature), signature)
        step.done(
            f"largest error {parity.max_score_error:.2g}, {parity.label_differences} labels differ",
            maxScoreError=parity.max_score_error,
            labelDifferences=parity.label_differences,
        )
    return Proven(parity, golden, held_out)


def _build_report(digest: str, data: LocalData, artifact: Artifact, report: ModelReport) -> BuildReport:
    binary = report.signature.threshold is not None
    score = f"F1 {report.metrics.f1:.3f}" if binary else f"macro-F1 {report.metrics.macro_f1:.3f}"
    return BuildReport(
        outcome="Succeeded",
        reason="Built",
        message=f"built from {report.data.rows:,} rows: {report.bytes:,} bytes, {score} on held-out rows",
        digest=artifact.digest,
        bytes=report.bytes,
        artifact_bytes=artifact.bytes,
        plain_bytes=report.plain_bytes,
        data_sha256=data.sha256,
        build_inputs_digest=digest,
        rows=report.data.rows,
        positives=report.classes[1].rows if binary else None,
        signature=report.signature,
        metrics=told_to_operator(report.metrics, report.evaluation),
        confusion_matrix=report.confusion_matrix,
        runtime=report.runtime,
        reductions=report.reductions,
        notes=report.notes,
    )
