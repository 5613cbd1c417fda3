"""What ``inspect`` and ``validate`` show on the terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from model_builder.inspecting import ColumnView, DataView
from model_builder.model_report import EvaluationFacts, ScoreFacts
from model_builder.validating import ValidationView


def data_view(view: DataView) -> RenderableType:
    """Show data as a build would see it."""
    facts = _grid(
        [
            ("rows", f"{view.rows:,} of {view.rows_in_file:,}"),
            (
                "classes",
                ", ".join(f"{each.name}: {each.rows:,} ({each.held_out_rows:,} held out)" for each in view.classes),
            ),
            ("split", view.split),
            ("sha256", view.sha256),
        ]
    )
    columns = Table(title="columns", title_justify="left")
    for name in ("column", "use", "missing", "values"):
        columns.add_column(name)
    for column in view.columns:
        missing = "" if column.missing is None else f"{column.missing:,}"
        columns.add_row(Text(column.name), Text(column.use), missing, Text(_values(column)))
    parts: list[RenderableType] = [facts, Text(), columns]
    if view.leaks:
        told = [(name, evidence) for name, evidence in view.leaks.items()]
        parts += [
            Text(),
            Text("these nearly give the target away and would stop a build", style="bold red"),
            _grid(told),
        ]
    if view.notes:
        parts += [Text(), *(Text(f"• {note}") for note in view.notes)]
    return Panel(Group(*parts), title=Text(view.uri), expand=False)


def validation_view(view: ValidationView) -> RenderableType:
    """Show how an artifact did on data."""
    facts = _grid(
        [
            ("digest", view.digest),
            (
                "golden samples",
                f"{view.golden_samples} answered as when the model was built, by ONNX Runtime {view.onnxruntime}",
            ),
            ("rows", f"{view.evaluation.rows:,}"),
            ("gates", f"{len(view.gates)} met" if view.gates else "none"),
        ]
    )
    parts: list[RenderableType] = [facts, Text(), _scores(view.evaluation)]
    if view.evaluation.slices:
        parts += [Text(), _slices(view.evaluation)]
    return Panel(Group(*parts), title=view.name, expand=False)


def _grid(rows: list[tuple[str, str]]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column()
    for name, value in rows:
        grid.add_row(Text(name), Text(value, overflow="fold"))
    return grid


def _values(column: ColumnView) -> str:
    if column.use == "number":
        return f"{column.low:g} to {column.high:g}"
    return ", ".join(column.values) or column.why


def _scores(facts: EvaluationFacts) -> Table:
    table = Table(title="scores", title_justify="left")
    for name in ("score", "value", "95% interval", "method"):
        table.add_column(name)
    for name, score in facts.scores.items():
        table.add_row(name, *_cells(score), score.method)
    return table


def _slices(facts: EvaluationFacts) -> Table:
    table = Table(title="by value", title_justify="left")
    for name in ("column", "value", "rows", "faults", "precision", "recall", "F1"):
        table.add_column(name)
    for each in facts.slices:
        faults = "" if each.faults is None else f"{each.faults:,}"
        scores = [" ".join(_cells(each.scores[name])) for name in ("precision", "recall", "f1")]
        table.add_row(Text(each.column), Text(each.value or "(missing)"), f"{each.rows:,}", faults, *scores)
    return table


def _cells(score: ScoreFacts) -> tuple[str, str]:
    if score.value is None:
        return "-", ""
    bounds = "" if score.low is None or score.high is None else f"[{score.low:.3f}, {score.high:.3f}]"
    return f"{score.value:.4f}", bounds.replace("[", r"\[")
