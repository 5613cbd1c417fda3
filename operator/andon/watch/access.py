"""Asks the API server for the operator's own rights: what is missing is named before anything fails for it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import structlog

from andon.core.access import Right
from andon.errors import AndonError
from andon.watch import metrics

_log = structlog.get_logger()

Allowed = Callable[[Right], Awaitable[bool]]


class Access:
    """Names each right that is missing, and asks again until none is. The work goes on meanwhile, as far as it can."""

    def __init__(self, allowed: Allowed, rights: Iterable[Right]) -> None:
        self._allowed = allowed
        self._rights = tuple(rights)
        self._missing: frozenset[Right] | None = None
        """None: not known yet."""

    async def run(self, interval: float) -> None:
        """Ask until nothing is missing."""
        while True:
            try:
                if await self.complete():
                    return
            except AndonError as error:
                _log.warning("rights not known", reason=error.reason, error=error.message)
            except Exception:  # noqa: BLE001  what is only told must not end what works
                _log.exception("rights not known", reason="InternalError")
            await asyncio.sleep(interval)

    async def complete(self) -> bool:
        """Ask once for all rights; tell what is missing, and whether nothing is."""
        missing = frozenset([right for right in self._rights if not await self._allowed(right)])
        known = self._missing or frozenset()
        for right in sorted(missing - known):
            _log.error("right is missing", remedy="give it to the operator's account, see docs/rbac.md", **_told(right))
        for right in sorted(known - missing):
            _log.info("right was given", **_told(right))
        metrics.MISSING_RIGHTS.clear()
        for right in missing:
            metrics.MISSING_RIGHTS.labels(right.group, right.resource, right.verb, right.scope).set(1)
        if self._missing is None and not missing:
            _log.info("all rights are there", count=len(self._rights))
        self._missing = missing
        return not missing


def _told(right: Right) -> dict[str, str]:
    return {"verb": right.verb, "resource": right.resource, "group": right.group, "scope": right.scope}
