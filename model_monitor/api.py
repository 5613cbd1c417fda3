"""The port for labels, the queue, evidence, metrics and health."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy.exc import SQLAlchemyError

from model_monitor.authentication import Sender, Senders, by_certificate
from model_monitor.errors import MonitorError, Reason
from model_monitor.health import Health
from model_monitor.intake import Intake
from model_monitor.labels import from_csv, from_json, summary
from model_monitor.metrics import Metrics
from model_monitor.storage.database import Database, unavailable
from model_monitor.storage.events import Event, Events, Happened
from model_monitor.storage.evidence import evidence
from model_monitor.storage.labelling import Labeller
from model_monitor.storage.waiting import waiting

_log = structlog.get_logger(__name__)

QUEUE_LIMIT = 50
MOST_QUEUE_LIMIT = 1_000
TOLD_REFUSALS = 100

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Parts:
    """What the API stands on."""

    database: Database
    namespace: str
    labeller: Labeller
    events: Events
    senders: Senders
    intake: Intake
    metrics: Metrics
    health: Health
    max_body_bytes: int


def application(parts: Parts) -> web.Application:
    """Make the application for the API's port."""
    api = _Api(parts)
    app = web.Application(client_max_size=parts.max_body_bytes, middlewares=[_typed_errors])
    app.router.add_post("/v1/models/{model}/labels", api.labels)
    app.router.add_get("/v1/models/{model}/queue", api.queue)
    app.router.add_get("/v1/models/{model}/evidence", api.evidence)
    app.router.add_get("/metrics", api.metrics)
    app.router.add_get("/healthz", api.healthz)
    app.router.add_get("/readyz", api.readyz)
    return app


class _Api:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def labels(self, request: web.Request) -> web.Response:
        sender = await self._sender(request)
        model = request.match_info["model"]
        csv = request.content_type == "text/csv"
        body = await request.read()
        given = await asyncio.to_thread(from_csv if csv else from_json, body)
        outcomes = await asyncio.to_thread(self._parts.labeller.label, model, given, sender.name, datetime.now(UTC))
        refused = [error for error in outcomes if isinstance(error, MonitorError)]
        kept = [outcome for outcome in outcomes if not isinstance(outcome, MonitorError)]
        self._parts.metrics.labelled(model, kept)
        await self._note(model, sum(each.what != "unchanged" for each in kept))
        _log.info("labels came", model=model, sender=sender.name, kept=len(kept), refused=len(refused))
        told = [
            {"index": given[place].index, **error.document()}
            for place, error in enumerate(outcomes)
            if isinstance(error, MonitorError)
        ]
        document = {**summary(each.what for each in kept), "refused": len(refused), "refusals": told[:TOLD_REFUSALS]}
        status = 200 if kept or not refused else refused[0].status
        return web.json_response(document, status=status)

    async def _note(self, model: str, labels: int) -> None:
        """Keep for people that labels came; the labels themselves are kept already, whatever becomes of this."""
        if not labels:
            return
        event = Event(datetime.now(UTC), Happened.LABELS_CAME, count=labels)
        try:
            await asyncio.to_thread(self._parts.events.note, model, event)
        except SQLAlchemyError as failure:
            _log.warning("an event cannot be kept", model=model, found=unavailable(failure).found)

    async def _sender(self, request: web.Request) -> Sender:
        certificate = request.get_extra_info("peercert")
        if certificate:
            return by_certificate(certificate)
        return await self._parts.senders.by_token(request.headers.get("Authorization"))

    async def queue(self, request: web.Request) -> web.Response:
        limit = _limit(request.query.get("limit", str(QUEUE_LIMIT)))
        model = request.match_info["model"]
        # What a plant measures is shown to those only who may send labels.
        known = bool(request.get_extra_info("peercert") or request.headers.get("Authorization"))
        if known:
            await self._sender(request)

        def look() -> dict[str, Any]:
            with self._parts.database.read() as connection:
                return waiting(connection, self._parts.namespace, model, limit, features=known)

        return web.json_response(await asyncio.to_thread(look))

    async def evidence(self, request: web.Request) -> web.Response:
        model = request.match_info["model"]
        old, new = request.query.get("old", ""), request.query.get("new", "")

        def look() -> dict[str, Any]:
            # Taken before the counts are read, so that the counts are never older than they are told to be.
            at = self._parts.intake.complete_until(datetime.now(UTC))
            with self._parts.database.read() as connection:
                return evidence(connection, self._parts.namespace, model, old, new, at)

        return web.json_response(await asyncio.to_thread(look))

    async def metrics(self, _request: web.Request) -> web.Response:
        self._parts.metrics.waiting.set(len(self._parts.intake))
        text = await asyncio.to_thread(generate_latest, self._parts.metrics.registry)
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def healthz(self, _request: web.Request) -> web.Response:
        state = self._parts.health.look()
        return web.json_response(state.document(), status=200 if state.alive else 503)

    async def readyz(self, _request: web.Request) -> web.Response:
        state = self._parts.health.look()
        return web.json_response(state.document(), status=200 if state.ready else 503)


def _limit(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_QUEUE_LIMIT:
        raise MonitorError(
            Reason.INVALID_REQUEST,
            "limit is no number of items",
            found=text[:20],
            allowed=f"1 to {MOST_QUEUE_LIMIT:,}",
            remedy="correct it",
        )
    return int(text)


@web.middleware
async def _typed_errors(request: web.Request, handler: _Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except MonitorError as error:
        headers = {"WWW-Authenticate": "Bearer"} if error.reason is Reason.UNAUTHENTICATED else {}
        return web.json_response(error.document(), status=error.status, headers=headers)
    except SQLAlchemyError as failure:
        told = unavailable(failure)
        _log.warning("the database cannot be used", found=told.found)
        return web.json_response(told.document(), status=told.status)
    except web.HTTPRequestEntityTooLarge:
        told = MonitorError(
            Reason.TOO_LARGE,
            "the body is too large",
            found="a larger body",
            allowed="what the setting max_body_bytes says",
            remedy="send it in parts",
        )
        return web.json_response(told.document(), status=told.status)
