"""Compares the estimators that were asked for and takes one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from model_builder.categories import Rows
from model_builder.compression.encode import form_for
from model_builder.compute.local import LOCAL
from model_builder.compute.ports import Compute
from model_builder.crossval import MAX_ROWS, Floats, Folds, Judged, judge, make_folds, pooled
from model_builder.estimators import fit
from model_builder.export import export
from model_builder.progress import Progress
from model_builder.report import Signature
from model_builder.selection import Choice, choose
from model_builder.spec import BuildSpec, CrossValidation
from model_builder.spec.params import EstimatorName, Params
from model_builder.splitting import Indices, Order
from model_builder.threshold import choose_threshold


@dataclass(frozen=True, eq=False)
class Selected:
    """The estimator that is trained, and how it did in cross-validation, where there was one."""

    name: str
    choice: Choice | None = None
    folded: Folds | None = None
    judged: Judged | None = None
    codes: Indices | None = None
    threshold: float | None = None


@dataclass(frozen=True, eq=False)
class Task:
    """An estimator to be fitted on folds of rows; ``columns`` is the number of features before texts are spread out."""

    name: EstimatorName
    params: Params
    seed: int
    matrix: npt.NDArray[np.float32]
    codes: Indices
    columns: int


def select(
    spec: BuildSpec,
    data: Rows,
    codes: Indices,
    order: Order,
    signature: Signature,
    progress: Progress,
    compute: Compute = LOCAL,
) -> Selected:
    """Choose an estimator on the rows that are not held out.

    Parameters
    ----------
    data, codes, order
        Those rows only.
    compute
        Where estimators are fitted on folds.
    """
    train = spec.source.train
    wanted = spec.validation.cross_validation
    deciding = spec.validation.decision_threshold
    if wanted is None and deciding is None and len(train.estimators) == 1:
        return Selected(train.estimators[0])
    settings = wanted or CrossValidation()
    if len(data) > MAX_ROWS:
        chosen = np.sort(np.random.RandomState(train.seed).permutation(len(data))[:MAX_ROWS])
        data, codes, order = data.take(chosen), codes[chosen], order.take(chosen)
    folded = make_folds(codes, order, settings.folds, settings.repeats, train.seed)
    columns = data.numeric.shape[1] + data.codes.shape[1]
    judged: dict[str, Judged] = {}
    sizes: dict[str, int] = {}
    for name in train.estimators:
        with progress.step("compare", f"Judging {name} on {len(folded.cuts)} folds of {len(data):,} rows") as step:
            task = Task(name, train.params, train.seed, data.matrix(), codes, columns)
            told = lambda done: step.far(f"fold {done} of {len(folded.cuts)}")  # noqa: E731 (used at once)
            judged[name] = judge(folded, codes, tuple(compute.map(fit_and_score, task, folded.cuts, told)))
            sizes[name] = _size(name, spec, data, codes, folded, signature)
            step.done(", ".join(f"{metric} {values.mean():.3f}" for metric, values in judged[name].scores.items()))
    choice = choose(judged, sizes, folded)
    name = next(each for each in train.estimators if each == choice.chosen)
    threshold = None
    if deciding is not None:
        actual, scores = zip(*pooled(folded, codes, judged[name]), strict=True)
        threshold = choose_threshold(np.concatenate(actual), np.concatenate(scores)[:, 1], deciding)
        progress.note(
            f"a score of {threshold:g} or more is called a fault: best for {deciding.optimize} on inner folds"
        )
    return Selected(name, choice, folded, judged[name], codes, threshold)


def fit_and_score(task: Task, cut: tuple[Indices, Indices]) -> Floats:
    """Fit an estimator on some rows and give the probabilities, of shape (rows, classes), of others."""
    rows, judged = cut
    with threadpool_limits(limits=1):
        pipeline = fit(task.name, task.params, task.matrix[rows], task.codes[rows], task.seed, task.columns)
        return np.asarray(pipeline.predict_proba(task.matrix[judged]), np.float64)


def _size(name: EstimatorName, spec: BuildSpec, data: Rows, codes: Indices, folded: Folds, signature: Signature) -> int:
    rows, _ = folded.cuts[0]
    columns = data.numeric.shape[1] + data.codes.shape[1]
    pipeline = fit(name, spec.source.train.params, data.take(rows).matrix(), codes[rows], 0, columns)
    return len(export(pipeline, signature, data.categories, form_for(spec.runtime.onnxruntime)).model)
