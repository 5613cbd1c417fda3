"""A plant whose FaultModels are imports, so that a candidate can go wrong in any way that a graph can express."""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
from onnx import ModelProto
from onnxruntime import InferenceSession

from andon.api.v1alpha1 import Manifest
from tests.support import graphs
from tests.support.kubectl import condition
from tests.support.plants import NUMERIC, Plant
from tests.support.soak import Soak, answer, request, soak

TARGET = "Machine failure"
WEAR = NUMERIC.index("Tool wear [min]")
SPEED = NUMERIC.index("Rotational speed [rpm]")
OTHER_DEPTHS = (7, 6, 5, 4)
"""Of trees that are as good, and other versions."""
HIGHEST = 3000
"""A machine turns no faster."""
EVERY = 49
"""Of the data's rows one in so many is asked for."""


@dataclass(frozen=True)
class Workshop:
    """The plant, and the rows that its clients ask for over and over.

    Attributes
    ----------
    worn
        A tenth of all faults are caught by the good model and have a tool that is more worn than this.
    slow, fast
        A tenth of the rows has a lower speed than the first, a tenth a higher one than the second. The rows with which
        candidates are built have no higher one, so that no build can see what goes wrong there.
    fastest
        A hundredth of the rows that clients ask for has a higher speed than this.
    """

    plant: Plant
    frame: pd.DataFrame
    rows: list[list[float]]
    worn: float
    slow: float
    fast: float
    fastest: float

    @property
    def namespace(self) -> str:
        return self.plant.namespace

    def host(self, name: str) -> str:
        return f"{name}.{self.namespace}.svc.cluster.local"

    def monitored(self, name: str) -> None:
        """Wait until the monitor is ready."""

        def ready(model: Manifest) -> bool:
            return condition(model, "MonitoringReady")[1] not in ("", "MonitorNotReady")

        self.plant.until(name, ready, "the monitor is ready")

    def known(self, name: str, version: int) -> list[tuple[float, bool]]:
        """Ask a version's own server, not by the router, for the answer to each row."""
        url = f"http://{name}-v{version}.{self.namespace}.svc.cluster.local:8000/v2/models/{name}/infer"
        with httpx.Client(timeout=30) as client:
            said = [answer(client.post(url, content=json.dumps(body(row))).content) for row in self.rows]
        assert {one for one, _, _ in said} == {str(version)}
        return [(score, fault) for _, score, fault in said]

    @contextmanager
    def asking(
        self, name: str, *versions: int, connections: int = 2, pause: float = 0.01
    ) -> Iterator[tuple[Soak, dict[str, list[tuple[float, bool]]]]]:
        """Ask for all rows over and over; in the end no answer may have been missing or wrong.

        Gives what came back, and the answers that are known, to which a version may be added.
        """
        known = {str(version): self.known(name, version) for version in versions}
        requests = [request(self.host(name), name, body(row)) for row in self.rows]
        with soak(self.host(name), requests, known, connections, pause) as tally:
            yield tally, known
        print(f"{tally.answers} answers, {tally.failed} failed, by version {dict(tally.versions)}")  # noqa: T201
        assert (tally.failed, tally.failures) == (0, []), f"of {tally.answers}"
        assert tally.answers > 50


def body(row: list[float]) -> dict[str, Any]:
    """Write the request of the Open Inference Protocol for one row."""
    return {"inputs": [{"name": "numeric", "shape": [1, len(row)], "datatype": "FP32", "data": row}]}


def workshop(namespace: str, image: str, data: Path, folder: Path) -> Workshop:
    """Make the plant, with the models and the rows that they are proved with on its claim."""
    frame = pd.read_csv(data, encoding="utf-8-sig")
    asked = frame.iloc[::EVERY]
    speeds = sorted(asked[NUMERIC[SPEED]])
    slow, fast, fastest = (speeds[-1 - math.ceil(len(speeds) * share)] for share in (0.9, 0.1, 0.01))
    good = graphs.tree(frame, NUMERIC, TARGET)
    worn = _worn(frame, good)
    calm = frame[frame[NUMERIC[SPEED]] <= fast]
    tables = {"calm.csv": calm, "few.csv": _few(calm), "fresh.csv": frame[frame[NUMERIC[WEAR]] <= worn]}
    models = _models(frame, good, worn, fast, fastest)
    for name, table in tables.items():
        table.to_csv(folder / name, index=False)
    for name, model in models.items():
        (folder / f"{name}.onnx").write_bytes(model.SerializeToString())
    names = [*tables, *(f"{name}.onnx" for name in models)]
    plant = Plant.make(namespace, image, {name: folder / name for name in names})
    rows = asked[list(NUMERIC)].to_numpy(float).tolist()
    return Workshop(plant, frame, rows, worn, slow, fast, fastest)


def _worn(frame: pd.DataFrame, model: ModelProto) -> float:
    faults = frame[frame[TARGET] == 1]
    session = InferenceSession(model.SerializeToString())
    (scores,) = session.run(["probabilities"], {"x": faults[list(NUMERIC)].to_numpy(np.float32)})
    caught = sorted(faults[NUMERIC[WEAR]][np.asarray(scores)[:, 1] >= 0.5])
    return float(caught[-1 - math.ceil(len(faults) * 0.1)])


def _few(frame: pd.DataFrame) -> pd.DataFrame:
    """Give rows enough to prove a model that takes its time, half of them faults."""
    faults = frame[frame[TARGET] == 1].head(30)
    return pd.concat([faults, frame[frame[TARGET] == 0].head(30)]).sort_index()


def _models(frame: pd.DataFrame, good: ModelProto, worn: float, fast: float, fastest: float) -> dict[str, ModelProto]:
    return {
        "good": good,
        **{f"good-{depth}": graphs.tree(frame, NUMERIC, TARGET, depth) for depth in OTHER_DEPTHS},
        "wrong": graphs.wrong_beyond(good, SPEED, fast),
        "silent": graphs.silent_beyond(good, WEAR, worn),
        "nan": graphs.nan_beyond(good, SPEED, fast),
        "nan-everywhere": graphs.nan_beyond(good, SPEED, 0),
        "error": graphs.error_between(good, SPEED, fastest, HIGHEST),
        "error-anywhere": graphs.error_between(good, SPEED, fastest, math.inf),
        "swapped": graphs.in_other_order(good, (0, 1, 3, 2, 4)),
        "slow": graphs.slow(good, rounds=700),
    }


def imported(
    name: str,
    model: str,
    data: str = "calm.csv",
    *,
    features: tuple[str, ...] = NUMERIC,
    source: dict[str, Any] | None = None,
    **spec: object,
) -> Manifest:
    """Write a FaultModel that takes in one of the workshop's models."""
    taken = {
        "uri": f"pvc://plant-data/{model}.onnx",
        "format": "onnx",
        "features": list(features),
        "target": TARGET,
        "data": {"uri": f"pvc://plant-data/{data}"},
        **(source or {}),
    }
    return {
        "apiVersion": "andon.dev/v1alpha1",
        "kind": "FaultModel",
        "metadata": {"name": name},
        "spec": {"source": {"import": taken}, **spec},
    }
