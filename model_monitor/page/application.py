"""Serves the page on a port of its own, so that a NetworkPolicy can keep it to the namespace."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import structlog
from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined
from sqlalchemy.exc import SQLAlchemyError

from model_monitor.page import words
from model_monitor.page.charts import chart
from model_monitor.page.facts import Facts, ModelFacts, ModelStory
from model_monitor.storage.database import unavailable

_log = structlog.get_logger(__name__)

REFRESH_SECONDS = 60
FRESH_SECONDS = 5.0
"""How long what was gathered is shown again: however many look, the database is asked no more often."""

TOLD_FEATURES = 200
OVER_TIME = ("recall", "precision", "accuracy", "alarmRecall", "alarmPrecision")

_POLICY = "default-src 'none'; style-src 'nonce-{nonce}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def application(facts: Facts) -> web.Application:
    """Make the application for the page's port. It answers GET alone, and reads nothing of a request but its path."""
    page = _Page(facts)
    app = web.Application()
    app.router.add_get("/", page.overview)
    app.router.add_get("/models/{model}", page.model)
    app.router.add_route("*", "/{other:.*}", page.nothing)
    return app


class _Page:
    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._environment = Environment(
            loader=PackageLoader("model_monitor.page"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals["words"] = words
        self._environment.globals["refresh_seconds"] = REFRESH_SECONDS
        self._known: dict[str, tuple[float, Any]] = {}
        self._asking = asyncio.Lock()

    async def overview(self, request: web.Request) -> web.Response:
        try:
            found: list[ModelFacts] = await self._fresh("", self._facts.all)
        except SQLAlchemyError as error:
            return self._failed(request, error)
        told = [(facts, words.verdict(facts)) for facts in found]
        told.sort(key=lambda one: (words.URGENCY.index(one[1].kind), one[0].seen.name))
        return self._answer(request, "overview.html.j2", models=told, count=words.counted(len(told), "model"))

    async def model(self, request: web.Request) -> web.Response:
        name, now = request.match_info["model"], datetime.now(UTC)
        try:
            story: ModelStory | None = await self._fresh(name, lambda: self._facts.story(name, now))
        except SQLAlchemyError as error:
            return self._failed(request, error)
        if story is None:
            self._known.pop(name, None)
            return await self.nothing(request)
        return self._answer(request, "model.html.j2", **_shown(story))

    async def nothing(self, request: web.Request) -> web.Response:
        headline = "There is no such page"
        detail = "A model shows up here once a request to it has been mirrored."
        status = 404 if request.method in ("GET", "HEAD") else 405
        return self._answer(request, "failed.html.j2", status=status, headline=headline, detail=detail)

    async def _fresh(self, key: str, gather: Callable[[], Any]) -> Any:  # noqa: ANN401 (whatever is gathered)
        async with self._asking:
            known = self._known.get(key)
            if known is None or time.monotonic() - known[0] > FRESH_SECONDS:
                now = time.monotonic()
                self._known = {name: one for name, one in self._known.items() if now - one[0] <= FRESH_SECONDS}
                known = self._known[key] = (now, await asyncio.to_thread(gather))
            return known[1]

    def _failed(self, request: web.Request, error: SQLAlchemyError) -> web.Response:
        told = unavailable(error)
        _log.warning("the database cannot be used", found=told.found)
        headline, detail = "The monitor cannot read its database", told.remedy
        return self._answer(request, "failed.html.j2", status=503, headline=headline, detail=detail)

    def _answer(self, request: web.Request, template: str, status: int = 200, **told: Any) -> web.Response:  # noqa: ANN401
        nonce = secrets.token_urlsafe(16)
        still = request.query.get("refresh") == "off"
        text = self._environment.get_template(template).render(
            nonce=nonce,
            still=still,
            onward="?refresh=off" if still else "",
            namespace=self._facts.namespace,
            now=datetime.now(UTC),
            **told,
        )
        headers = {**_HEADERS, "Content-Security-Policy": _POLICY.format(nonce=nonce)}
        return web.Response(text=text, content_type="text/html", charset="utf-8", status=status, headers=headers)


def _shown(story: ModelStory) -> dict[str, Any]:
    report = story.facts.report
    findings = words.ordered(report) if report else []
    charts = [chart(words.METRICS[metric], metric, story.periods) for metric in OVER_TIME]
    quality = story.facts.quality
    metrics = {score.metric for version in (quality.versions if quality else ()) for score in version.scores}
    return {
        "story": story,
        "facts": story.facts,
        "seen": story.facts.seen,
        "report": report,
        "quality": quality,
        "slices": sorted({one.part for version in (quality.versions if quality else ()) for one in version.slices}),
        "metrics": [metric for metric in words.METRICS if metric in metrics],
        "verdict": words.verdict(story.facts),
        "findings": findings[:TOLD_FEATURES],
        "untold": max(0, len(findings) - TOLD_FEATURES),
        "charts": [one for one in charts if one is not None],
        "over_time": [metric for metric in OVER_TIME if any(metric in one.scores for one in story.periods)],
    }
