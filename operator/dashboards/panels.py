"""What all panels share: one data source, chosen in the dashboard, and quiet defaults."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.builders import dashboard as boards
from grafana_foundation_sdk.builders import prometheus, stat, statetimeline, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, DataSourceRef

DATA_SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
HEIGHT, HALF, QUARTER = 8, 12, 6


@dataclass(frozen=True)
class Query:
    """A query with the legend of its series."""

    expression: str
    legend: str = "__auto"


@dataclass(frozen=True)
class Panel:
    """A panel.

    Attributes
    ----------
    kind
        series: over time. number: the latest value. states: what was so when.
    unit
        Grafana's name of it.
    """

    title: str
    description: str
    queries: Sequence[Query]
    kind: str = "series"
    unit: str = "short"
    width: int = HALF
    maximum: float | None = None


@dataclass(frozen=True)
class Row:
    """Panels under a heading."""

    title: str
    panels: Sequence[Panel]


def board(title: str, uid: str, rows: Sequence[Row]) -> str:
    """Give a dashboard as JSON, the same bytes for the same content."""
    built = (
        boards.Dashboard(title)
        .uid(uid)
        .tags(["andon"])
        .refresh("30s")
        .time("now-6h", "now")
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .with_variable(boards.DatasourceVariable("datasource").type("prometheus").label("Data source"))
    )
    numbers = itertools.count(1)
    for row in rows:
        built = built.with_row(boards.Row(row.title).id(next(numbers)))
        for panel in row.panels:
            built = built.with_panel(_panel(panel).id(next(numbers)))
    return JSONEncoder(sort_keys=True, indent=1).encode(built.build()) + "\n"


def _panel(panel: Panel) -> Any:  # noqa: ANN401  the SDK's builders share no type
    builders: dict[str, Any] = {"series": timeseries.Panel, "number": stat.Panel, "states": statetimeline.Panel}
    built = (
        builders[panel.kind]()
        .title(panel.title)
        .description(panel.description)
        .datasource(DATA_SOURCE)
        .unit(panel.unit)
        .height(HEIGHT)
        .span(panel.width)
    )
    if panel.kind == "series":
        built = built.min(0)
    if panel.maximum is not None:
        built = built.max(panel.maximum)
    for number, query in enumerate(panel.queries):
        built = built.with_target(_target(query, chr(ord("A") + number), instant=panel.kind == "number"))
    return built


def _target(query: Query, name: str, *, instant: bool) -> Any:  # noqa: ANN401
    target = prometheus.Dataquery().expr(query.expression).legend_format(query.legend).ref_id(name)
    return target.instant() if instant else target.range()
