"""A place to compute that remembers what it was asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from model_builder.compute.local import Local
from model_builder.compute.ports import Told


class Counting(Local):
    """Remembers how many forests were grown on each fold, round by round of a search."""

    def __init__(self) -> None:
        self.forests: list[int] = []

    def map(self, function: Any, shared: Any, items: Sequence[Any], told: Told | None = None) -> Iterator[Any]:
        """Compute here."""
        self.forests.append(shared.forests)
        return super().map(function, shared, items, told)
