"""Chooses where to compute, as the spec says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from model_builder.compute.local import LOCAL
from model_builder.compute.ports import Compute
from model_builder.spec.compute import Compute as Wanted


@contextmanager
def computing(wanted: Wanted) -> Iterator[Compute]:
    """Connect to wherever a build computes, as long as it does.

    Raises
    ------
    BuilderError
        ``ExtraMissing``, ``ComputeUnreachable`` or ``ComputeDiffers``.
    """
    if wanted.address is None:
        yield LOCAL
        return
    from model_builder.compute.dask_cluster import connected

    with connected(wanted.address) as cluster:
        yield cluster
