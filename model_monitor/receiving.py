"""Receives mirrored requests over HTTP: answered before they are scored, or even read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from aiohttp import web

from model_monitor.envelope import Envelope, envelope
from model_monitor.errors import MonitorError
from model_monitor.inference_json import BINARY_HEADER, decode
from model_monitor.intake import Decode, Intake, Waiting
from model_monitor.metrics import Metrics
from model_monitor.tensors import Tensors, invalid
from model_monitor.worker import refusal

_INFER = ("/v2/models/{model}/infer", "/v2/models/{model}/versions/{version}/infer")


def application(intake: Intake, metrics: Metrics, max_body_bytes: int) -> web.Application:
    """Make the application for the port of mirrored requests."""

    async def infer(request: web.Request) -> web.Response:
        now = datetime.now(UTC)
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            metrics.drop("too_large", request.match_info["model"])
            raise
        except web.RequestPayloadError:
            metrics.drop("invalid_request", request.match_info["model"])
            raise web.HTTPBadRequest(text="The body cannot be decompressed.") from None
        headers = {name.lower(): value for name, value in request.headers.items()}
        model = request.match_info["model"]
        return answer(take(intake, metrics, Waiting(now, len(body), reader(headers, model, body, now)), model))

    app = web.Application(client_max_size=max_body_bytes)
    for path in _INFER:
        app.router.add_post(path, infer)
    return app


def reader(headers: Mapping[str, str], model: str, body: bytes, now: datetime) -> Decode:
    """Give what reads a request later."""

    def read() -> tuple[Envelope, Tensors]:
        length = headers.get(BINARY_HEADER)
        if length is not None and not length.isdecimal():
            raise invalid(f"the header {BINARY_HEADER} is no length", allowed="a number of bytes")
        request = decode(body, None if length is None else int(length))
        return envelope(headers, model, request.id, now), request.tensors

    return read


def take(intake: Intake, metrics: Metrics, waiting: Waiting, model: str) -> MonitorError | None:
    """Put a request into the queue; give why not, where there is no room."""
    if intake.offer(waiting):
        return None
    metrics.drop("queue_full", model)
    return refusal(waiting.at)


def answer(error: MonitorError | None) -> web.Response:
    """Answer a mirrored request; the router that mirrored it does not read this, people who try may."""
    return web.Response(status=202) if error is None else web.json_response(error.document(), status=error.status)
