"""Requests with rows of the machine's data, as a line sends them, and what its monitor tells."""

import json
import re
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tests.support.plants import NUMERIC

BATCH = 100


@dataclass(frozen=True)
class Answered:
    """What came of rows that were sent.

    Attributes
    ----------
    places
        For each row the id of its request, and its place there.
    alarms
        Whether each raised an alarm.
    versions
        Who answered.
    """

    places: tuple[tuple[str, int], ...]
    alarms: tuple[bool, ...]
    versions: frozenset[str]


def send(namespace: str, model: str, rows: pd.DataFrame) -> Answered:
    """Send rows, a hundred a request."""
    places: list[tuple[str, int]] = []
    alarms: list[bool] = []
    versions = set()
    for begin in range(0, len(rows), BATCH):
        name, raised, version = _ask(namespace, model, rows.iloc[begin : begin + BATCH])
        places += [(name, row) for row in range(len(raised))]
        alarms += raised
        versions.add(version)
    return Answered(tuple(places), tuple(alarms), frozenset(versions))


def _ask(namespace: str, model: str, rows: pd.DataFrame) -> tuple[str, list[bool], str]:
    numbers = rows[list(NUMERIC)].to_numpy(np.float32)
    inputs = [
        {"name": "numeric", "shape": list(numbers.shape), "datatype": "FP32", "data": numbers.ravel().tolist()},
        {"name": "categorical", "shape": [len(rows), 1], "datatype": "BYTES", "data": rows["Type"].tolist()},
    ]
    name = uuid.uuid4().hex
    request = urllib.request.Request(
        f"http://{model}.{namespace}.svc.cluster.local:8000/v2/models/{model}/infer",
        json.dumps({"inputs": inputs}).encode(),
        {"Content-Type": "application/json", "x-request-id": name},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        document: dict[str, Any] = json.load(answer)
        version = answer.headers["x-andon-version"]
    found = {output["name"]: output["data"] for output in document["outputs"]}
    return name, [bool(value) for value in found["fault"]], version


def monitor_says(namespace: str, model: str, what: str) -> dict[str, Any]:
    """Give what the monitor of a namespace tells of a model; nothing where it knows nothing or is silent."""
    try:
        with urllib.request.urlopen(f"{_monitor(namespace)}/v1/models/{model}/{what}", timeout=10) as answer:  # noqa: S310
            told: dict[str, Any] = json.load(answer)
    except urllib.error.URLError:
        return {}
    return told


def monitor_counts(namespace: str, model: str, metric: str) -> float:
    """Sum a metric of a model over its other labels; 0 where it has none."""
    try:
        with urllib.request.urlopen(f"{_monitor(namespace)}/metrics", timeout=10) as answer:  # noqa: S310
            text = answer.read().decode()
    except urllib.error.URLError:
        return 0.0
    lines = re.findall(rf"^{metric}{{([^}}]*)}} (\S+)$", text, re.MULTILINE)
    return sum(float(value) for labels, value in lines if f'model="{model}"' in labels)


def _monitor(namespace: str) -> str:
    return f"http://andon-monitor.{namespace}.svc.cluster.local:8080"
