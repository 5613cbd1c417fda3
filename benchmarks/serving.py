"""The slim Triton image against MLServer, with the same forest: requests per second, latency, memory.

Run ``python -m benchmarks.serving`` from the repository's root, as root (the image is run without a container engine).
All servers are up at once and idle but for the one under load; their windows of load alternate, so that what else
goes on in the machine hits all of them. Before anything is measured, every server must label the held-out rows as
scikit-learn does.
"""

from __future__ import annotations

import json
import re
import shutil
import statistics
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks import load, servers
from benchmarks.real_data import data_file
from lab import shell
from lab.console import CONSOLE, step
from lab.paths import REPOSITORY, Paths

CONNECTIONS = (1, 8)
CHECKED_ROWS = 200
WIDTH = 100


@dataclass
class Result:
    """One server at one number of connections, over all windows."""

    rates: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    wrk: list[float] = field(default_factory=list)
    memory: int = 0

    @property
    def rate(self) -> float:
        return statistics.median(self.rates)

    def percentile(self, share: float) -> float:
        """Return the latency in milliseconds below which `share` of all requests stayed."""
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(int(share * len(ordered)), len(ordered) - 1)]


Results = dict[tuple[str, int], Result]


@dataclass(frozen=True)
class Data:
    """A CSV file to train on."""

    path: Path
    target: str = "fault"
    excluded: tuple[str, ...] = ()


def choose_data(given: Path | None, folder: Path) -> Data:
    """Take the file that was given, else AI4I where it is at hand, else generate one."""
    if given is not None:
        return Data(given)
    ai4i = data_file("ai4i2020/ai4i2020.csv")
    if ai4i is not None:
        return Data(ai4i, "Machine failure", ("UDI", "TWF", "HDF", "PWF", "OSF", "RNF"))
    generated = folder / "machine_fault.csv"
    shell.run(sys.executable, REPOSITORY / "examples/generate.py", "--rows", "10000", "--out", generated)
    return Data(generated)


def train(data: Data, environment: Path, folder: Path) -> None:
    """Train the forest in MLServer's environment and write it into `folder` for both servers."""
    program = REPOSITORY / "benchmarks/forest.py"
    words: list[str | Path] = [
        "--data",
        data.path,
        "--target",
        data.target,
        "--out",
        folder,
        "--exclude",
        *data.excluded,
    ]
    with step(f"training 100 trees on {data.path.name}"):
        shell.run(environment / "bin/python", program, *words)


def check(server: servers.Server, rows: Sequence[Sequence[float]], labels: Sequence[int]) -> None:
    """Raise unless `server` gives every row the label that scikit-learn gave it."""
    requests = load.infer_requests(server.path, rows, server.output)
    given = [int(json.loads(body)["outputs"][0]["data"][0]) for body in load.answers(server.port, requests)]
    wrong = sum(mine != theirs for mine, theirs in zip(given, labels, strict=True))
    if wrong:
        raise RuntimeError(f"{server.name} gives {wrong} of {len(rows)} rows another label than scikit-learn")


def measure(
    subjects: Sequence[servers.Server], rows: Sequence[Sequence[float]], rounds: int, seconds: float
) -> Results:
    """Load every server in turn, again and again, at every number of connections."""
    results: Results = {}
    for turn in range(rounds):
        for connections in CONNECTIONS:
            for server in subjects:
                result = results.setdefault((server.name, connections), Result())
                with step(f"round {turn + 1} of {rounds}: {server.name}, {connections} connections") as current:
                    requests = load.infer_requests(server.path, rows, server.output)
                    window = load.measure(server.port, requests, connections, seconds)
                    result.rates.append(len(window.latencies) / window.seconds)
                    result.latencies += window.latencies
                    if shutil.which("wrk"):
                        result.wrk.append(wrk(server, requests[0], connections, seconds))
                    result.memory = max(result.memory, server.memory())
                    current.note = f"{result.rates[-1]:,.0f} requests/s"
    return results


def wrk(server: servers.Server, request: bytes, connections: int, seconds: float) -> float:
    """Return the requests per second that wrk reaches with the same request."""
    body = request.partition(load.HEAD_END)[2].decode()
    script = f'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\nwrk.body = [[{body} ]]\n'
    with TemporaryDirectory() as folder:
        path = Path(folder) / "post.lua"
        path.write_text(script)
        url = f"http://127.0.0.1:{server.port}{server.path}"
        words = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "-s", str(path), url]
        said = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in said:
        raise RuntimeError(f"{server.name} refused wrk's requests:\n{said}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", said)
    if found is None:
        raise RuntimeError(f"wrk gave no rate:\n{said}")
    return float(found[1])


def table(results: Results) -> Table:
    """Lay the results out; ratios compare with the first server at the same number of connections."""
    with_wrk = any(result.wrk for result in results.values())
    shown = Table(title="One row a request, 100-tree forest, HTTP, same machine, same run")
    for heading in ("conns", "server", "requests/s", "p50 ms", "p99 ms", "memory MB"):
        shown.add_column(heading, justify="left" if heading == "server" else "right", no_wrap=True)
    if with_wrk:
        shown.add_column("with wrk", justify="right", no_wrap=True)
    shown.add_column("relative", justify="right", no_wrap=True)
    baseline: dict[int, Result] = {}
    for (name, connections), result in sorted(results.items(), key=lambda item: item[0][1]):
        best = baseline.setdefault(connections, result)
        cells = [str(connections), name, f"{result.rate:,.0f}"]
        cells += [f"{result.percentile(share):.2f}" for share in (0.5, 0.99)]
        cells.append(f"{result.memory / 1e6:.0f}")
        if with_wrk:
            cells.append(f"{statistics.median(result.wrk):,.0f}")
        cells.append("1" if best is result else f"1/{best.rate / result.rate:,.0f}")
        shown.add_row(*cells)
    return shown


def main(
    data: Annotated[Path | None, typer.Option(help="CSV file with numeric columns and a 0/1 column `fault`")] = None,
    rounds: Annotated[int, typer.Option(min=1, max=20, help="windows for each server and number of connections")] = 3,
    seconds: Annotated[float, typer.Option(min=0.5, max=60, help="length of a window")] = 3.0,
) -> None:
    """Compare the slim Triton image with MLServer."""
    paths = Paths.from_environment()
    environment = servers.mlserver_environment(paths.cache)
    with TemporaryDirectory(prefix="andon-serving-", dir="/var/tmp") as temporary, ExitStack() as stack:
        folder = Path(temporary)
        folder.chmod(0o755)  # the image's user reads the model
        train(choose_data(data, folder), environment, folder)
        held_out = json.loads((folder / "held_out.json").read_text())
        rows, labels = held_out["rows"][:CHECKED_ROWS], held_out["labels"][:CHECKED_ROWS]
        with step("starting the servers"):
            subjects = [
                stack.enter_context(servers.triton(paths, folder / "triton")),
                stack.enter_context(servers.mlserver(environment, folder / "mlserver", batching=False)),
                stack.enter_context(servers.mlserver(environment, folder / "mlserver", batching=True)),
            ]
        with step(f"checking {len(rows)} labels against scikit-learn's"):
            for server in subjects:
                check(server, rows, labels)
        results = measure(subjects, rows, rounds, seconds)
    Console(width=WIDTH).print(table(results))
    CONSOLE.print("[dim]rates: median of the windows; memory: PSS of all processes of the server after its load[/]")


if __name__ == "__main__":
    typer.run(main)
