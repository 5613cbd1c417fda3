"""What the drift tests say, over HTTP, and a new baseline after a change that was meant."""

from __future__ import annotations

import asyncio
import json
import uuid
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from model_monitor.authentication import Sender, Senders, by_certificate
from model_monitor.drift.report import Report
from model_monitor.drifting import Drifting
from model_monitor.errors import MonitorError, Reason
from model_monitor.renewing import LONGEST_REASON, Asked, Renewing

LONGEST_NAME = 253


def add_routes(app: web.Application, drifting: Drifting, renewing: Renewing, senders: Senders) -> None:
    """Add the routes to the API's application.

    `GET /v1/models/NAME/drift` says how each column is. `POST /v1/models/NAME/baseline` with `{"reason": …}` begins a
    new baseline; who may send labels may send this. With `"id"` too, the same request may come again and changes
    nothing more; `"by"` says who asked, where another sends it for them.
    """

    async def look(request: web.Request) -> web.Response:
        model = request.match_info["model"]
        report = drifting.report(model)
        if report is None:
            raise _unknown(model)
        return web.json_response(_document(model, drifting.digest(model), report))

    async def renew(request: web.Request) -> web.Response:
        sender = await _sender(request, senders)
        model, asked = request.match_info["model"], _asked(await request.read(), sender.name)
        kept = await asyncio.to_thread(renewing.begin, model, asked)
        # Not watched since the monitor began: the next request begins it.
        report = drifting.report(model) or Report(renewal=kept.renewal)
        return web.json_response(_document(model, drifting.digest(model), report))

    app.router.add_get("/v1/models/{model}/drift", look)
    app.router.add_post("/v1/models/{model}/baseline", renew)


async def _sender(request: web.Request, senders: Senders) -> Sender:
    certificate = request.get_extra_info("peercert")
    if certificate:
        return by_certificate(certificate)
    return await senders.by_token(request.headers.get("Authorization"))


def _asked(body: bytes, sender: str) -> Asked:
    try:
        found = json.loads(body)
        reason, key, by = (_text(found, name) for name in ("reason", "id", "by"))
    except (ValueError, TypeError, AttributeError):
        reason = key = by = ""
    if not 1 <= len(reason) <= LONGEST_REASON or max(len(key), len(by)) > LONGEST_NAME:
        raise MonitorError(
            Reason.INVALID_REQUEST,
            "a new baseline needs a reason",
            found=body[:40].decode(errors="replace"),
            allowed=f'{{"reason": "…"}} with 1 to {LONGEST_REASON} characters; "id" and "by" with up to {LONGEST_NAME}',
            remedy="say what was changed",
        )
    return Asked(reason, key or uuid.uuid4().hex, f"{by}, sent by {sender}" if by else sender)


def _text(found: dict[str, Any], name: str) -> str:
    value = found.get(name, "")
    if not isinstance(value, str):
        raise TypeError(name)
    # PostgreSQL holds no NUL, and neither it nor UTF-8 lone surrogates.
    return value.replace("\x00", "").encode("utf-8", "replace").decode().strip()


def _document(model: str, digest: str, report: Report) -> dict[str, Any]:
    renewal = report.renewal
    return {
        "model": model,
        "digest": digest,
        "windows": report.windows,
        "learning": report.learning,
        "renewal": None
        if renewal is None
        else {
            "reason": renewal.reason,
            "at": datetime.fromtimestamp(renewal.at, UTC).isoformat(),
            "by": renewal.sender,
        },
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
