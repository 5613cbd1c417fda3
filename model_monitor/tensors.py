"""The rows of a request, as both versions of a model are to see them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model_builder.report import Signature
from model_monitor.errors import MonitorError, Reason, shown

NUMERIC, CATEGORICAL = "numeric", "categorical"
"""Names of a model's inputs, as in the prediction contract."""

MAX_ROWS = 4_096
"""Of one request. The servers that Andon sets up take a quarter of it."""

Floats = npt.NDArray[np.float32]
Texts = npt.NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class Tensor:
    """One input of a request: an array of its shape, float32 or texts as objects."""

    datatype: str
    values: npt.NDArray[np.generic]


Tensors = dict[str, Tensor]


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of features.

    Attributes
    ----------
    numeric
        Array of shape (rows, numeric columns), float32; NaN where a value is missing.
    categorical
        Array of shape (rows, categorical columns) of texts; no columns where the model has none.
    """

    numeric: Floats
    categorical: Texts

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.numeric)

    def inputs(self) -> dict[str, npt.NDArray[np.generic]]:
        """Give the inputs of a model by name."""
        given: dict[str, npt.NDArray[np.generic]] = {NUMERIC: self.numeric} if self.numeric.shape[1] else {}
        if self.categorical.shape[1]:
            given[CATEGORICAL] = self.categorical
        return given


def rows_of(tensors: Tensors, signature: Signature) -> Rows:
    """Take a request's inputs for rows of a model.

    Raises
    ------
    MonitorError
        ``InvalidRequest`` where a server of the model would refuse it too.
    """
    wanted = {NUMERIC: ("FP32", len(signature.numeric))} if signature.numeric else {}
    if signature.categorical:
        wanted[CATEGORICAL] = ("BYTES", len(signature.categorical))
    if set(tensors) != set(wanted):
        raise invalid(
            f"the request has the inputs {', '.join(map(shown, sorted(tensors))) or 'none'}",
            allowed=f"inputs {', '.join(wanted)}",
        )
    for name, (datatype, width) in wanted.items():
        tensor = tensors[name]
        if tensor.datatype != datatype or tensor.values.ndim != 2 or tensor.values.shape[1] != width:
            raise invalid(
                f"input {name} is {tensor.datatype} {list(tensor.values.shape)}", allowed=f"{datatype} [n, {width}]"
            )
    count = len(next(iter(tensors.values())).values)
    numeric, categorical = np.empty((count, 0), np.float32), np.empty((count, 0), object)
    if signature.numeric:
        numeric = np.ascontiguousarray(tensors[NUMERIC].values, np.float32)
    if signature.categorical:
        categorical = np.asarray(tensors[CATEGORICAL].values, object)
    if len(categorical) != len(numeric) or not 0 < len(numeric) <= MAX_ROWS:
        raise invalid(
            f"the inputs have {len(numeric)} and {len(categorical)} rows",
            allowed=f"as many rows in each, 1 to {MAX_ROWS:,}",
        )
    return Rows(numeric, categorical)


def joined(parts: list[Rows]) -> Rows:
    """Put rows of several requests to one model below each other."""
    if len(parts) == 1:
        return parts[0]
    return Rows(np.concatenate([part.numeric for part in parts]), np.concatenate([part.categorical for part in parts]))


def invalid(message: str, *, allowed: str) -> MonitorError:
    """Describe a request that is no request of the Open Inference Protocol for this model."""
    return MonitorError(
        Reason.INVALID_REQUEST,
        message,
        found=message,
        allowed=allowed,
        remedy="the model's metadata says what it takes",
    )
