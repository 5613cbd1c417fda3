"""Puts the parts together and runs them until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from aiohttp import web
from sqlalchemy.exc import SQLAlchemyError

from model_builder.settings import Settings as StoreSettings
from model_builder.store import open_store
from model_monitor import api, drift_api, quality_api, receiving, receiving_grpc
from model_monitor.authentication import Senders
from model_monitor.declared import Declared
from model_monitor.drifting import Drifting
from model_monitor.features import FeatureKeeper
from model_monitor.health import Health
from model_monitor.intake import Intake
from model_monitor.label_tables import WatchedTable
from model_monitor.label_watching import LabelWatch
from model_monitor.metrics import Metrics
from model_monitor.models import Models
from model_monitor.page import application as page
from model_monitor.page.facts import Facts
from model_monitor.renewing import Renewing
from model_monitor.secured import Secured
from model_monitor.settings import MonitorSettings
from model_monitor.storage.database import Database, unavailable
from model_monitor.storage.events import Events
from model_monitor.storage.labelling import Labeller
from model_monitor.storage.quality import qualities
from model_monitor.storage.recording import KeepInputs, Recorder
from model_monitor.storage.renewals import Renewals
from model_monitor.storage.retention import Bounds, Retention
from model_monitor.worker import Listener, Worker

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Ports:
    """Where the monitor listens.

    Attributes
    ----------
    tls
        The API by TLS; None where it has no certificate.
    """

    http: int
    grpc: int
    api: int
    page: int
    tls: int | None = None


@asynccontextmanager
async def running(
    settings: MonitorSettings, store: StoreSettings, listeners: Sequence[Listener] = ()
) -> AsyncIterator[Ports]:
    """Run the monitor while the block lasts; at its end everything that was taken is written.

    Parameters
    ----------
    listeners
        Called with each scored batch.

    Raises
    ------
    MonitorError
        ``StorageUnavailable``.
    """
    database = Database(settings.database_url())
    intake = Intake(settings.queue_requests, settings.queue_bytes)
    metrics = Metrics(settings.quality_slices)
    renewals = Renewals(database, settings.namespace)
    events = Events(database, settings.namespace)
    drifting = Drifting(metrics.registry, renewals, note=events.note)
    renewing = Renewing(renewals, drifting, events)
    unkept = frozenset((*settings.drop_columns, *settings.hash_columns))
    recorder = Recorder(database, settings.namespace, settings.queue_probability, _keeper(settings), left_out=unkept)
    worker = Worker(
        intake, Models(open_store(store).read), recorder, metrics, settings.flush_seconds, (*listeners, drifting.saw)
    )
    labeller = Labeller(database, settings.namespace, settings.label_tolerance)
    parts = api.Parts(
        database,
        settings.namespace,
        labeller,
        events,
        Senders(settings),
        intake,
        metrics,
        Health(worker, intake),
        settings.max_body_bytes,
    )
    worker.start()
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(database.close)
        stack.push_async_callback(_finish, worker, settings.stop_seconds)
        retention = Retention(database, _bounds(settings))

        def sweep() -> None:
            if removed := retention.sweep(datetime.now(UTC)):
                _log.info("old predictions were removed", predictions=removed)

        def rate() -> None:
            with database.read() as connection:
                now = datetime.now(UTC)
                metrics.live.latest = qualities(connection, settings.namespace, now, settings.quality_window)

        if settings.declarations is not None:
            declared = Declared(settings.declarations, renewing, drifting)
            stack.enter_context(_repeated(declared.look, settings.declarations_seconds))
        stack.enter_context(_repeated(sweep, settings.sweep_seconds))
        stack.enter_context(_repeated(rate, settings.quality_seconds))
        watch = LabelWatch(_tables(settings, database, labeller), metrics, events)
        stack.enter_context(_repeated(watch.look, watch.seconds))
        received = receiving.application(intake, metrics, settings.max_body_bytes)
        http = await _listen(stack, received, settings.host, settings.http_port)
        app = api.application(parts)
        drift_api.add_routes(app, drifting, renewing, parts.senders)
        quality_api.add_routes(app, metrics.live)
        own, secured = await _listen_twice(stack, app, settings)
        people = page.application(Facts(database, settings.namespace, drifting, metrics))
        paged = await _listen(stack, people, settings.host, settings.page_port)
        grpc_server = receiving_grpc.server(intake, metrics, settings.max_body_bytes)
        grpc = grpc_server.add_insecure_port(f"{settings.host}:{settings.grpc_port}")
        await grpc_server.start()
        stack.push_async_callback(grpc_server.stop, 1.0)
        yield Ports(http, grpc, own, paged, secured)


async def serve(settings: MonitorSettings, store: StoreSettings) -> None:
    """Run the monitor until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with running(settings, store) as ports:
        _log.info("listening", http=ports.http, grpc=ports.grpc, api=ports.api, page=ports.page)
        await stop.wait()
        _log.info("stopping")
    _log.info("stopped")


async def _listen(stack: contextlib.AsyncExitStack, app: web.Application, host: str, port: int) -> int:
    return await _site(await _runner(stack, app), host, port)


async def _listen_twice(
    stack: contextlib.AsyncExitStack, app: web.Application, settings: MonitorSettings
) -> tuple[int, int | None]:
    """Serve the API plainly, for the operator, probes and Prometheus, and by TLS where there is a certificate."""
    runner = await _runner(stack, app)
    plain = await _site(runner, settings.host, settings.api_port)
    if settings.tls_certificate is None:
        return plain, None
    secured = Secured(settings.tls_certificate, settings.tls_key, settings.tls_client_ca)
    stack.enter_context(_repeated(secured.renew, settings.tls_seconds))
    return plain, await _site(runner, settings.host, settings.tls_port, secured.context)


async def _runner(stack: contextlib.AsyncExitStack, app: web.Application) -> web.AppRunner:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    return runner


async def _site(runner: web.AppRunner, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
    await web.TCPSite(runner, host, port, ssl_context=tls).start()
    return int(runner.addresses[-1][1])


def _keeper(settings: MonitorSettings) -> KeepInputs | None:
    if not settings.keep_rows:
        return None
    dropped, hashed = frozenset(settings.drop_columns), frozenset(settings.hash_columns)
    return FeatureKeeper(dropped, hashed, settings.hash_key()).contents


def _tables(settings: MonitorSettings, database: Database, labeller: Labeller) -> list[tuple[WatchedTable, float]]:
    return [(WatchedTable(one, database, settings.namespace, labeller), one.seconds) for one in settings.label_tables]


def _bounds(settings: MonitorSettings) -> Bounds:
    return Bounds(settings.keep_for, settings.keep_predictions, settings.keep_bytes)


@contextlib.contextmanager
def _repeated(work: Callable[[], None], seconds: float) -> Iterator[None]:
    """Do something with the database now and then while the block lasts."""

    async def repeat() -> None:
        while True:
            try:
                await asyncio.to_thread(work)
            except SQLAlchemyError as error:
                _log.warning("the database cannot be used", work=work.__name__, found=unavailable(error).found)
            await asyncio.sleep(seconds)

    task = asyncio.create_task(repeat())
    try:
        yield
    finally:
        task.cancel()


async def _finish(worker: Worker, seconds: float) -> None:
    if not await asyncio.to_thread(worker.stop, seconds):
        _log.warning("requests were lost: they could not be written in time")
