"""Structured logs: one JSON object a line. Never the values of a row: what a plant measures is its own."""

from __future__ import annotations

import logging
import math
import sys
import time
from collections.abc import Callable

import structlog


class Seldom:
    """Tells whether something of a kind may be logged again: what comes with every request must not fill a disk."""

    def __init__(self, seconds: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._last: dict[str, float] = {}

    def due(self, kind: str) -> bool:
        """Whether nothing of this kind was logged of late; kinds are to be few."""
        now = self._clock()
        if now - self._last.get(kind, -math.inf) < self._seconds:
            return False
        self._last[kind] = now
        return True


def configure(level: str, form: str) -> None:
    """Send all logs, those of libraries too, through one formatter.

    Parameters
    ----------
    form
        ``json`` for machines or ``console`` for people.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    last = structlog.processors.JSONRenderer(sort_keys=True) if form == "json" else structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last]
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # A library's line about a request may hold parts of it.
    for chatty in ("aiohttp", "httpx", "httpcore", "grpc", "sqlalchemy"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))
