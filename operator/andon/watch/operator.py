"""The running operator: watches, queue, leadership and workers put together, and taken apart in order."""

import asyncio
import contextlib
from typing import Any, cast

import kopf
import structlog

from andon.adapters.clock import SystemClock
from andon.adapters.envoy import EnvoyRouters
from andon.adapters.kubernetes import KubernetesCluster, connect
from andon.adapters.lease import lead, release
from andon.adapters.metrics import ScrapedMetrics
from andon.adapters.monitor import HttpMonitor
from andon.adapters.prometheus import PrometheusMetrics
from andon.core.access import needed
from andon.reconcile import Key, Reconciler, Sources
from andon.settings import Settings
from andon.watch import events, metrics
from andon.watch.access import Access
from andon.watch.fleet import Fleet
from andon.watch.health import Health
from andon.watch.queue import KeyedQueue
from andon.watch.resync import Resync
from andon.watch.server import serving
from andon.watch.sightings import Sightings
from andon.watch.workers import work

_log = structlog.get_logger()

_STOP_SECONDS = 20
"""How long a stop waits for reconciles that are under way."""


async def run(settings: Settings) -> None:
    """Run until the process is told to stop, or until leadership is lost.

    A stop lets each worker end the reconcile that it is in, then gives the lease back.
    """
    api = await connect()
    health, sightings = Health(), Sightings()
    address = settings.prometheus_address
    counts = PrometheusMetrics(address) if address else ScrapedMetrics()
    routers, monitor = EnvoyRouters(), HttpMonitor(settings.cluster_domain)
    queue: KeyedQueue[Key] = KeyedQueue(on_depth=metrics.QUEUE_DEPTH.set)
    cluster = KubernetesCluster(api)
    sources = Sources(routers, counts, monitor)
    reconciler = Reconciler(cluster, sources, SystemClock(), settings.platform(), Fleet())
    resync = Resync(cluster.list_metadata, sightings, health, queue.add, settings.namespaces, cluster.optional_kinds)

    lease = settings.lease_namespace, settings.lease_name
    rights = needed(settings.namespaces, gateway_api=settings.gateway_api, lease=lease)

    idle = asyncio.Event()
    idle.set()

    async def work_as_leader() -> None:
        metrics.LEADER.set(1)
        idle.clear()
        resyncing = asyncio.create_task(resync.run(settings.resync_seconds))
        try:
            await work(queue, reconciler.reconcile, settings.workers)
        finally:
            resyncing.cancel()
            idle.set()

    try:
        async with serving(health, settings.port):
            checking = asyncio.create_task(Access(cluster.allowed, rights).run(settings.resync_seconds))
            watching = asyncio.create_task(_watch(settings, queue, sightings, health))
            leading = asyncio.create_task(lead(api, *lease, settings.identity, work_as_leader))
            await asyncio.wait((watching, leading), return_when=asyncio.FIRST_COMPLETED)
            _log.info("stopping", watching=not watching.done(), leading=not leading.done())
            queue.close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(idle.wait(), _STOP_SECONDS)
            await _cancel(checking, watching, leading)
    finally:
        metrics.LEADER.set(0)
        await release(api, *lease, settings.identity)
        for source in (routers, counts, monitor):
            await source.close()
        await api.close()


async def _watch(settings: Settings, queue: KeyedQueue[Key], sightings: Sightings, health: Health) -> None:
    ready = asyncio.Event()
    watching = asyncio.create_task(
        kopf.operator(
            registry=events.registry(queue.add, sightings),
            settings=events.settings(),
            identity=cast("Any", settings.identity),  # else Kopf asks for a user's name, and uid 65532 has none
            standalone=True,
            clusterwide=not settings.namespaces,
            namespaces=settings.namespaces,
            ready_flag=ready,
        )
    )
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait((watching, waiting), return_when=asyncio.FIRST_COMPLETED)
    health.started = ready.is_set()
    waiting.cancel()
    await watching


async def _cancel(*tasks: "asyncio.Task[None]") -> None:
    for task in tasks:
        if not task.done():
            task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(*tasks)
