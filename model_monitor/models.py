"""The models that requests are scored with: loaded by digest from the store, checked, the last few kept."""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from model_builder.contract import FAULT, LABEL, PROBABILITIES, SCORE
from model_builder.errors import BuilderError, Reason, listed
from model_builder.report import Signature
from model_builder.runtime import PATHS_ONLY, open_session
from model_builder.store import read_artifact
from model_monitor.slicing import SliceColumn, slice_columns
from model_monitor.tensors import Rows

KEPT = 16
ROUNDING = 1e-4
"""How far a probability in float32 may lie beside 0 to 1 by rounding."""
RETRY_SECONDS = 15.0
"""How long a model that could not be loaded is not asked for again."""


@dataclass(frozen=True, eq=False)
class Answers:
    """What a model says of rows.

    Attributes
    ----------
    alarm_scores
        Array of shape (rows,), float64: the probability that the row is none of the normal class.
    classes
        Array of shape (rows,), int64: indices into the signature's classes; -1 where there is no valid answer.
    """

    alarm_scores: npt.NDArray[np.float64]
    classes: npt.NDArray[np.int64]


class Model:
    """A version of a model in ONNX Runtime.

    Attributes
    ----------
    normal
        Name of the class that is no alarm.
    baseline
        What the build recorded of its data, for whoever watches for drift.
    slices
        The columns that the build told its scores by, as far as they are inputs.
    """

    def __init__(
        self, content: bytes, signature: Signature, baseline: dict[str, Any], slices: tuple[SliceColumn, ...] = ()
    ) -> None:
        self._session = open_session(content)
        self._outputs = [PROBABILITIES, LABEL] if signature.threshold is None else [SCORE, FAULT]
        self.signature = signature
        self.baseline = baseline
        self.slices = slices
        self.normal = normal_class(signature, baseline)

    def answer(self, rows: Rows) -> Answers:
        """Score rows. A row without a valid answer (not a number, no probability) has class -1 and score NaN."""
        said, called = self._session.run(self._outputs, rows.inputs(), PATHS_ONLY)
        labels = np.asarray(called).reshape(-1).astype(np.int64)
        scores, sound = probabilities(np.asarray(said, np.float64).reshape(len(rows), -1))
        valid = sound & (labels >= 0) & (labels < len(self.signature.classes))
        if self.signature.threshold is not None:
            alarm = scores[:, 0]
        else:
            alarm = 1.0 - scores[:, self.signature.classes.index(self.normal)]
        return Answers(np.where(valid, alarm, np.nan), np.where(valid, labels, -1))


def probabilities(scores: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Tell scores that are probabilities from those that are none, and bring the former into 0 to 1.

    Parameters
    ----------
    scores
        Array of shape (rows, scores). A mean over trees in float32 may come out some millionths over 1: thirty times
        1/30 does.

    Returns
    -------
    scores, valid
        The first within 0 to 1 where it is valid, the second of shape (rows,).
    """
    valid = ((scores >= -ROUNDING) & (scores <= 1 + ROUNDING)).all(axis=1)
    return np.clip(scores, 0.0, 1.0), np.asarray(valid)


def normal_class(signature: Signature, baseline: dict[str, Any]) -> str:
    """Name the class that is no alarm: of two the first, of several the one that the model gave most often.

    Several classes have no positive one. In fault prediction the normal state is what most rows are, so the class that
    most of the held-out rows were given, the first of equals, stands for it.
    """
    if len(signature.classes) == 2:
        return signature.classes[0]
    counts = list(baseline.get("scores", {}).get("labels", ()))
    return signature.classes[counts.index(max(counts)) if len(counts) == len(signature.classes) else 0]


def load(read: Callable[[str], bytes], digest: str, name: str) -> Model:
    """Bring a model from the store, every digest checked first.

    Parameters
    ----------
    read
        Reads a path of the store.

    Raises
    ------
    BuilderError
        ``DigestMismatch``, ``ArtifactNotFound`` or ``StoreUnavailable``.
    """
    contents = read_artifact(digest, read)
    path = f"repository/{name}/1/model.onnx"
    if path not in contents:
        models = sorted({each.split("/")[1] for each in contents if each.startswith("repository/")})
        raise BuilderError(
            Reason.ARTIFACT_NOT_FOUND,
            f"the artifact {digest} holds no model {name}",
            found=f"models {listed(models)}",
            allowed="the name that the artifact was built with",
            remedy="send requests through the model's own router",
        )
    signature = Signature.model_validate(json.loads(contents["golden.json"])["signature"])
    slices = slice_columns(json.loads(contents.get("report.json", b"{}")), signature)
    return Model(contents[path], signature, json.loads(contents.get("baseline.json", b"{}")), slices)


class Models:
    """The last few models, by name and digest."""

    def __init__(self, read: Callable[[str], bytes], clock: Callable[[], float] = time.monotonic) -> None:
        self._read = read
        self._clock = clock
        self._kept: OrderedDict[tuple[str, str], Model] = OrderedDict()
        self._failed: OrderedDict[tuple[str, str], tuple[float, Exception]] = OrderedDict()

    def get(self, name: str, digest: str) -> Model:
        """Give a model, loaded if need be.

        Raises
        ------
        Exception
            Whatever kept it from being loaded; told again without another try for some seconds.
        """
        key = (name, digest)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        failed = self._failed.get(key)
        if failed is not None and self._clock() - failed[0] < RETRY_SECONDS:
            raise failed[1]
        try:
            model = load(self._read, digest, name)
        except Exception as error:
            self._failed[key] = (self._clock(), error)
            _shorten(self._failed)
            raise
        self._failed.pop(key, None)
        self._kept[key] = model
        _shorten(self._kept)
        return model


def _shorten(kept: OrderedDict[Any, Any]) -> None:
    while len(kept) > KEPT:
        kept.popitem(last=False)
