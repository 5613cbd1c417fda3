"""Envoy's status port, asked over HTTP."""

import httpx
import structlog

from andon.core.observed import Followed
from andon.desired.envoy import STATUS_PORT
from andon.desired.envoy_routes import read_route

_log = structlog.get_logger()


class EnvoyRouters:
    """Answers `andon.ports.Routers`."""

    def __init__(self, timeout: float = 3.0) -> None:
        self._client = httpx.AsyncClient(timeout=timeout, trust_env=False)

    async def followed(self, address: str) -> Followed:
        """Ask a router pod which route it follows; a pod that does not answer follows none that is known."""
        host = f"[{address}]" if ":" in address else address
        base = f"http://{host}:{STATUS_PORT}"
        try:
            routes = await self._client.get(f"{base}/config_dump", params={"resource": "dynamic_route_configs"})
            clusters = await self._client.get(f"{base}/clusters", params={"format": "json"})
            routes.raise_for_status()
            clusters.raise_for_status()
            return read_route(routes.json(), clusters.json())
        except (httpx.HTTPError, ValueError, KeyError, IndexError) as error:
            _log.info("router silent", address=address, error=str(error) or type(error).__name__)
            return Followed()

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()
