"""``python -m model_monitor serve``."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import typer
from pydantic import ValidationError

app = typer.Typer(
    name="model_monitor",
    help="Compare versions of fault-prediction models on mirrored requests, and join labels with them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _commands() -> None:
    """Compare versions of fault-prediction models on mirrored requests, and join labels with them."""


@app.command()
def serve(
    database: Annotated[str | None, typer.Option(help="A file of SQLite, or postgresql://…")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    http_port: Annotated[int | None, typer.Option(help="Of mirrored requests over HTTP.")] = None,
    grpc_port: Annotated[int | None, typer.Option(help="Of mirrored requests over gRPC.")] = None,
    api_port: Annotated[int | None, typer.Option(help="Of labels, evidence, /metrics and /healthz.")] = None,
    page_port: Annotated[int | None, typer.Option(help="Of the page for people.")] = None,
    log_format: Annotated[str | None, typer.Option(help="json or console.")] = None,
) -> None:
    """Receive mirrored requests until told to stop.

    Every setting is an environment variable too, ANDON_MONITOR_… in capitals; docs/monitor.md lists them. Artifacts
    come from $ANDON_STORE.
    """
    from model_builder.settings import Settings as StoreSettings
    from model_monitor.errors import MonitorError
    from model_monitor.logs import configure
    from model_monitor.service import serve as run
    from model_monitor.settings import MonitorSettings

    flags: dict[str, Any] = {
        "database": database,
        "host": host,
        "http_port": http_port,
        "grpc_port": grpc_port,
        "api_port": api_port,
        "page_port": page_port,
        "log_format": log_format,
    }
    try:
        settings = MonitorSettings(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        told = f"The monitor's settings (environment variables ANDON_MONITOR_…) are wrong:\n{error}"
        raise SystemExit(told) from None
    configure(settings.log_level, settings.log_format)
    try:
        asyncio.run(run(settings, StoreSettings.from_environment()))
    except MonitorError as error:
        raise SystemExit(f"{error.reason}: {error.message}. {error.remedy}") from None


if __name__ == "__main__":
    app()
