"""Trains, exports and proves fault-prediction models; runs as a Job, on a laptop, in a notebook.

This package never imports ``andon``. Its modules ``spec`` and ``report`` import nothing but pydantic and the
standard library, because the operator imports them; everything heavy is imported by the module that needs it.
``compress`` and ``Budget`` are its programming interface, loaded when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from model_builder.compression.api import compress
    from model_builder.compression.search import Budget

__all__ = ["Budget", "compress"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 (what a module holds)
    if name == "compress":
        from model_builder.compression.api import compress

        return compress
    if name == "Budget":
        from model_builder.compression.search import Budget

        return Budget
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
