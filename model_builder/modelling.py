"""Compares the estimators that were asked for and takes one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from model_builder.categories import Rows
from model_builder.compression.encode import form_for
from model_builder.crossval import MAX_ROWS, FitAndScore, Floats, Folds, Judged, judge, make_folds, pooled
from model_builder.estimators import fit
from model_builder.export import export
from model_builder.progress import Progress
from model_builder.report import Signature
from model_builder.selection import Choice, choose
from model_builder.spec import BuildSpec, CrossValidation
from model_builder.spec.params import EstimatorName
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


def select(
    spec: BuildSpec, data: Rows, codes: Indices, order: Order, signature: Signature, progress: Progress
) -> Selected:
    """Choose an estimator on the rows that are not held out.

    Parameters
    ----------
    data, codes, order
        Those rows only.
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
    judged: dict[str, Judged] = {}
    sizes: dict[str, int] = {}
    for name in train.estimators:
        with progress.step("compare", f"Judging {name} on {len(folded.cuts)} folds of {len(data):,} rows") as step:
            judged[name] = judge(folded, codes, _fit_and_score(name, spec, data, codes))
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


def _fit_and_score(name: EstimatorName, spec: BuildSpec, data: Rows, codes: Indices) -> FitAndScore:
    train = spec.source.train
    matrix = data.matrix()
    columns = data.numeric.shape[1] + data.codes.shape[1]

    def run(rows: Indices, judged: Indices) -> Floats:
        with threadpool_limits(limits=1):
            pipeline = fit(name, train.params, matrix[rows], codes[rows], train.seed, columns)
            return np.asarray(pipeline.predict_proba(matrix[judged]), np.float64)

    return run


def _size(name: EstimatorName, spec: BuildSpec, data: Rows, codes: Indices, folded: Folds, signature: Signature) -> int:
    rows, _ = folded.cuts[0]
    columns = data.numeric.shape[1] + data.codes.shape[1]
    pipeline = fit(name, spec.source.train.params, data.take(rows).matrix(), codes[rows], 0, columns)
    return len(export(pipeline, signature, data.categories, form_for(spec.runtime.onnxruntime)).model)
