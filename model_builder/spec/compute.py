"""Where a build computes, as a user may ask for it."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import ConfigDict, Field, model_validator

from model_builder.spec.base import Spec, cel

ADDRESS_PATTERN = r"^tcp://([a-zA-Z0-9]([-a-zA-Z0-9.]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\]):[1-9][0-9]{0,4}$"
ADDRESS_RULE = "engine dask needs an address, and engine local has none"


class Compute(Spec):
    """Where selection and search compute. It changes no byte of the artifact."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kubernetes-validations": [
                cel("has(self.address) == (has(self.engine) && self.engine == 'dask')", ADDRESS_RULE)
            ]
        }
    )

    engine: Literal["local", "dask"] = Field(
        default="local",
        description="local: in the builder itself. dask: on the workers of a Dask cluster that exists.",
    )
    address: str | None = Field(
        default=None,
        max_length=280,
        pattern=ADDRESS_PATTERN,
        description="Of the Dask scheduler: tcp://HOST:PORT, such as tcp://dask-scheduler.dask.svc:8786.",
    )

    @model_validator(mode="after")
    def _has_an_address(self) -> Self:
        if (self.address is not None) != (self.engine == "dask"):
            raise ValueError(ADDRESS_RULE)
        return self
