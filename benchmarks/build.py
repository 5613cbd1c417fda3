"""How long a build takes and how much memory it holds, from the command to the written artifact.

Run ``python -m benchmarks.build`` from the repository's root. Each build is a process of its own, as people start it;
its report tells time and memory. ``outside`` is the time from here, with the interpreter's start in it. The real
AI4I data is in ``$ANDON_TEST_DATA``; where there is none, as many generated rows take its place.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.real_data import data_file
from examples.generate import generate
from model_builder.report import BuildReport

WIDTH = 110
LEAKY = ("TWF", "HDF", "PWF", "OSF", "RNF")
IDENTIFIERS = ("UDI", "Product ID")
SEED = 7


@dataclass(frozen=True)
class Case:
    """A build: its name in the table, its data, and what its spec says besides."""

    name: str
    data: Path
    target: str
    exclude: tuple[str, ...] = ()
    budget: bool = False

    def spec(self) -> dict[str, Any]:
        """Write the build's spec; whatever it does not name is the default."""
        train: dict[str, Any] = {"data": {"uri": str(self.data)}, "target": self.target}
        if self.exclude:
            train["features"] = {"exclude": list(self.exclude)}
        spec: dict[str, Any] = {"name": "bench", "source": {"train": train}}
        return {**spec, "compression": {"budget": {}}} if self.budget else spec


@dataclass(frozen=True)
class Outcome:
    """What a build reported, and how long it took seen from outside."""

    case: Case
    report: BuildReport
    outside_s: float


def run(case: Case, folder: Path) -> Outcome:
    """Build in a process of its own."""
    spec = folder / "spec.yaml"
    spec.write_text(json.dumps(case.spec()))
    command = [sys.executable, "-m", "model_builder", "build", str(spec), "--out", str(folder / "out"), "--json"]
    start = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    outside = time.monotonic() - start
    if done.returncode != 0:
        raise RuntimeError(f"{case.name}: {done.stdout or done.stderr}")
    return Outcome(case, BuildReport.model_validate_json(done.stdout), outside)


def small(folder: Path, rows: int) -> tuple[Case, Case]:
    """Give the AI4I data, or as many generated rows, by default settings and with a budget."""
    real = data_file("ai4i2020/ai4i2020.csv")
    if real is not None:
        case = Case("AI4I 2020", real, "Machine failure", IDENTIFIERS + LEAKY)
    else:
        case = Case("generated (no AI4I here)", generated(folder, rows), "fault")
    return case, replace(case, name=f"{case.name}, budget", budget=True)


def generated(folder: Path, rows: int) -> Path:
    """Write rows of ``examples/generate.py``."""
    path = folder / f"generated-{rows}.csv"
    if not path.exists():
        path.write_text(generate(rows, SEED))
    return path


def show(outcomes: list[Outcome], console: Console) -> None:
    """Print the table."""
    table = Table(title="one build each, alone on the machine", title_justify="left")
    for name in ("data", "rows", "seconds", "outside", "peak MiB", "plain bytes", "bytes", "macro-F1"):
        table.add_column(name, justify="left" if name == "data" else "right")
    for each in outcomes:
        report, usage = each.report, each.report.usage
        if usage is None or report.metrics is None:
            raise ValueError(f"{each.case.name}: the report tells no usage or no scores")
        table.add_row(
            each.case.name,
            f"{report.rows:,}",
            f"{usage.seconds:.1f}",
            f"{each.outside_s:.1f}",
            f"{usage.peak_memory_bytes / 2**20:,.0f}",
            f"{report.plain_bytes:,}",
            f"{report.bytes:,}",
            f"{report.metrics.macro_f1:.4f}",
        )
    console.print(table)


def main(
    rows: Annotated[int, typer.Option(help="Rows of the long generated file.")] = 1_000_000,
    small_rows: Annotated[int, typer.Option(help="Rows that take the place of AI4I where it is absent.")] = 10_000,
) -> None:
    """Build AI4I and a long generated file, by default settings and with a budget, and print one table."""
    console = Console(width=WIDTH)
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="andon-bench-") as scratch:
        folder = Path(scratch)
        long = generated(folder, rows)
        cases = [
            *small(folder, small_rows),
            Case("generated", long, "fault"),
            Case("generated, budget", long, "fault", budget=True),
        ]
        for case in cases:
            console.print(f"building {case.name} …")
            outcomes.append(run(case, folder))
    show(outcomes, console)


if __name__ == "__main__":
    typer.run(main)
