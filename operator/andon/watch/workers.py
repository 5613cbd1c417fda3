"""Workers take keys from the queue, reconcile them, and put them back where that failed or is not the end."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog
from structlog.contextvars import bound_contextvars

from andon.errors import AndonError, ConflictError, UnavailableError
from andon.reconcile import Key
from andon.watch import metrics
from andon.watch.queue import KeyedQueue

_log = structlog.get_logger()

Reconcile = Callable[[Key], Awaitable[timedelta | None]]


async def work(queue: KeyedQueue[Key], reconcile: Reconcile, workers: int) -> None:
    """Work until the queue is closed; each worker ends the reconcile that it is in."""
    async with asyncio.TaskGroup() as group:
        for _ in range(workers):
            group.create_task(_worker(queue, reconcile))


async def _worker(queue: KeyedQueue[Key], reconcile: Reconcile) -> None:
    while (key := await queue.get()) is not None:
        with bound_contextvars(namespace=key.namespace, name=key.name):
            try:
                await _one(queue, reconcile, key)
            finally:
                queue.done(key)


async def _one(queue: KeyedQueue[Key], reconcile: Reconcile, key: Key) -> None:
    begun = time.monotonic()
    try:
        look_again = await reconcile(key)
    except ConflictError as error:
        _failed("conflict", error.reason)
        _log.info("changed meanwhile", error=error.message)
        queue.retry(key)
    except AndonError as error:
        _failed("error", error.reason)
        retry_after = error.retry_after if isinstance(error, UnavailableError) else None
        delay = queue.retry(key, retry_after or 0.0)
        _log.warning("reconcile failed", reason=error.reason, error=error.message, retry_seconds=round(delay, 1))
    except Exception:  # noqa: BLE001  a defect of ours in one FaultModel must not stop the others
        _failed("error", "InternalError")
        delay = queue.retry(key)
        _log.exception("reconcile failed", reason="InternalError", retry_seconds=round(delay, 1))
    else:
        metrics.RECONCILES.labels("ok").inc()
        queue.forget(key)
        if look_again is not None:
            queue.add_after(key, look_again.total_seconds())
    finally:
        metrics.DURATION.observe(time.monotonic() - begun)


def _failed(result: str, reason: str) -> None:
    metrics.RECONCILES.labels(result).inc()
    metrics.ERRORS.labels(reason).inc()
