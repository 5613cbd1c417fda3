"""Resync: lists from time to time what the watches should have told, and names what they missed."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import structlog

from andon.api.meta import LABEL_FAULT_MODEL
from andon.api.v1alpha1 import Manifest
from andon.errors import AndonError
from andon.reconcile import Key
from andon.watch import metrics
from andon.watch.health import Health
from andon.watch.sightings import Sightings

_log = structlog.get_logger()

ListMetadata = Callable[[str, str, str], Awaitable[list[Manifest]]]
"""(kind, namespace, label) → metadata of all objects; an empty namespace means all."""

WATCHED_KINDS = ("FaultModel", "FaultModelVersion", "Job", "Pod", "Deployment", "Service", "ConfigMap")


def key_of(kind: str, manifest: Manifest) -> Key | None:
    """Tell which FaultModel an object belongs to."""
    meta = manifest["metadata"]
    name = meta["name"] if kind == "FaultModel" else (meta.get("labels") or {}).get(LABEL_FAULT_MODEL)
    return Key(meta["namespace"], name) if name else None


class Resync:
    """Lists all watched kinds, puts what the watches have not told into the queue, and tells the watchdog."""

    def __init__(
        self,
        list_metadata: ListMetadata,
        sightings: Sightings,
        health: Health,
        add: Callable[[Key], None],
        namespaces: Iterable[str],
        optional_kinds: Callable[[], Awaitable[frozenset[str]]] | None = None,
    ) -> None:
        self._list_metadata = list_metadata
        self._sightings = sightings
        self._health = health
        self._add = add
        self._namespaces = tuple(namespaces) or ("",)
        self._optional_kinds = optional_kinds
        self._kinds: frozenset[str] | None = None

    async def run(self, interval: float) -> None:
        """Resync for ever."""
        while True:
            await asyncio.sleep(interval)
            try:
                await self.once()
            except AndonError as error:
                _log.warning("resync failed", reason=error.reason, error=error.message)
            except Exception:  # noqa: BLE001  a resync that ended would take the watchdog with it
                _log.exception("resync failed", reason="InternalError")

    async def once(self) -> None:
        """List all watched kinds once; look at every FaultModel where an optional kind has come or gone."""
        kinds = await self._optional_kinds() if self._optional_kinds is not None else None
        everything = self._kinds is not None and self._kinds != kinds
        for kind in WATCHED_KINDS:
            label = "" if kind == "FaultModel" else LABEL_FAULT_MODEL
            listed = [one for place in self._namespaces for one in await self._list_metadata(kind, place, label)]
            unseen, missed = self._sightings.compare(kind, listed)
            metrics.RESYNC_MISSED.labels(kind).set(missed)
            if missed:
                _log.error("watch is dead", kind=kind, missed=missed)
            self._health.watch(kind, alive=missed == 0)
            concerned = listed if everything and kind == "FaultModel" else unseen
            self._kinds = kinds  # not before the FaultModels are known: a list that fails must not lose the change
            for key in filter(None, (key_of(kind, one) for one in concerned)):
                self._add(key)
