"""Scores requests to one model with the versions that serve, and compares the answers row by row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import structlog

from model_monitor.envelope import Envelope, Version
from model_monitor.logs import Seldom
from model_monitor.models import Answers, Model
from model_monitor.tensors import Rows, joined

_log = structlog.get_logger(__name__)
_seldom = Seldom()

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Judged:
    """One version's answers.

    Attributes
    ----------
    alarm
        Array of shape (rows,): whether an alarm was raised; an invalid answer raises none.
    """

    version: Version
    model: Model
    answers: Answers
    alarm: Bools

    @property
    def valid(self) -> Bools:
        """Whether each answer is one."""
        return self.answers.classes >= 0


@dataclass(frozen=True, eq=False)
class Scored:
    """Requests to one model under the same versions, their rows below each other.

    Attributes
    ----------
    request_of, row_of
        Arrays of shape (rows,): which of the requests a row came with, and its place in that.
    differ
        Array of shape (rows,): whether the versions answered differently; only with a candidate.
    """

    requests: list[Envelope]
    rows: Rows
    request_of: npt.NDArray[np.int64]
    row_of: npt.NDArray[np.int64]
    old: Judged
    new: Judged | None
    differ: Bools | None

    @property
    def model(self) -> str:
        """Name of the model."""
        return self.requests[0].model


def score(requests: list[tuple[Envelope, Rows]], old: Model, new: Model | None) -> Scored:
    """Score requests that were mirrored under the same versions.

    Parameters
    ----------
    new
        The candidate's model; None where there is no candidate.

    Returns
    -------
    Scored
        A request that a version cannot answer has invalid answers of that version, and of that version alone.
    """
    envelopes = [envelope for envelope, _ in requests]
    parts = [part for _, part in requests]
    lengths = [len(part) for part in parts]
    rows = joined(parts)
    first = envelopes[0]
    judged = _judged(first.stable, old, _answered(old, parts, first.model, first.stable), old.normal)
    compared = None
    if new is not None and first.candidate is not None:
        compared = _judged(
            first.candidate, new, _of_candidate(new, old, parts, first.model, first.candidate), old.normal
        )
    return Scored(
        envelopes,
        rows,
        np.repeat(np.arange(len(lengths)), lengths),
        np.concatenate([np.arange(length) for length in lengths]),
        judged,
        compared,
        None if compared is None else _differ(judged, compared),
    )


def _of_candidate(new: Model, old: Model, parts: list[Rows], name: str, version: Version) -> Answers:
    """Ask the candidate; what was sent to the version that serves may be none that it takes."""
    if (new.signature.numeric, new.signature.categorical) == (old.signature.numeric, old.signature.categorical):
        return _answered(new, parts, name, version)
    if _seldom.due("columns"):
        _log.warning("the candidate takes other columns", model=name)
    return _none(parts)


def _answered(model: Model, parts: list[Rows], name: str, version: Version) -> Answers:
    """Ask for the rows of several requests at once, and where that fails for halves of them.

    So only the requests that cannot be answered are without an answer, and not those that came beside them. That a
    version cannot answer is evidence against it, not an error of ours.
    """
    try:
        return model.answer(joined(parts))
    except Exception as error:  # noqa: BLE001 (ONNX Runtime raises types of its own)
        if len(parts) == 1:
            if _seldom.due(f"fails {version.digest}"):
                _log.warning(
                    "a version fails",
                    model=name,
                    version=version.number,
                    digest=version.digest,
                    error=type(error).__name__,
                )
            return _none(parts)
    middle = len(parts) // 2
    halves = [_answered(model, half, name, version) for half in (parts[:middle], parts[middle:])]
    return Answers(
        np.concatenate([half.alarm_scores for half in halves]), np.concatenate([half.classes for half in halves])
    )


def _none(parts: list[Rows]) -> Answers:
    rows = sum(len(part) for part in parts)
    return Answers(np.full(rows, np.nan), np.full(rows, -1))


def _judged(version: Version, model: Model, answers: Answers, normal: str) -> Judged:
    alarming = np.array([name != normal for name in model.signature.classes] + [False])
    return Judged(version, model, answers, alarming[answers.classes])


def _differ(old: Judged, new: Judged) -> Bools:
    if old.model.signature.classes == new.model.signature.classes:
        return np.asarray(old.answers.classes != new.answers.classes)
    # Classes in another order: by name.
    names = {name: index for index, name in enumerate(old.model.signature.classes)}
    translated = [names.get(name, len(names) + index) for index, name in enumerate(new.model.signature.classes)]
    return np.asarray(old.answers.classes != np.array([*translated, -1])[new.answers.classes])
