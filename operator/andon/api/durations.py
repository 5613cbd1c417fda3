"""Durations as fields have them: `1h30m`, and `50ms` where they are short."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from model_builder.spec import cel

DURATION_PATTERN = r"^([0-9]+h)?([0-9]+m)?([0-9]+s)?$"
DURATION_RULE = f"!self.matches('{DURATION_PATTERN}') || duration(self) > duration('0s')"
Duration = Annotated[
    str,
    Field(
        min_length=2,
        max_length=16,
        pattern=DURATION_PATTERN,
        json_schema_extra={"x-kubernetes-validations": [cel(DURATION_RULE, "must be longer than zero, such as 10m")]},
    ),
]
ShortDuration = Annotated[str, Field(min_length=2, max_length=8, pattern="^[1-9][0-9]{0,4}(ms|s)$")]


def parse_duration(text: str) -> timedelta:
    """Read a duration such as ``1h30m`` or ``50ms`` (the CRD's schema has already refused anything else)."""
    if text.endswith("ms"):
        return timedelta(milliseconds=int(text.removesuffix("ms")))
    seconds, number = 0, ""
    for character in text:
        if character.isdigit():
            number += character
        else:
            seconds += int(number) * {"h": 3600, "m": 60, "s": 1}[character]
            number = ""
    return timedelta(seconds=seconds)
