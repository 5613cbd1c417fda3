"""What the drift tests say, over HTTP, and a new baseline after a change that was meant."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import structlog
from aiohttp import web

from model_monitor.authentication import Sender, Senders, by_certificate
from model_monitor.drift.report import Report
from model_monitor.drifting import Drifting
from model_monitor.errors import MonitorError, Reason

_log = structlog.get_logger(__name__)

LONGEST_REASON = 500


def add_routes(app: web.Application, drifting: Drifting, senders: Senders) -> None:
    """Add the routes to the API's application.

    `GET /v1/models/NAME/drift` says how each column is. `POST /v1/models/NAME/baseline` with `{"reason": …}` begins a
    new baseline; who may send labels may send this.
    """

    async def look(request: web.Request) -> web.Response:
        return web.json_response(_document(request.match_info["model"], drifting))

    async def renew(request: web.Request) -> web.Response:
        sender = await _sender(request, senders)
        model, reason = request.match_info["model"], _reason(await request.read())
        if not drifting.renew(model, reason, datetime.now(UTC).timestamp()):
            raise _unknown(model)
        _log.info("a new baseline begins", model=model, sender=sender.name, reason=reason)
        return web.json_response(_document(model, drifting))

    app.router.add_get("/v1/models/{model}/drift", look)
    app.router.add_post("/v1/models/{model}/baseline", renew)


async def _sender(request: web.Request, senders: Senders) -> Sender:
    certificate = request.get_extra_info("peercert")
    if certificate:
        return by_certificate(certificate)
    return await senders.by_token(request.headers.get("Authorization"))


def _reason(body: bytes) -> str:
    try:
        found = json.loads(body)
        reason = found["reason"].strip()
    except (ValueError, TypeError, KeyError, AttributeError):
        reason = ""
    if not 1 <= len(reason) <= LONGEST_REASON:
        raise MonitorError(
            Reason.INVALID_REQUEST,
            "a new baseline needs a reason",
            found=body[:40].decode(errors="replace"),
            allowed=f'{{"reason": "…"}} with 1 to {LONGEST_REASON} characters',
            remedy="say what was changed",
        )
    return str(reason)


def _document(model: str, drifting: Drifting) -> dict[str, Any]:
    report: Report | None = drifting.report(model)
    if report is None:
        raise _unknown(model)
    renewal = report.renewal
    return {
        "model": model,
        "windows": report.windows,
        "learning": report.learning,
        "renewal": None
        if renewal is None
        else {"reason": renewal.reason, "at": datetime.fromtimestamp(renewal.at, UTC).isoformat()},
        "features": [
            {
                "name": one.name,
                "state": one.state,
                "kind": one.fault,
                "psi": one.psi,
                "pValue": one.p_value,
                "rows": one.rows,
                "units": one.units,
            }
            for one in report.findings
        ],
    }


def _unknown(model: str) -> MonitorError:
    return MonitorError(
        Reason.UNKNOWN_MODEL,
        "no request to this model was scored since the monitor began",
        found=model[:64],
        allowed="a model whose requests are mirrored here",
        remedy="see that spec.monitoring is enabled, and send a request",
    )
