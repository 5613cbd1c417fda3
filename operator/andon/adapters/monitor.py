"""The monitor of a namespace, asked over HTTP."""

import asyncio
from typing import TypeVar

import httpx
import structlog
from pydantic import BaseModel, ValidationError

from andon.api.meta import MONITOR_API_PORT, MONITOR_NAME
from andon.core.comparison import Comparison
from andon.core.live import Inputs, Live, Quality

_log = structlog.get_logger()

_Told = TypeVar("_Told", bound=BaseModel)


class HttpMonitor:
    """Answers `andon.ports.Monitor`."""

    def __init__(self, cluster_domain: str, timeout: float = 3.0, address: str = "") -> None:
        self._client = httpx.AsyncClient(timeout=timeout, trust_env=False)
        self._domain = cluster_domain
        self._address = address

    async def comparison(self, namespace: str, name: str, old: str, new: str) -> Comparison | None:
        """Ask what the monitor saw of two artifacts; None where it is silent, knows nothing, or makes no sense."""
        told = await self._ask(Comparison, namespace, f"{name}/evidence", {"old": old, "new": new})
        if told is not None and (told.old, told.new) != (old, new):
            _log.warning("monitor speaks of others", namespace=namespace, old=told.old, new=told.new)
            return None
        return told

    async def live(self, namespace: str, name: str) -> Live:
        """Ask how inputs and accuracy of a model are; without what it does not tell, or what makes no sense."""
        inputs, quality = await asyncio.gather(
            self._ask(Inputs, namespace, f"{name}/drift"), self._ask(Quality, namespace, f"{name}/quality")
        )
        return Live(inputs, quality)

    async def _ask(
        self, kind: type[_Told], namespace: str, what: str, parameters: dict[str, str] | None = None
    ) -> _Told | None:
        base = self._address or f"http://{MONITOR_NAME}.{namespace}.svc.{self._domain}.:{MONITOR_API_PORT}"
        try:
            answer = await self._client.get(f"{base}/v1/models/{what}", params=parameters)
            if answer.status_code == httpx.codes.NOT_FOUND:
                return None
            answer.raise_for_status()
            return kind.model_validate_json(answer.content)
        except (httpx.HTTPError, ValidationError) as error:
            _log.info("monitor silent", namespace=namespace, error=_short(error))
            return None

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()


def _short(error: Exception) -> str:
    return (str(error) or type(error).__name__)[:200]
