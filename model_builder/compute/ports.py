"""What selection and search need of wherever they compute."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

Shared = TypeVar("Shared")
Item = TypeVar("Item")
Result = TypeVar("Result")

Told = Callable[[int], None]
"""Is told how many items are done."""


class Compute(Protocol):
    """Applies a function to items."""

    def map(
        self,
        function: Callable[[Shared, Item], Result],
        shared: Shared,
        items: Sequence[Item],
        told: Told | None = None,
    ) -> Iterator[Result]:
        """Give the results in the order of the items; no more is computed once nobody asks for the next.

        Parameters
        ----------
        function
            Of a module, so that another process finds it. It has no memory and no effect.
        shared
            What it is given with every item.
        told
            Is told after each item.
        """
