"""The stage of a build that takes a foreign model in place of training one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import sklearn
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from model_builder.classes import natural
from model_builder.columns import class_name
from model_builder.compression.encode import form_for
from model_builder.compression.given import UnreadableTreesError
from model_builder.compute.local import LOCAL
from model_builder.compute.ports import Compute
from model_builder.errors import BuilderError, Reason, listed, shown
from model_builder.estimators import STEP
from model_builder.export import export
from model_builder.frontend import front_end
from model_builder.imports.files import ModelFile
from model_builder.imports.foreign_trees import as_trees
from model_builder.imports.onnx_trees import has_trees
from model_builder.imports.order import reorder
from model_builder.imports.probe import open_onnx, probe
from model_builder.imports.skops_check import read_skops, written_by
from model_builder.modelling import Selected
from model_builder.parity import Model
from model_builder.progress import Progress
from model_builder.report import Signature
from model_builder.shrinking import shrink
from model_builder.spec import BuildSpec
from model_builder.spec.importing import Import
from model_builder.stages import Fitted, Prepared
from model_builder.threshold import choose_threshold

THRESHOLD = 0.5
ASKED_ROWS = 10_000
"""Rows on which a model's answers are looked at before anything else is done with it."""

Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class _Taken:
    """A foreign model as an estimator, with its classes in the signature's order."""

    pipeline: Pipeline
    name: str
    notes: tuple[str, ...]


def fit_imported(
    spec: BuildSpec, prepared: Prepared, file: ModelFile, progress: Progress, compute: Compute = LOCAL
) -> Fitted:
    """Check, open and adapt a model file; from here on it is treated like a model that was trained here.

    Raises
    ------
    BuilderError
        Every reason of a file that is not taken in; ``ModelInputsDiffer`` and ``ModelOutputsDiffer`` with what the spec
        and the data want and what the model has.
    """
    wanted = spec.source.importing
    if wanted is None:
        raise ValueError("nothing is imported")
    table, labels, rows = prepared.table, prepared.labels, prepared.split.fit
    matrix = table.data.take(rows).matrix()
    with progress.step("import", f"Checking and trying {file.bytes:,} bytes of {wanted.format}") as step:
        kind = probe(file.path)
        _check_format(wanted, kind)
        content = file.path.read_bytes()
        _check_columns(wanted, table.names, table.categorical)
        taken = _onnx(content, wanted, labels.classes, matrix) if kind == "onnx" else None
        taken = taken or _skops(content, wanted, labels.classes, matrix)
        _check_answers(taken.pipeline, matrix[:ASKED_ROWS], len(labels.classes))
        step.done(taken.name)
    for note in taken.notes:
        progress.note(note)
    threshold, selected = _threshold(spec, wanted, taken, matrix, labels.codes[rows])
    signature = Signature.of(table.names, labels.classes, threshold if labels.binary else None)
    form = form_for(spec.runtime.onnxruntime)
    with progress.step("export", "Writing the model file") as step:
        exported = export(taken.pipeline, signature, (), form)
        step.done(f"{len(exported.model):,} bytes", bytes=len(exported.model))
    groups = prepared.order.take(rows).groups
    front, plain = front_end(signature, ()), exported.plain_bytes
    small = shrink(spec, taken.pipeline, matrix, labels.codes[rows], groups, signature, front, plain, progress, compute)
    if small.lossy:
        exported = export(taken.pipeline, signature, (), form, small.ensemble)
    notes = (*taken.notes, "no row was fitted on here: what is not held out served the threshold and compression only")
    model = Model(exported.model, signature)
    return Fitted(selected, taken.pipeline, signature, exported, model, small, origin=taken.name, notes=notes)


def _threshold(
    spec: BuildSpec, wanted: Import, taken: _Taken, matrix: Matrix, codes: npt.NDArray[np.int64]
) -> tuple[float, Selected]:
    deciding = spec.validation.decision_threshold
    selected = Selected(taken.name)
    if wanted.threshold is not None:
        return wanted.threshold, selected
    if deciding is None:
        return THRESHOLD, selected
    threshold = choose_threshold(codes, taken.pipeline.predict_proba(matrix)[:, 1], deciding)
    return threshold, Selected(taken.name, threshold=threshold)


def _onnx(content: bytes, wanted: Import, classes: tuple[str, ...], matrix: Matrix) -> _Taken:
    model = open_onnx(content)
    _check_width(model.shape.width, wanted)
    told, note = _told_classes(wanted, model.shape.classes, model.columns, classes)
    notes = [note] if note else []
    order = _order(told, classes, model.columns)
    model.order = None if order == tuple(range(len(order))) else order
    holes = np.full((1, matrix.shape[1]), np.nan, np.float32)
    if np.isnan(model.predict_proba(holes)).any():
        model.medians = _medians(matrix)
        notes.append("the model knows no missing values: the median of the data stands in for one")
    if has_trees(model.model):
        try:
            model = as_trees(model, matrix)
        except UnreadableTreesError as error:
            notes.append(f"the graph is served as it came, since its trees are not our own: {error}")
    return _Taken(Pipeline([(STEP, model)]), "imported ONNX", tuple(notes))


def _skops(content: bytes, wanted: Import, classes: tuple[str, ...], matrix: Matrix) -> _Taken:
    found: Any = read_skops(content)
    steps = list(found.steps) if isinstance(found, Pipeline) else [(STEP, found)]
    before, last = steps[:-1], steps[-1][1]
    _check_width(int((before[0][1] if before else last).n_features_in_), wanted)
    _check_names(getattr(before[0][1] if before else last, "feature_names_in_", None), wanted)
    told, note = _told_classes(
        wanted, tuple(class_name(_text(each)) for each in last.classes_), len(last.classes_), classes
    )
    notes = [note] if note else []
    if (version := written_by(content)) not in ("", sklearn.__version__):
        notes.append(f"the file was written by scikit-learn {version}, and read by {sklearn.__version__}")
    reorder(last, _order(told, classes, len(last.classes_)))
    if hasattr(last, "n_jobs"):
        last.n_jobs = 1
    pipeline = Pipeline([*before, (STEP, last)])
    if not _knows_missing(pipeline, matrix):
        imputer = SimpleImputer(strategy="median", keep_empty_features=True).fit(matrix)
        imputer.statistics_ = imputer.statistics_.astype(np.float32)
        pipeline = Pipeline([("imputer", imputer), *before, (STEP, last)])
        notes.append("the model knows no missing values: the median of the data stands in for one")
    return _Taken(pipeline, f"imported {type(last).__name__}", tuple(notes))


def _text(value: object) -> str:
    plain = value.item() if isinstance(value, np.generic) else value
    return str(int(plain)) if isinstance(plain, float) and plain.is_integer() else str(plain)


def _knows_missing(pipeline: Pipeline, matrix: Matrix) -> bool:
    holes = matrix[:1].repeat(matrix.shape[1] + 1, axis=0)
    holes[0] = np.nan
    holes[np.arange(1, len(holes)), np.arange(matrix.shape[1])] = np.nan
    try:
        with threadpool_limits(limits=1):
            return not np.isnan(pipeline.predict_proba(holes)).any()
    except ValueError:
        return False


def _medians(matrix: Matrix) -> Matrix:
    empty = np.isnan(matrix).all(axis=0)
    known = np.where(empty, np.float32(0), matrix)
    return np.asarray(np.nanmedian(known, axis=0), np.float32)


def _told_classes(
    wanted: Import, told: tuple[str, ...] | None, columns: int, classes: tuple[str, ...]
) -> tuple[tuple[str, ...], str]:
    """Give the classes in the order of the model's output, and what was decided without being told."""
    if wanted.classes:
        asked = tuple(class_name(each) for each in wanted.classes)
        if told is not None and set(told) == set(asked) and told != asked:
            raise _outputs(f"classes {listed(told)}", f"classes {listed(asked)}, as spec.source.import.classes says")
        return asked, ""
    if told is not None and set(told) == set(classes):
        return told, ""
    if told is not None and len(told) == columns and not _numbered(told):
        raise _outputs(f"classes {listed(told)}", f"classes {listed(classes)}, as the data has")
    if columns == 1:
        return classes, ""
    ordered = tuple(sorted(classes, key=natural))
    return ordered, f"the model does not name its classes: taken in their natural order, {listed(ordered)}"


def _numbered(told: tuple[str, ...]) -> bool:
    """Say whether names are mere places, as an export without labels writes them."""
    return told == tuple(str(index) for index in range(len(told)))


def _order(told: tuple[str, ...], classes: tuple[str, ...], columns: int) -> tuple[int, ...]:
    if set(told) != set(classes):
        raise _outputs(f"classes {listed(told)}", f"classes {listed(classes)}, as the data has")
    if columns not in (len(classes), 1) or (columns == 1 and len(classes) != 2):
        raise _outputs(f"{columns} columns", f"{len(classes)} columns, one for each of {listed(classes)}")
    return tuple(told.index(name) for name in classes)


def _check_format(wanted: Import, kind: str) -> None:
    if wanted.format not in ("mlflow", kind):
        raise BuilderError(
            Reason.UNKNOWN_MODEL_FORMAT,
            f"the spec says {wanted.format}, and the file is {kind} by its content",
            found=kind,
            allowed=wanted.format,
            remedy=f"set spec.source.import.format to {kind}, or give the file that was meant",
        )


def _check_columns(wanted: Import, names: tuple[str, ...], categorical: tuple[str, ...]) -> None:
    if categorical:
        raise _inputs(f"columns of text: {listed(categorical)}", "columns of numbers")
    if names != wanted.features:
        raise _inputs(f"columns {listed(names)} in the data", f"columns {listed(wanted.features)}")


def _check_width(width: int | None, wanted: Import) -> None:
    if width is not None and width != len(wanted.features):
        given = f"the {len(wanted.features)} columns of spec.source.import.features: {listed(wanted.features)}"
        raise _inputs(f"{width} columns in the model", given)


def _check_names(told: Any, wanted: Import) -> None:  # noqa: ANN401
    names = None if told is None else tuple(str(name) for name in told)
    if names is not None and names != wanted.features:
        place = next(i for i, (one, other) in enumerate(zip(names, wanted.features, strict=True)) if one != other)
        expected = f"{shown(wanted.features[place])} in place {place + 1}, as spec.source.import.features says"
        raise _inputs(f"{shown(names[place])} in place {place + 1} of the model's columns {listed(names)}", expected)


def _check_answers(pipeline: Pipeline, matrix: Matrix, classes: int) -> None:
    with threadpool_limits(limits=1):
        said = np.asarray(pipeline.predict_proba(matrix), np.float64)
    if said.shape != (len(matrix), classes):
        raise _outputs(f"{said.shape[1]} columns", f"{classes} columns")
    if np.isnan(said).any():
        row = int(np.flatnonzero(np.isnan(said).any(axis=1))[0])
        raise _outputs(f"NaN for row {row} of the data", "a probability for every row")
    low, high, sums = float(said.min()), float(said.max()), said.sum(axis=1)
    if low < -1e-5 or high > 1 + 1e-5 or np.abs(sums - 1).max() > 1e-3:
        found = f"numbers from {low:.4g} to {high:.4g}, sums of a row from {sums.min():.4g} to {sums.max():.4g}"
        raise _outputs(found, "probabilities: from 0 to 1, those of a row adding up to 1")


def _inputs(found: str, expected: str) -> BuilderError:
    return BuilderError(
        Reason.MODEL_INPUTS_DIFFER,
        f"the model's inputs are not what was asked for: expected {expected}; got {found}",
        found=found,
        allowed=expected,
        remedy="give spec.source.import.features as the model was trained, in that order, or export the model anew",
    )


def _outputs(found: str, expected: str) -> BuilderError:
    return BuilderError(
        Reason.MODEL_OUTPUTS_DIFFER,
        f"the model's outputs are not what was asked for: expected {expected}; got {found}",
        found=found,
        allowed=expected,
        remedy="correct spec.source.import.classes or target, or end the model with a Sigmoid or Softmax",
    )
