"""How long an answer takes, on one thread, in one run: one row, and 10,000 rows.

Run ``python -m benchmarks.latency`` from the repository's root. The models take turns, round after round, so that what
else goes on in the machine hits all of them; what is told is the median over rounds. ``Identity`` is the floor of
calling ONNX Runtime from Python: a graph that gives back its input, with as many outputs. tl2cgen and lleaves are
compiled ahead; they join where they are installed.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import typer
from onnx import TensorProto, helper
from rich.console import Console
from rich.table import Table
from sklearn.ensemble import RandomForestClassifier

from benchmarks.compression_data import DataSet, ai4i, spindle
from benchmarks.real_data import data_file
from model_builder.compression.encode import Addition, encode
from model_builder.compression.ensemble import Ensemble
from model_builder.compression.fitted import from_sklearn
from model_builder.explanation.games import games_of
from model_builder.explanation.graph import contributions
from model_builder.report import Signature
from model_builder.runtime import VERSION, open_session

ROWS = 10_000
ROUNDS = 7
WIDTH = 150

Rows = npt.NDArray[np.float32]
Ask = Callable[[Rows], Any]


class File:
    """A model file that is asked for all its outputs, as a server does."""

    def __init__(self, model: bytes) -> None:
        self.bytes = len(model)
        self._session = open_session(model)
        self._input = self._session.get_inputs()[0].name

    def __call__(self, rows: Rows) -> list[Rows]:
        """Answer rows."""
        found: list[Rows] = self._session.run(None, {self._input: rows})
        return found


def identity(outputs: int, width: int) -> bytes:
    """Write a graph that gives its input back, so many times."""
    names = [f"out{index}" for index in range(outputs)]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["numeric"], [name]) for name in names],
        "identity",
        [helper.make_tensor_value_info("numeric", TensorProto.FLOAT, ["rows", width])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", width]) for name in names],
    )
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 18)])
    written: bytes = model.SerializeToString()
    return written


def tl2cgen(forest: RandomForestClassifier, folder: Path) -> Ask | None:
    """Compile a forest by treelite and tl2cgen; None where they or a compiler are missing."""
    try:
        import tl2cgen as compiler  # type: ignore[import-not-found,unused-ignore]
        import treelite  # type: ignore[import-not-found,unused-ignore]

        library = folder / "bag.so"
        compiler.export_lib(treelite.sklearn.import_model(forest), toolchain="gcc", libpath=str(library))
        predictor = compiler.Predictor(str(library), nthread=1)
    except (ImportError, OSError, RuntimeError):
        return None
    return lambda rows: predictor.predict(compiler.DMatrix(rows.astype(np.float64), dtype="float64"))


def lleaves(data: DataSet, folder: Path) -> Ask | None:
    """Compile a small boosted ensemble by lleaves; None where it is missing."""
    try:
        import lightgbm  # type: ignore[import-not-found,unused-ignore]
        import lleaves as compiler  # type: ignore[import-not-found,unused-ignore]
    except (ImportError, OSError):
        return None
    settings = {"objective": "binary", "num_leaves": 8, "verbosity": -1, "num_threads": 1}
    booster = lightgbm.train(settings, lightgbm.Dataset(data.rows, data.codes), num_boost_round=30)
    booster.save_model(str(folder / "boosted.txt"))
    model = compiler.Model(model_file=str(folder / "boosted.txt"))
    try:
        model.compile()
    except AttributeError:  # it needs llvmlite before 0.45, which took a part of LLVM away
        return None
    return lambda rows: model.predict(rows, n_jobs=1)


def models(data: DataSet, folder: Path) -> dict[str, Ask]:
    """Fit, write and compile everything that takes part."""
    from skl2onnx import to_onnx

    width = data.rows.shape[1]
    signature = Signature.of(tuple(f"x{index}" for index in range(width)), ("0", "1"), 0.5)
    forest = RandomForestClassifier(100, random_state=0, n_jobs=1).fit(data.rows, data.codes)
    bag = RandomForestClassifier(12, max_features=None, ccp_alpha=5e-4, random_state=0, n_jobs=1)
    bag.fit(data.rows, data.codes)
    plain = to_onnx(forest, data.rows[:1], options={"zipmap": False}).SerializeToString()
    small = from_sklearn(bag).simplified()
    games = games_of(small, np.arange(width))

    def explained(written: Ensemble, matrix: str) -> Addition:
        return contributions(games, width, written.outputs, matrix, {})

    found: dict[str, Ask | None] = {
        "scikit-learn, forest of 100": forest.predict_proba,
        "skl2onnx, forest of 100": File(plain),
        "ours, forest of 100, score and fault": File(encode(from_sklearn(forest), signature)),
        "ours, 12 bagged trees, score and fault": File(encode(small, signature)),
        "ours, 12 bagged trees, score": File(encode(small, signature, labelled=False)),
        "ours, 12 bagged trees, score, fault, contributions": File(encode(small, signature, adding=explained)),
        "Identity, two outputs": File(identity(2, width)),
        "Identity, one output": File(identity(1, width)),
        "tl2cgen, 12 bagged trees": tl2cgen(bag, folder),
        "lleaves, 30 boosted trees": lleaves(data, folder),
    }
    return {label: ask for label, ask in found.items() if ask is not None}


def measure(asks: dict[str, Ask], rows: Rows, rounds: int, seconds: float) -> dict[str, float]:
    """Give the median over rounds of the mean seconds of a call; a round asks each model for so many seconds."""
    times: dict[str, list[float]] = {label: [] for label in asks}
    for ask in asks.values():
        ask(rows)
    for _ in range(rounds):
        for label, ask in asks.items():
            calls, start = 0, time.perf_counter()
            while (spent := time.perf_counter() - start) < seconds or not calls:
                ask(rows)
                calls += 1
            times[label].append(spent / calls)
    return {label: statistics.median(each) for label, each in times.items()}


def main(quick: Annotated[bool, typer.Option(help="Two short rounds.")] = False) -> None:
    """Print one table."""
    real = data_file("ai4i2020/ai4i2020.csv") is not None
    data = ai4i() if real else spindle()
    rounds, seconds = (2, 0.05) if quick else (ROUNDS, 0.3)
    many = np.ascontiguousarray(np.resize(data.rows, (ROWS, data.rows.shape[1])))
    with tempfile.TemporaryDirectory() as folder:
        asks = models(data, Path(folder))
        one = measure(asks, np.ascontiguousarray(many[:1]), rounds, seconds)
        all_rows = measure(asks, many, rounds, seconds)
    table = Table(title=f"{data.name}, ONNX Runtime {VERSION}, one thread", title_justify="left")
    for header in ("model", "bytes", "one row, µs", "against scikit-learn", "10,000 rows, ms", "against skl2onnx"):
        table.add_column(header, justify="left" if header == "model" else "right", no_wrap=True)
    slowest, plain = one["scikit-learn, forest of 100"], all_rows["skl2onnx, forest of 100"]
    for label, ask in asks.items():
        table.add_row(
            label,
            f"{ask.bytes:,}" if isinstance(ask, File) else "",
            f"{1e6 * one[label]:,.1f}",
            f"{slowest / one[label]:,.0f}×",  # noqa: RUF001
            f"{1e3 * all_rows[label]:,.2f}",
            f"{plain / all_rows[label]:,.1f}×",  # noqa: RUF001
        )
    Console(width=WIDTH).print(table)


if __name__ == "__main__":
    typer.run(main)
