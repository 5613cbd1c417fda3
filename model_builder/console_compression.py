"""What ``compress`` shows on the terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from model_builder.compressing import CompressionView


def compression_panel(view: CompressionView) -> RenderableType:
    """Show what became smaller, what that cost, and what else there was to choose from."""
    first = view.plain_bytes or (view.reductions[0].bytes_before if view.reductions else view.bytes)
    head = Text(f"{first:,} bytes became {view.bytes:,}, {first / view.bytes:,.1f} times smaller", style="bold")
    parts: list[RenderableType] = [head, Text(view.why, overflow="fold"), Text(), _scores(view)]
    if view.reductions:
        parts += [Text(), _steps(view)]
    if view.front:
        parts += [Text(), _front(view)]
    facts = [("digest", view.digest)] + ([("artifact", view.uri)] if view.uri else [])
    usage = view.usage
    facts.append(("took", f"{usage.seconds:.1f} s, at most {usage.peak_memory_bytes / 2**20:,.0f} MiB of memory"))
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column()
    for name, value in facts:
        grid.add_row(name, Text(value, overflow="fold"))
    return Panel(Group(*parts, Text(), grid), title=view.name, expand=False)


def _scores(view: CompressionView) -> Table:
    table = _table("on the held-out rows", "score", "before", "after", "difference")
    before, after = view.before.model_dump(), view.after.model_dump()
    for name, value in before.items():
        if isinstance(value, float) and isinstance(after[name], float):
            difference = after[name] - value
            table.add_row(name.replace("_", " "), f"{value:.4f}", f"{after[name]:.4f}", f"{difference:+.4f}")
    return table


def _steps(view: CompressionView) -> Table:
    table = _table("step by step", "step", "what", "bytes before", "bytes after", "splits")
    for each in view.reductions:
        sizes = (f"{each.bytes_before:,}", f"{each.bytes_after:,}", f"{each.splits_after:,}")
        table.add_row(each.step, Text(each.detail, overflow="fold"), *sizes)
    return table


def _front(view: CompressionView) -> Table:
    title = f"candidates, points gained over the model as trained (mean of {view.folds} folds)"
    table = _table(title, "candidate", "bytes", "macro-F1", "best F1", "average precision", "surely as good")
    for each in view.front:
        gains = [f"{100 * value:+.1f}" for value in (each.macro_f1, each.best_f1, each.average_precision)]
        chosen = each.name == view.chosen
        table.add_row(
            Text(("→ " if chosen else "") + each.name, overflow="fold"),
            f"{each.bytes:,}",
            *gains,
            "yes" if each.equal else "no",
            style="bold" if chosen else "",
        )
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    for name in columns:
        table.add_column(name, justify="left" if name in ("score", "step", "what", "candidate") else "right")
    return table
