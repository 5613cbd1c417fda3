"""Computes here, one item after the other: each fold may use all cores by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from model_builder.compute.ports import Item, Result, Shared, Told


class Local:
    """The process of the build itself."""

    def map(
        self,
        function: Callable[[Shared, Item], Result],
        shared: Shared,
        items: Sequence[Item],
        told: Told | None = None,
    ) -> Iterator[Result]:
        """Apply a function to each item when its result is asked for."""
        for done, item in enumerate(items, 1):
            result = function(shared, item)
            if told is not None:
                told(done)
            yield result


LOCAL = Local()
