"""The monitor of a namespace, asked over HTTP."""

import httpx
import structlog
from pydantic import ValidationError

from andon.api.meta import MONITOR_API_PORT, MONITOR_NAME
from andon.core.comparison import Comparison

_log = structlog.get_logger()


class HttpMonitor:
    """Answers `andon.ports.Monitor`."""

    def __init__(self, cluster_domain: str, timeout: float = 3.0, address: str = "") -> None:
        self._client = httpx.AsyncClient(timeout=timeout, trust_env=False)
        self._domain = cluster_domain
        self._address = address

    async def comparison(self, namespace: str, name: str, old: str, new: str) -> Comparison | None:
        """Ask what the monitor saw of two artifacts; None where it is silent, knows nothing, or makes no sense."""
        base = self._address or f"http://{MONITOR_NAME}.{namespace}.svc.{self._domain}.:{MONITOR_API_PORT}"
        try:
            answer = await self._client.get(f"{base}/v1/models/{name}/evidence", params={"old": old, "new": new})
            if answer.status_code == httpx.codes.NOT_FOUND:
                return None
            answer.raise_for_status()
            told = Comparison.model_validate_json(answer.content)
        except (httpx.HTTPError, ValidationError) as error:
            _log.info("monitor silent", namespace=namespace, error=_short(error))
            return None
        if (told.old, told.new) != (old, new):
            _log.warning("monitor speaks of others", namespace=namespace, old=told.old, new=told.new)
            return None
        return told

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()


def _short(error: Exception) -> str:
    return (str(error) or type(error).__name__)[:200]
