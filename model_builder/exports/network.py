"""Linear models and neural networks as layers of numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from model_builder.compression.ensemble import Link, Rows
from model_builder.exports.tables import linked

Float32 = npt.NDArray[np.float32]
Activation = Literal["identity", "logistic", "relu", "tanh"]


@dataclass(frozen=True, eq=False)
class Layer:
    """Weights of shape (inputs, outputs) and a bias of shape (outputs,)."""

    weights: Float32
    bias: Float32


@dataclass(frozen=True, eq=False)
class Network:
    """Layers behind what fills gaps and scales columns.

    Attributes
    ----------
    fill, shift, scale
        Arrays of shape (columns,): what stands for a missing value, what is taken off, what it is multiplied by.
    activation
        Of every layer but the last.
    """

    fill: Float32
    shift: Float32
    scale: Float32
    layers: tuple[Layer, ...]
    activation: Activation
    link: Link

    @property
    def features(self) -> int:
        """Number of columns."""
        return len(self.fill)

    @property
    def outputs(self) -> int:
        """One for two classes, else the number of classes."""
        return len(self.layers[-1].bias)

    @property
    def bytes(self) -> int:
        """Size of all numbers."""
        layers = sum(layer.weights.nbytes + layer.bias.nbytes for layer in self.layers)
        return layers + self.fill.nbytes + self.shift.nbytes + self.scale.nbytes

    def scores(self, rows: Rows) -> Float32:
        """Answer rows of shape (rows, columns) in float32; shape (rows, outputs)."""
        filled = np.where(np.isnan(rows), self.fill, rows)
        values: Float32 = ((filled - self.shift) * self.scale).astype(np.float32)
        for index, layer in enumerate(self.layers):
            values = values @ layer.weights + layer.bias
            if index < len(self.layers) - 1:
                values = _active(values, self.activation)
        return linked(values, self.link)


def _active(values: Float32, activation: Activation) -> Float32:
    if activation == "relu":
        return np.maximum(values, np.float32(0))
    if activation == "tanh":
        return np.asarray(np.tanh(values), np.float32)
    return linked(values, Link.SIGMOID) if activation == "logistic" else values


def from_pipeline(pipeline: Any) -> Network | None:  # noqa: ANN401 (scikit-learn publishes no types)
    """Read a fitted logistic regression or neural network behind an imputer and a scaler; None for anything else."""
    steps = [step for _, step in pipeline.steps]
    if [type(step) for step in steps[:-1]] != [SimpleImputer, StandardScaler]:
        return None
    imputer, scaler, last = steps
    if imputer.add_indicator or len(imputer.statistics_) != len(scaler.scale_):
        return None
    activation: Activation = "identity"
    if isinstance(last, LogisticRegression):
        weights, biases = [last.coef_.T], [last.intercept_]
    elif isinstance(last, MLPClassifier):
        weights, biases, activation = last.coefs_, last.intercepts_, last.activation
    else:
        return None
    layers = tuple(
        Layer(one.astype(np.float32), other.astype(np.float32)) for one, other in zip(weights, biases, strict=True)
    )
    return Network(
        fill=imputer.statistics_.astype(np.float32),
        shift=scaler.mean_.astype(np.float32),
        scale=(1 / scaler.scale_).astype(np.float32),
        layers=layers,
        activation=activation,
        link=Link.SIGMOID if len(layers[-1].bias) == 1 else Link.SOFTMAX,
    )
