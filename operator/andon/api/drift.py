"""`spec.monitoring.drift`: how inputs are looked at, where the monitor's own measures do not fit."""

from typing import Self

from pydantic import ConfigDict, Field, model_validator

from andon.api.durations import Duration
from model_builder.spec import ColumnName, Spec, cel

BOUND_RULE = "a range needs min, max or both"
ORDER_RULE = "min of a range must be below its max"
WINDOW_RULE = "minRows must not be above rows: a window closes at rows at the latest"


class SensorRange(Spec):
    """What a sensor can physically say."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel("has(self.min) || has(self.max)", BOUND_RULE),
                cel("!has(self.min) || !has(self.max) || self.min < self.max", ORDER_RULE),
            ]
        }
    )

    feature: ColumnName = Field(description="Name of a numeric input of the model.")
    min: float | None = Field(default=None, description="The least that it can say, in the units of the data.")
    max: float | None = Field(default=None, description="The most that it can say, in the units of the data.")

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError(BOUND_RULE)
        if self.min is not None and self.max is not None and self.min >= self.max:
            raise ValueError(ORDER_RULE)
        return self


class DriftWindow(Spec):
    """How many rows are compared with the baseline at once."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel("(has(self.minRows) ? self.minRows : 200) <= (has(self.rows) ? self.rows : 500)", WINDOW_RULE)
            ]
        }
    )

    rows: int = Field(
        default=500,
        ge=20,
        le=100_000,
        description="Rows after which a window closes. More find smaller changes, later.",
    )
    min_rows: int = Field(
        default=200, ge=20, le=100_000, description="Rows that a window needs to close when `after` has passed."
    )
    after: Duration = Field(default="1h", description="When a window with minRows closes, full or not.")

    @model_validator(mode="after")
    def _can_close(self) -> Self:
        if self.min_rows > self.rows:
            raise ValueError(WINDOW_RULE)
        return self


class Drift(Spec):
    """How inputs are looked at."""

    window: DriftWindow = Field(
        default_factory=DriftWindow, description="How many rows are compared with the baseline at once."
    )
    ranges: tuple[SensorRange, ...] = Field(
        default=(),
        max_length=200,
        description=(
            "What sensors can physically say, by input. Of the others a value is out of range that lies as far beyond"
            " what the build saw as that is wide."
        ),
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["feature"]},
    )

    @model_validator(mode="after")
    def _once_each(self) -> Self:
        names = [one.feature for one in self.ranges]
        if len(set(names)) < len(names):
            raise ValueError(f"ranges names an input twice: {max(names, key=names.count)}")
        return self
