"""What all user-facing types share. Imports nothing but pydantic and the standard library."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from pydantic.alias_generators import to_camel

DNS_LABEL = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"
DNS_SUBDOMAIN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
CONFIG_KEY = r"^[-._a-zA-Z0-9]+$"
SHA256_HEX = r"^[0-9a-f]{64}$"

MAX_NAME_CHARS = 256
ColumnName = Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARS)]


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
