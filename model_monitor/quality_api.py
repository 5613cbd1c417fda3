"""Live scores of the versions of a model, over HTTP: what the operator reacts to."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from model_monitor.errors import MonitorError, Reason
from model_monitor.metrics import LiveScores
from model_monitor.storage.quality import ModelQuality, VersionQuality


def add_routes(app: web.Application, live: LiveScores) -> None:
    """Add the route to the API's application.

    `GET /v1/models/NAME/quality` gives the scores of the version that serves, of the candidate, and of the version that
    served before, as far as labelled rows of the window tell of them.
    """

    async def look(request: web.Request) -> web.Response:
        name = request.match_info["model"]
        found = live.of(name)
        if found is None:
            raise MonitorError(
                Reason.UNKNOWN_MODEL,
                "no request to this model was seen",
                found=name[:64],
                allowed="a model whose requests are mirrored here",
                remedy="see that spec.monitoring is enabled, and send a request",
            )
        return web.json_response(_document(found))

    app.router.add_get("/v1/models/{model}/quality", look)


def _document(quality: ModelQuality) -> dict[str, Any]:
    versions = [*quality.versions, *([quality.former] if quality.former is not None else [])]
    return {
        "model": quality.model,
        "rows": quality.rows,
        "labelled": quality.labelled,
        "versions": [_version(one) for one in versions],
    }


def _version(quality: VersionQuality) -> dict[str, Any]:
    return {
        "track": quality.track,
        "version": quality.number,
        "digest": quality.digest,
        "labelled": quality.labelled,
        "faults": quality.faults,
        "scores": [
            {"metric": one.metric, "value": one.value, "lower": one.lower, "upper": one.upper} for one in quality.scores
        ],
    }
