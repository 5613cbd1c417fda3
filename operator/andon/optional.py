"""Objects of kinds that a cluster may lack. Whatever goes wrong with them is told, and disturbs nothing that serves."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import structlog

from andon.api.conditions import ConditionType
from andon.api.meta import LABEL_FAULT_MODEL
from andon.api.v1alpha1 import Manifest
from andon.core.observed import Identity, Observed
from andon.desired.difference import as_applied, owned, stamped
from andon.desired.monitoring import OPTIONAL_KINDS
from andon.errors import AndonError, NameTakenError
from andon.ports import Cluster

_log = structlog.get_logger()


@dataclass(frozen=True)
class Kinds:
    """Which optional kinds the cluster has, or why that is not known."""

    there: frozenset[str] = frozenset()
    trouble: str = ""


class OptionalObjects:
    """Brings objects of optional kinds nearer to what is wanted."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def kinds(self) -> Kinds:
        """Ask which optional kinds there are."""
        try:
            return Kinds(await self._cluster.optional_kinds())
        except AndonError as error:
            return Kinds(trouble=f"It is not known which kinds the cluster has: {error.message}.")

    async def bring(self, observed: Observed, kinds: Kinds, wanted: Sequence[Manifest]) -> str:
        """Apply what is wanted, and delete what is ours and no longer wanted.

        Returns
        -------
        str
            What went wrong; empty where nothing did.
        """
        never = not wanted and observed.status.condition(ConditionType.MONITORING_READY) is None
        if never or kinds.trouble:
            return kinds.trouble
        there = sorted(kinds.there & set(OPTIONAL_KINDS))
        try:
            live = await self._live(observed.identity, there)
            for manifest in map(stamped, wanted):
                await self._apply(observed.identity, live, manifest)
            for one in live:
                if owned(one, observed.identity.uid) and not _among(one, wanted):
                    await self._cluster.delete(one)
                    _log.info("deleted", kind=one["kind"], child=one["metadata"]["name"])
        except AndonError as error:
            _log.warning("monitoring not in place", reason=error.reason, error=error.message)
            return f"{error.reason}: {error.message}."
        return ""

    async def _live(self, identity: Identity, kinds: Collection[str]) -> list[Manifest]:
        labels = {LABEL_FAULT_MODEL: identity.name}
        lists = await asyncio.gather(*(self._cluster.find(kind, identity.namespace, labels) for kind in kinds))
        return [one for items in lists for one in items]

    async def _apply(self, identity: Identity, live: Sequence[Manifest], manifest: Manifest) -> None:
        kind, name = manifest["kind"], manifest["metadata"]["name"]
        standing = next((one for one in live if (one["kind"], one["metadata"]["name"]) == (kind, name)), None)
        if standing is None:
            standing = await self._cluster.get(kind, identity.namespace, name)
        if standing is not None and not owned(standing, identity.uid):
            raise NameTakenError(f"{kind} {name} is there already and does not belong to this FaultModel")
        if not as_applied(standing, manifest):
            await self._cluster.apply(manifest)
            _log.info("applied", kind=kind, child=name)


def _among(one: Manifest, wanted: Sequence[Manifest]) -> bool:
    named = {(manifest["kind"], manifest["metadata"]["name"]) for manifest in wanted}
    return (one["kind"], one["metadata"]["name"]) in named
