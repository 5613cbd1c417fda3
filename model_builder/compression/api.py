"""Compression as one call, for notebooks."""

from __future__ import annotations

import gzip
import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from model_builder.compression.encode import encode, form_for
from model_builder.compression.ensemble import Ensemble, Rows
from model_builder.compression.fitted import from_sklearn
from model_builder.compression.passes import Chain
from model_builder.compression.report import CandidateFacts, CompressionReport
from model_builder.compression.search import Budget, Found, Progress, Search, Trial
from model_builder.report import Reduction, Signature

Interactions = Literal["Off", "Auto"]


@dataclass(frozen=True, eq=False)
class Compressed:
    """A compressed model: the file, how it came to be, and the ensemble in it."""

    onnx: bytes
    report: CompressionReport
    signature: Signature
    ensemble: Ensemble

    def _repr_html_(self) -> str:
        """Show steps and candidates as tables, for notebooks."""
        report = self.report
        steps = [
            [each.step, each.detail, f"{each.bytes_before:,}", f"{each.bytes_after:,}", f"{each.splits_after:,}"]
            for each in report.reductions
        ]
        front = [
            [
                each.name,
                f"{each.bytes:,}",
                *(f"{100 * value:+.1f}" for value in (each.macro_f1, each.best_f1, each.average_precision)),
                "yes" if each.equal else "no",
            ]
            for each in report.front
        ]
        text = f"<p><b>{report.bytes:,} bytes</b> ({report.gzip_bytes:,} gzip): {html.escape(report.why)}.</p>"
        text += _table(["step", "what", "bytes before", "bytes after", "splits"], steps)
        if front:
            header = ["candidate", "bytes", "macro-F1", "best F1", "average precision", "as good"]
            text += "<p>Points gained over the forest, mean over the folds:</p>" + _table(header, front)
        return text


def compress(
    forest: Any,  # noqa: ANN401 (scikit-learn publishes no types)
    X: npt.ArrayLike,  # noqa: N803 (scikit-learn's name)
    y: npt.ArrayLike,
    *,
    budget: Budget | None = None,
    interactions: Interactions = "Off",
    feature_names: Sequence[str] | None = None,
    groups: npt.ArrayLike | None = None,
    onnxruntime: str = "1.21",
    seed: int = 0,
    limit_s: float | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Compressed:
    """Make a fitted forest as small as can be defended.

    Parameters
    ----------
    forest
        A fitted classifier that ``from_sklearn`` reads: random forest, extra trees, decision tree, gradient boosting.
    X, y
        The rows that it was fitted on, shape (rows, features), and their classes. They decide whether a smaller model
        is as good, so give all of them, but not those that you will test on.
    budget
        Largest loss, and largest file if that matters; half a point of macro-F1, best F1 and average precision alike.
    interactions
        ``Auto`` lets candidates use products and differences of columns, computed in the file.
    groups
        What each row belongs to (a machine, an order); rows of one never stand on both sides of a split.
    onnxruntime
        Oldest version of ONNX Runtime that must load the file.
    limit_s
        Seconds after which the search stops with the best so far.

    Returns
    -------
    Compressed
        With ``onnx``, ``report``, ``signature`` and ``ensemble``; a notebook shows it as tables.

    Raises
    ------
    UnsupportedEstimatorError
        Where ``forest`` is not an ensemble of trees.

    Examples
    --------
    >>> small = compress(forest, X, y, interactions="Auto")  # doctest: +SKIP
    >>> Path("fault.onnx").write_bytes(small.onnx)  # doctest: +SKIP
    """
    rows: Rows = np.ascontiguousarray(X, np.float32)
    codes = np.searchsorted(forest.classes_, np.asarray(y)).astype(np.int64)
    names = tuple(feature_names) if feature_names is not None else _names(forest, rows.shape[1])
    classes = tuple(str(each) for each in forest.classes_)
    signature = Signature.of(names, classes, 0.5 if len(classes) == 2 else None)
    form = form_for(onnxruntime)
    search = Search(
        forest,
        rows,
        codes,
        signature,
        budget=budget or Budget(),
        interactions=interactions == "Auto",
        groups=None if groups is None else np.asarray(groups),
        form=form,
        seed=seed,
        limit_s=limit_s,
        on_progress=on_progress,
    )
    found = search.run()
    plain = plain_bytes(forest, rows.shape[1])
    original = from_sklearn(forest)
    lossless = len(encode(original, signature, form))
    chain = Chain(original, lambda ensemble: len(encode(ensemble, signature, form)), plain or lossless)
    chain.then("encode", original, f"our own encoder, {form.name}")
    if found.chosen.variant is not None:
        chain.then("search", search.ensemble(found.chosen), found.chosen.name)
    model = encode(chain.ensemble, signature, form)
    report = compression_report(found, model, plain, tuple(chain.reductions))
    return Compressed(model, report, signature, chain.ensemble)


def compression_report(
    found: Found, model: bytes, plain: int | None, reductions: tuple[Reduction, ...]
) -> CompressionReport:
    """Write down what the search found."""
    return CompressionReport(
        bytes=len(model),
        gzip_bytes=len(gzip.compress(model, 9, mtime=0)),
        plain_bytes=plain,
        chosen=found.chosen.name,
        why=found.why,
        reductions=reductions,
        front=tuple(_facts(trial) for trial in found.front),
        folds=found.folds,
        stopped_early=found.stopped_early,
    )


def plain_bytes(estimator: Any, features: int) -> int | None:  # noqa: ANN401
    """Give the size of the plain skl2onnx export; None where it cannot write the estimator."""
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType
    from skl2onnx.common.exceptions import MissingShapeCalculator

    try:
        plain = to_onnx(
            estimator, initial_types=[("numeric", FloatTensorType([None, features]))], options={"zipmap": False}
        )
    except (MissingShapeCalculator, NameError, NotImplementedError):
        return None
    return len(plain.SerializeToString())


def _facts(trial: Trial) -> CandidateFacts:
    verdict = trial.verdict
    return CandidateFacts(
        name=trial.name,
        bytes=trial.bytes,
        equal=trial.surely,
        macro_f1=_rounded(verdict.macro_f1.mean),
        macro_f1_low=_rounded(verdict.macro_f1.low),
        best_f1=_rounded(verdict.best_f1.mean),
        best_f1_low=_rounded(verdict.best_f1.low),
        average_precision=_rounded(verdict.average_precision.mean),
        average_precision_low=_rounded(verdict.average_precision.low),
        brier=_rounded(verdict.brier.mean),
    )


def _rounded(value: float) -> float:
    return round(value, 5)


def _names(forest: Any, width: int) -> tuple[str, ...]:  # noqa: ANN401
    known = getattr(forest, "feature_names_in_", None)
    return tuple(str(name) for name in known) if known is not None else tuple(f"x{index}" for index in range(width))


def _table(header: list[str], rows: list[list[str]]) -> str:
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in header)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
