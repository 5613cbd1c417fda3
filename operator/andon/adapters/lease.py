"""Leadership by a Lease, with the official client's election."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import structlog
from kubernetes.aio import client
from kubernetes.aio.leaderelection.electionconfig import Config
from kubernetes.aio.leaderelection.leaderelection import LeaderElection
from kubernetes.aio.leaderelection.resourcelock.leaselock import LeaseLock

_log = structlog.get_logger()

LEASE_SECONDS, RENEW_SECONDS, RETRY_SECONDS = 15, 8, 2
"""A leader that cannot renew for RENEW_SECONDS stops writing before anybody else may take the lease."""


class _PatientLock(LeaseLock):
    """A lock for which an API server that is away or hangs is a failed try, not an error that ends the election."""

    async def get(self, name: str, namespace: str) -> Any:  # noqa: ANN401
        return await self._try(super().get(name, namespace), (False, client.ApiException(reason="no answer")))

    async def create(self, name: str, namespace: str, election_record: Any) -> Any:  # noqa: ANN401
        # Not the base class's: that of 37.0 passes pretty=True, which its own client refuses.
        lease = client.V1Lease(metadata=client.V1ObjectMeta(name=name), spec=self.update_lease(election_record))
        created = await self._try(self.api_instance.create_namespaced_lease(namespace, lease), None)
        return created is not None

    async def update(self, name: str, namespace: str, updated_record: Any) -> Any:  # noqa: ANN401
        return await self._try(super().update(name, namespace, updated_record), False)

    @staticmethod
    async def _try(call: Awaitable[Any], otherwise: Any) -> Any:  # noqa: ANN401
        try:
            return await asyncio.wait_for(call, timeout=RETRY_SECONDS)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            _log.warning("lease out of reach", error=str(error) or type(error).__name__)
            return otherwise


async def lead(
    api: client.ApiClient, namespace: str, name: str, identity: str, work: Callable[[], Awaitable[None]]
) -> None:
    """Wait for leadership, work while it lasts, return when it is lost.

    Parameters
    ----------
    work
        Started when leadership is won, cancelled when it is lost.
    """
    lock = _PatientLock(name, namespace, identity, api)

    async def started() -> None:
        _log.info("leading", lease=name)
        await work()

    async def stopped() -> None:
        _log.warning("leadership lost", lease=name)

    await LeaderElection(Config(lock, LEASE_SECONDS, RENEW_SECONDS, RETRY_SECONDS, started, stopped)).run()


async def release(api: client.ApiClient, namespace: str, name: str, identity: str) -> None:
    """Give the lease back, so that the next leader need not wait for it to run out."""
    leases = client.CoordinationV1Api(api)
    try:
        lease = await leases.read_namespaced_lease(name, namespace, _request_timeout=RETRY_SECONDS)
        if lease.spec is not None and lease.spec.holder_identity == identity:
            lease.spec.holder_identity, lease.spec.lease_duration_seconds = "", 1
            await leases.replace_namespaced_lease(name, namespace, lease, _request_timeout=RETRY_SECONDS)
    except (TimeoutError, client.ApiException, aiohttp.ClientError, OSError) as error:
        _log.info("lease not given back", error=getattr(error, "reason", None) or str(error))
