"""Writes a baseline down, and reads it again: one that was learnt has to outlive the process that learnt it."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from model_monitor.drift.baseline import Baseline, Column

FORMAT = 1


def written(baseline: Baseline) -> bytes:
    """Write a baseline as JSON, the same bytes for the same baseline."""
    document = {"format": FORMAT, "columns": [_document(column) for column in baseline.columns]}
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def read(content: bytes) -> Baseline:
    """Read what `written` wrote.

    Raises
    ------
    ValueError
        Where it is something else.
    """
    document = json.loads(content)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError("this is no baseline of a format that this version knows")
    return Baseline(tuple(_column(one) for one in document["columns"]))


def _document(column: Column) -> dict[str, Any]:
    return {
        "name": column.name,
        "kind": column.kind,
        "edges": column.edges.tolist(),
        "counts": column.counts.tolist(),
        "missing": column.missing,
        "least": _finite(column.least),
        "greatest": _finite(column.greatest),
        "values": list(column.values),
    }


def _finite(bound: float) -> float | None:
    return bound if math.isfinite(bound) else None


def _column(document: dict[str, Any]) -> Column:
    least, greatest = document["least"], document["greatest"]
    return Column(
        document["name"],
        document["kind"],
        np.asarray(document["edges"], np.float32),
        np.asarray(document["counts"], np.int64),
        int(document["missing"]),
        -np.inf if least is None else float(least),
        np.inf if greatest is None else float(greatest),
        tuple(document["values"]),
    )
