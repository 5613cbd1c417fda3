"""Gathers what the steps of a build found into the artifact's report."""

from __future__ import annotations

from importlib.metadata import version

import numpy as np

from model_builder.categories import UNKNOWN
from model_builder.classes import Labels
from model_builder.column_facts import column_facts
from model_builder.crossval import Estimate
from model_builder.estimators import importances, size
from model_builder.judgement_facts import evaluation_facts, gate_facts
from model_builder.metrics import confusion, measure
from model_builder.model_report import (
    CandidateFacts,
    CategoryFacts,
    ClassFacts,
    DataFacts,
    ExplanationFacts,
    Importance,
    IntervalFacts,
    LeftOutColumn,
    ModelReport,
    ParityFacts,
    SelectionFacts,
    SplitFacts,
)
from model_builder.modelling import Selected
from model_builder.parity import TOLERANCE, Parity
from model_builder.reading import Table
from model_builder.report import Runtime
from model_builder.runtime import VERSION
from model_builder.sources import LocalData
from model_builder.spec import BuildSpec
from model_builder.splitting import Split
from model_builder.stages import Fitted, Judgement, Prepared, Proven

LIBRARIES = ("numpy", "onnx", "onnxruntime", "pyarrow", "scikit-learn", "skl2onnx")


def model_report(
    spec: BuildSpec,
    data: LocalData,
    prepared: Prepared,
    fitted: Fitted,
    proven: Proven,
    judged: Judgement,
    explanation: ExplanationFacts | None = None,
) -> ModelReport:
    """Write down everything that is known of a model."""
    table, split = prepared.table, prepared.split
    trees, nodes = _size(fitted)
    return ModelReport(
        name=spec.name,
        target=spec.source.train.target,
        estimator=fitted.origin or fitted.selected.name,
        trees=trees,
        nodes=nodes,
        selection=_selection_facts(fitted.selected),
        data=_data_facts(data, table),
        classes=_class_facts(prepared.labels, split),
        split=SplitFacts(
            method=split.method,
            seed=spec.source.train.seed,
            fitted_rows=len(split.fit),
            held_out_rows=len(split.held_out),
        ),
        signature=fitted.signature,
        metrics=measure(prepared.held_out_codes, proven.held_out, fitted.signature),
        confusion_matrix=confusion(prepared.held_out_codes, proven.held_out, fitted.signature),
        evaluation=evaluation_facts(judged.held_out, fitted.signature),
        independent=None if judged.independent is None else evaluation_facts(judged.independent, fitted.signature),
        gates=gate_facts(judged.verdicts),
        parity=_parity_facts(proven.parity, table),
        categories=tuple(CategoryFacts(name=each.name, values=each.values) for each in table.data.categories),
        importances=_importances(table, fitted),
        columns=column_facts(table),
        explanation=explanation,
        contributions=fitted.contributions,
        bytes=len(fitted.exported.model),
        plain_bytes=fitted.exported.plain_bytes,
        runtime=Runtime(
            onnxruntime=VERSION,
            opset=fitted.exported.opset,
            ml_opset=fitted.exported.ml_opset,
            ir_version=fitted.exported.ir_version,
        ),
        libraries={name: version(name) for name in _libraries(fitted)},
        reductions=fitted.small.reductions,
        compression=fitted.small.found,
        uncompressed=judged.uncompressed,
        notes=(*prepared.notes, *_decided(fitted.selected), *fitted.small.notes, *fitted.notes, *_exported(fitted)),
    )


def _libraries(fitted: Fitted) -> tuple[str, ...]:
    return (*LIBRARIES, "lightgbm") if fitted.selected.name == "lightgbm" else LIBRARIES


def _size(fitted: Fitted) -> tuple[int, int]:
    ensemble = fitted.small.ensemble
    if ensemble is None:
        return size(fitted.pipeline)
    return len(ensemble.trees), sum(len(tree.feature) for tree in ensemble.trees)


def _exported(fitted: Fitted) -> tuple[str, ...]:
    return (fitted.exported.note,) if fitted.exported.note else ()


def _decided(selected: Selected) -> tuple[str, ...]:
    choice, told = selected.choice, []
    if choice is not None and len(choice.candidates) > 1:
        told.append(choice.why)
    if selected.threshold is not None:
        told.append(f"a score of {selected.threshold:g} or more is called a fault, as chosen on inner folds")
    return tuple(told)


def _selection_facts(selected: Selected) -> SelectionFacts | None:
    choice, folded = selected.choice, selected.folded
    if choice is None or folded is None or selected.codes is None:
        return None
    return SelectionFacts(
        chosen=choice.chosen,
        why=choice.why,
        metric=choice.metric,
        rows=len(selected.codes),
        folds=folded.count,
        repeats=folded.repeats,
        candidates=tuple(
            CandidateFacts(
                name=each.name,
                bytes=each.bytes,
                equal=each.equal,
                scores={metric: _interval(value) for metric, value in each.scores.items()},
                differences={metric: _interval(value) for metric, value in each.differences.items()},
            )
            for each in choice.candidates
        ),
    )


def _interval(value: Estimate) -> IntervalFacts:
    low, high, error = (
        None if not np.isfinite(each) else round(each, 6) for each in (value.low, value.high, value.error)
    )
    return IntervalFacts(value=round(value.mean, 6), low=low, high=high, error=error)


def _importances(table: Table, fitted: Fitted) -> tuple[Importance, ...]:
    values = importances(fitted.pipeline)
    if values is None:
        return ()
    numbers = len(table.names)
    found = list(zip(table.names, values[:numbers], strict=True))
    start = numbers
    for category in table.data.categories:
        end = start + len(category.values)
        found.append((category.name, values[start:end].sum()))
        start = end
    return tuple(Importance(name=name, value=round(float(value), 6)) for name, value in found)


def _parity_facts(parity: Parity, table: Table) -> ParityFacts:
    return ParityFacts(
        rows=parity.rows,
        max_score_error=parity.max_score_error,
        worst_row=int(table.rows[parity.worst_index]),
        label_differences=parity.label_differences,
        tolerance=TOLERANCE,
    )


def _data_facts(data: LocalData, table: Table) -> DataFacts:
    return DataFacts(
        sha256=data.sha256,
        format=data.format,
        delimiter=table.delimiter,
        decimal_mark=table.decimal_mark,
        rows=len(table.rows),
        rows_in_file=table.rows_in_file,
        columns=table.columns,
        empty_rows=table.empty_rows,
        missing_values=int(np.isnan(table.features).sum() + (table.data.codes == UNKNOWN).sum()),
        left_out=tuple(LeftOutColumn(name=column.name, why=column.why) for column in table.left_out),
    )


def _class_facts(labels: Labels, split: Split) -> tuple[ClassFacts, ...]:
    held_out = np.bincount(labels.codes[split.held_out], minlength=len(labels.classes))
    return tuple(
        ClassFacts(name=name, rows=rows, held_out_rows=int(held))
        for name, rows, held in zip(labels.classes, labels.counts, held_out, strict=True)
    )
