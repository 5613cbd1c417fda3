"""The operator's own small web server: /healthz, /readyz, /metrics."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from andon.watch.health import Health


@asynccontextmanager
async def serving(health: Health, port: int) -> AsyncIterator[None]:
    """Serve while the context lasts."""

    async def healthz(_: web.Request) -> web.Response:
        troubles = health.troubles()
        return web.Response(text="\n".join(troubles) or "ok", status=500 if troubles else 200)

    async def readyz(_: web.Request) -> web.Response:
        return web.Response(text="ok" if health.started else "starting", status=200 if health.started else 503)

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, port=port).start()
    try:
        yield
    finally:
        await runner.cleanup()
