"""What a hop through the router costs: Triton direct, through Envoy as the operator runs it and bare, through Traefik.

Run ``python -m benchmarks.router`` from the repository's root, as root (the image is run without a container engine).
All are up at once and idle but for the one under load; their windows alternate. Before anything is measured, every way
must give the held-out rows the labels that scikit-learn gave them.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks import routers, servers
from benchmarks.routers import BARE
from benchmarks.serving import CHECKED_ROWS, Result, Results, check, choose_data, measure, train
from lab.console import CONSOLE, step
from lab.paths import Paths

DIRECT = "direct"
AIM_SHARE = 0.60
"""Of the direct requests/s that the router should reach at `AIM_CONNECTIONS`."""
AIM_CONNECTIONS = 8
AIM_MORE = 0.2
"""Milliseconds that the router should add at most to the median latency of one connection."""


def table(results: Results) -> Table:
    """Lay the results out beside the direct way at the same number of connections."""
    shown = Table(title="One row a request, 100-tree forest, HTTP, kept connections, same machine, same run")
    for heading in ("conns", "way", "requests/s", "of direct", "p50 ms", "more", "p99 ms", "with wrk", "of direct"):
        shown.add_column(heading, justify="left" if heading == "way" else "right", no_wrap=True)
    for (name, connections), result in sorted(results.items(), key=lambda item: item[0][1]):
        direct = results[DIRECT, connections]
        median, more = result.percentile(0.5), result.percentile(0.5) - direct.percentile(0.5)
        cells = [str(connections), name, f"{result.rate:,.0f}", f"{result.rate / direct.rate:.0%}", f"{median:.2f}"]
        cells += [f"{more:+.2f}" if name != DIRECT else "", f"{result.percentile(0.99):.2f}"]
        if result.wrk:
            rate = statistics.median(result.wrk)
            cells += [f"{rate:,.0f}", f"{rate / statistics.median(direct.wrk):.0%}"]
        shown.add_row(*cells)
    return shown


def verdict(results: Results) -> str:
    """Say whether the router is within its aims, and whether Envoy is with the least configuration."""
    share, least_share = (_rate(results[name, AIM_CONNECTIONS]) for name in ("Envoy", BARE))
    direct = _rate(results[DIRECT, AIM_CONNECTIONS])
    more, least_more = (
        results[name, 1].percentile(0.5) - results[DIRECT, 1].percentile(0.5) for name in ("Envoy", BARE)
    )
    said = (
        f"Envoy at {AIM_CONNECTIONS} connections: {share / direct:.0%} of direct (aim: {AIM_SHARE:.0%} or more; bare:"
        f" {least_share / direct:.0%}); at one: {more:+.2f} ms at the median (aim: {AIM_MORE} ms or less; bare:"
        f" {least_more:+.2f} ms)"
    )
    if least_share / direct < AIM_SHARE or least_more > AIM_MORE:
        said += ". Bare Envoy misses an aim too: here no configuration of it would do"
    return said


def _rate(result: Result) -> float:
    """Give requests per second, by wrk where it is there, since it takes least of the machine."""
    return statistics.median(result.wrk) if result.wrk else result.rate


def main(
    data: Annotated[Path | None, typer.Option(help="CSV file with numeric columns and a 0/1 column `fault`")] = None,
    rounds: Annotated[int, typer.Option(min=1, max=20, help="windows for each way and number of connections")] = 6,
    seconds: Annotated[float, typer.Option(min=0.5, max=60, help="length of a window")] = 1.5,
) -> None:
    """Compare Triton direct with the ways through Envoy and Traefik."""
    paths = Paths.from_environment()
    with TemporaryDirectory(prefix="andon-router-", dir="/var/tmp") as temporary, ExitStack() as stack:
        folder = Path(temporary)
        folder.chmod(0o755)  # the image's user reads the model
        train(choose_data(data, folder), Path(sys.prefix), folder)
        held_out = json.loads((folder / "held_out.json").read_text())
        rows, labels = held_out["rows"][:CHECKED_ROWS], held_out["labels"][:CHECKED_ROWS]
        with step("starting Triton and the routers"):
            direct = replace(stack.enter_context(servers.triton(paths, folder / "triton")), name=DIRECT)
            subjects: Sequence[servers.Server] = [
                direct,
                stack.enter_context(routers.envoy(direct, folder / "envoy")),
                stack.enter_context(routers.bare_envoy(direct, folder / "bare")),
                stack.enter_context(routers.traefik(direct, paths, folder / "traefik")),
            ]
        with step(f"checking {len(rows)} labels against scikit-learn's"):
            for subject in subjects:
                check(subject, rows, labels)
        results = measure(subjects, rows, rounds, seconds)
    Console(width=120).print(table(results))
    CONSOLE.print(verdict(results))
    CONSOLE.print("[dim]rates: median of the windows; percentiles over all of them[/]")


if __name__ == "__main__":
    typer.run(main)
