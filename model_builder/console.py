"""What people see on the terminal: progress, summary, and errors that say how to mend them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from model_builder.errors import BuilderError
from model_builder.model_report import ModelReport
from model_builder.progress import Step
from model_builder.report import Usage


class ConsoleProgress:
    """A spinner while a step runs, one line when it is done."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def step(self, name: str, what: str) -> Iterator[Step]:  # noqa: ARG002 (the protocol's signature)
        """Show a step."""
        start = time.monotonic()
        with self._console.status(f"{escape(what)} …") as status:
            step = Step(lambda text: status.update(f"{escape(what)} … {escape(text)}"))
            yield step
        seconds = time.monotonic() - start
        self._console.print(f"[green]✓[/] {escape(what)}  [dim]{escape(step.result)}  {seconds:.1f} s[/]")

    def note(self, text: str) -> None:
        """Show a note."""
        self._console.print(f"[yellow]•[/] {escape(text)}")


def summary(report: ModelReport, digest: str, place: str, usage: Usage) -> RenderableType:
    """Sum up a finished build: what it made, how good that is, and what it took of the machine."""
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim")
    facts.add_column()
    rows = [
        ("rows", f"{report.data.rows:,}, {report.split.held_out_rows:,} of them held out"),
        ("classes", ", ".join(f"{each.name}: {each.rows:,}" for each in report.classes)),
        ("features", ", ".join(report.signature.numeric + report.signature.categorical)),
        ("model.onnx", f"{report.bytes:,} bytes ({report.estimator}, {report.trees:,} trees, {report.nodes:,} nodes)"),
        ("plain export", "none" if report.plain_bytes is None else f"{report.plain_bytes:,} bytes"),
        ("digest", digest),
        ("artifact", place),
        ("took", f"{usage.seconds:.1f} s, at most {usage.peak_memory_bytes / 2**20:,.0f} MiB of memory"),
        ("as a page", f"python -m model_builder report {place}"),
    ]
    for name, value in rows:
        facts.add_row(name, Text(value, overflow="fold"))
    return Panel(Group(facts, Text(), _scores(report), Text(), _confusion(report)), title=report.name, expand=False)


def problem(error: BuilderError) -> RenderableType:
    """Show what went wrong and how to mend it."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column()
    for name, value in (("found", error.found), ("allowed", error.allowed), ("to mend it", error.remedy)):
        if value:
            grid.add_row(name, Text(value, overflow="fold"))
    message = Text(error.message, style="bold", overflow="fold")
    return Panel(Group(message, Text(), grid), title=error.reason.value, border_style="red", expand=False)


def _scores(report: ModelReport) -> Table:
    table = Table(title="scores on the held-out rows", title_justify="left")
    values = report.metrics.model_dump(exclude_none=True)
    for name in values:
        table.add_column(name.replace("_", " "), justify="right")
    table.add_row(*[f"{value:.4f}" for value in values.values()])
    return table


def _confusion(report: ModelReport) -> Table:
    table = Table(title="confusion matrix", title_justify="left")
    table.add_column("actual")
    for name in report.signature.classes:
        table.add_column(Text(f"predicted {name}"), justify="right")
    for name, counts in zip(report.signature.classes, report.confusion_matrix, strict=True):
        table.add_row(Text(name), *[f"{count:,}" for count in counts])
    return table
