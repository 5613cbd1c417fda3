"""What all user-facing types share. Imports nothing but pydantic and the standard library."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, JsonValue
from pydantic.alias_generators import to_camel


def cel(rule: str, message: str) -> dict[str, JsonValue]:
    """Write one rule of ``x-kubernetes-validations``."""
    return {"rule": rule, "message": message}


class Spec(BaseModel):
    """Base of all user-facing types: frozen, camelCase in JSON, unknown fields refused."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        populate_by_name=True,
        allow_inf_nan=False,
    )
