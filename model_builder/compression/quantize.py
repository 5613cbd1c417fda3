"""Quantization in three steps: normalise to a range, map to integers, write them in a fixed number of bits.

In an ONNX file leaves and thresholds have to be floats, so what gets smaller there is the number of different leaves
(each is stored once) and what is left after gzip; ``packed`` gives the integers for forms that can store them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from model_builder.compression.ensemble import Ensemble, Floats, Ints, Tree
from model_builder.compression.floats import float32_floor

MIN_BITS, MAX_BITS = 4, 16


class Range(StrEnum):
    """What values are normalised to."""

    UNIT = "[0, 1]"
    SYMMETRIC = "[-1, 1]"


@dataclass(frozen=True, eq=False)
class Quantized:
    """Integers that stand for floats: ``value = scale * (code - zero_point)``.

    Attributes
    ----------
    codes
        Integers of 0 to 2**bits - 1, in the shape of the values.
    largest_error
        Largest difference between a value and what its integer stands for.
    """

    codes: Ints
    bits: int
    range: Range
    scale: float
    zero_point: float
    largest_error: float

    def values(self) -> Floats:
        """Turn the integers back into floats."""
        return np.asarray(self.scale * (self.codes - self.zero_point))

    def packed(self) -> bytes:
        """Write the integers one after the other, each in ``bits`` bits, highest bit first."""
        flat = self.codes.reshape(-1, 1) >> np.arange(self.bits - 1, -1, -1)
        return np.packbits((flat & 1).astype(np.uint8)).tobytes()


def quantize(values: Floats, bits: int, span: Range = Range.UNIT) -> Quantized:
    """Quantize values of any shape.

    Parameters
    ----------
    bits
        4 to 16.
    span
        ``UNIT`` spreads the integers over smallest to largest value; ``SYMMETRIC`` over minus to plus the largest
        absolute value, so that zero stays zero.
    """
    if not MIN_BITS <= bits <= MAX_BITS:
        raise ValueError(f"bits must be {MIN_BITS} to {MAX_BITS}, not {bits}")
    if span is Range.SYMMETRIC:
        top = 2 ** (bits - 1) - 1
        largest = float(np.abs(values).max(initial=0.0)) or 1.0
        normal = values / largest
        codes = np.rint(normal * top).astype(np.int64) + top
        scale, zero = largest / top, float(top)
    else:
        top = 2**bits - 1
        low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
        width = high - low or 1.0
        normal = (values - low) / width
        codes = np.rint(normal * top).astype(np.int64)
        scale, zero = width / top, -low / (width / top)
    error = float(np.abs(scale * (codes - zero) - values).max(initial=0.0))
    return Quantized(codes, bits, span, scale, zero, error)


def unpacked(packed: bytes, count: int, bits: int) -> Ints:
    """Read what ``Quantized.packed`` wrote."""
    flags = np.unpackbits(np.frombuffer(packed, np.uint8))[: count * bits].reshape(count, bits).astype(np.int64)
    return np.asarray(flags @ (1 << np.arange(bits - 1, -1, -1)))


def quantize_leaves(ensemble: Ensemble, bits: int, span: Range = Range.UNIT) -> tuple[Ensemble, Quantized]:
    """Let the leaves of all trees take few values, one scale for all.

    Classes that a tree says nothing of are left alone: a boosted tree belongs to one class.
    """
    spoken = [tree.is_leaf[:, None] & (tree.value != 0).any(axis=0)[None, :] for tree in ensemble.trees]
    leaves = [tree.value[told] for tree, told in zip(ensemble.trees, spoken, strict=True)]
    found = quantize(np.concatenate([*leaves, np.empty(0)]), bits, span)
    values = found.values()
    trees, start = [], 0
    for tree, told in zip(ensemble.trees, spoken, strict=True):
        value = tree.value.copy()
        value[told] = values[start : start + int(told.sum())]
        start += int(told.sum())
        trees.append(tree.with_leaves(value))
    return replace(ensemble, trees=tuple(trees)).simplified(), found


def quantize_thresholds(ensemble: Ensemble, bits: int) -> tuple[Ensemble, dict[int, Quantized]]:
    """Let the thresholds of every feature take few values between the smallest and the largest of its own.

    Returns
    -------
    Ensemble
        With thresholds that are float32 still.
    dict
        What was done, by feature. Features with an infinite threshold (missing or not) are left alone.
    """
    found: dict[int, Quantized] = {}
    replaced: dict[int, dict[float, np.float32]] = {}
    for feature in sorted({int(f) for tree in ensemble.trees for f in tree.feature if f >= 0}):
        own = np.unique(np.concatenate([tree.threshold[tree.feature == feature] for tree in ensemble.trees]))
        if not np.isfinite(own).all():
            continue
        found[feature] = quantize(own.astype(np.float64), bits)
        snapped = float32_floor(found[feature].values())
        replaced[feature] = dict(zip(own.tolist(), snapped, strict=True))
    return replace(ensemble, trees=tuple(_snap(tree, replaced) for tree in ensemble.trees)), found


def _snap(tree: Tree, replaced: dict[int, dict[float, np.float32]]) -> Tree:
    threshold: npt.NDArray[np.float32] = tree.threshold.copy()
    for node in np.flatnonzero(~tree.is_leaf):
        known = replaced.get(int(tree.feature[node]))
        if known is not None:
            threshold[node] = known[float(tree.threshold[node])]
    return replace(tree, threshold=threshold)


def decenter(ensemble: Ensemble) -> Ensemble:
    """Subtract every tree's mean from its leaves and add it to the base, so that leaves hold small residuals.

    Changes no answer. Quantize the leaves symmetrically after it.
    """
    base = ensemble.base + sum((tree.value[0] for tree in ensemble.trees), np.zeros(ensemble.outputs))
    trees = tuple(replace(tree, value=tree.value - tree.value[0]) for tree in ensemble.trees)
    return replace(ensemble, trees=trees, base=base)
