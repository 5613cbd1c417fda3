"""The estimators that can be asked for, and their settings under the names that scikit-learn gives them.

Imports nothing but pydantic and the standard library.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

EstimatorName = Literal[
    "randomForest", "extraTrees", "decisionTree", "histGradientBoosting", "logisticRegression", "mlp", "lightgbm"
]
LayerSize = Annotated[int, Field(ge=1, le=1024)]


class Settings(BaseModel):
    """Base of all settings: frozen, names as in scikit-learn, unknown fields refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class _Weighted(Settings):
    class_weight: Literal["balanced"] | None = Field(
        default=None, description="balanced: weigh classes by the inverse of their frequency. Absent: all rows alike."
    )


class DecisionTree(_Weighted):
    """Settings of one decision tree."""

    max_depth: int | None = Field(default=None, ge=1, le=64, description="Largest depth of a tree. Absent: no limit.")
    min_samples_leaf: int = Field(default=1, ge=1, le=100_000, description="Smallest number of rows in a leaf.")


class RandomForest(DecisionTree):
    """Settings of a random forest."""

    n_estimators: int = Field(default=100, ge=1, le=1000, description="Number of trees.")
    max_features: int | None = Field(
        default=None,
        ge=1,
        le=25_600,
        description=(
            "Columns looked at for each cut, every text of a category being one. Absent: the square root of the "
            "number of features, and with categories as many more as their texts add."
        ),
    )


class ExtraTrees(RandomForest):
    """Settings of extremely randomized trees."""


class HistGradientBoosting(_Weighted):
    """Settings of gradient boosting on histograms."""

    max_iter: int = Field(default=100, ge=1, le=1000, description="Number of rounds, each of one tree a class.")
    learning_rate: float = Field(default=0.1, gt=0, le=1, description="Share of each tree that is added.")
    max_leaf_nodes: int = Field(default=31, ge=2, le=1024, description="Largest number of leaves of a tree.")
    min_samples_leaf: int = Field(default=20, ge=1, le=100_000, description="Smallest number of rows in a leaf.")
    l2_regularization: float = Field(default=0.0, ge=0, le=1e6, description="Weight of the L2 penalty.")


class LogisticRegression(_Weighted):
    """Settings of logistic regression on standardized columns."""

    C: float = Field(default=1.0, gt=0, le=1e6, description="Inverse of the strength of regularization.")


class Mlp(Settings):
    """Settings of a neural network on standardized columns."""

    hidden_layer_sizes: tuple[LayerSize, ...] = Field(
        default=(32,), min_length=1, max_length=4, description="Neurons of each hidden layer."
    )
    alpha: float = Field(default=1e-4, ge=0, le=1e3, description="Weight of the L2 penalty.")
    learning_rate_init: float = Field(default=1e-3, gt=0, le=1, description="Step size at the start.")
    max_iter: int = Field(default=200, ge=1, le=2000, description="Largest number of passes over the rows.")


class LightGbm(_Weighted):
    """Settings of LightGBM's gradient boosting, which is an extra of the builder."""

    n_estimators: int = Field(default=100, ge=1, le=1000, description="Number of rounds, each of one tree a class.")
    learning_rate: float = Field(default=0.1, gt=0, le=1, description="Share of each tree that is added.")
    num_leaves: int = Field(default=31, ge=2, le=1024, description="Largest number of leaves of a tree.")
    min_child_samples: int = Field(default=20, ge=1, le=100_000, description="Smallest number of rows in a leaf.")
    reg_lambda: float = Field(default=0.0, ge=0, le=1e6, description="Weight of the L2 penalty.")


class Params(BaseModel):
    """Settings of the estimators."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True, allow_inf_nan=False
    )

    random_forest: RandomForest = Field(default_factory=RandomForest, description="Random forest.")
    extra_trees: ExtraTrees = Field(default_factory=ExtraTrees, description="Extremely randomized trees.")
    decision_tree: DecisionTree = Field(default_factory=DecisionTree, description="One decision tree.")
    hist_gradient_boosting: HistGradientBoosting = Field(
        default_factory=HistGradientBoosting, description="Gradient boosting on histograms."
    )
    logistic_regression: LogisticRegression = Field(
        default_factory=LogisticRegression, description="Logistic regression."
    )
    mlp: Mlp = Field(default_factory=Mlp, description="Neural network.")
    lightgbm: LightGbm = Field(
        default_factory=LightGbm, description="LightGBM, where the builder has the extra lightgbm."
    )
