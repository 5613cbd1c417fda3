"""Keeps the monitor of a namespace, for all its FaultModels alike. Whatever goes wrong with it disturbs no serving."""

from datetime import timedelta

import structlog

from andon.api.conditions import ConditionType
from andon.api.meta import FIELD_MANAGER, LABEL_MANAGED_BY, MONITOR_NAME
from andon.api.v1alpha1 import Manifest
from andon.core.observed import Observed
from andon.desired.difference import as_applied, stamped
from andon.desired.monitor import declarations_config, label_sources_of, monitor, monitor_claim, owners_of
from andon.desired.platform import Platform
from andon.errors import AndonError, NameTakenError
from andon.ports import Cluster

_log = structlog.get_logger()

_KINDS = ("Deployment", "Service", "ServiceAccount", "NetworkPolicy", "ConfigMap")
MONITOR_POLL = timedelta(seconds=10)
"""How often to look at a monitor that is not ready: it is no child of one FaultModel, so no event tells of it."""


class Monitors:
    """Brings the monitor of a namespace nearer to what its FaultModels ask for."""

    def __init__(self, cluster: Cluster, platform: Platform) -> None:
        self._cluster = cluster
        self._platform = platform

    async def bring(self, observed: Observed) -> str:
        """Make the monitor, or take it away with the last FaultModel that wants it.

        Returns
        -------
        str
            Why it is not ready; empty where it is, or none is wanted.
        """
        if not observed.spec.monitoring.enabled and observed.status.condition(ConditionType.MONITORING_READY) is None:
            return ""
        namespace = observed.identity.namespace
        try:
            models = await self._cluster.find("FaultModel", namespace, {})
            owners = owners_of(models)
            live = {kind: await self._cluster.get(kind, namespace, MONITOR_NAME) for kind in _KINDS}
            if owners:
                made = monitor(owners, self._platform, label_sources_of(models))
                wanted = [declarations_config(owners, models), *made]
                await self._keep(live, [stamped(one) for one in wanted])
            else:
                await self._remove(live)
        except AndonError as error:
            _log.warning("no monitor", reason=error.reason, error=error.message)
            return f"{error.reason}: {error.message}."
        return _not_ready(live["Deployment"]) if observed.spec.monitoring.enabled else ""

    async def _keep(self, live: dict[str, Manifest | None], wanted: list[Manifest]) -> None:
        namespace = wanted[0]["metadata"]["namespace"]
        on_claim = not self._platform.monitor_database.secret
        if on_claim and await self._cluster.get("PersistentVolumeClaim", namespace, MONITOR_NAME) is None:
            await self._cluster.create(monitor_claim(namespace, self._platform))
        for manifest in wanted:
            standing = live[manifest["kind"]]
            if standing is not None and not _ours(standing):
                raise NameTakenError(f"{manifest['kind']} {MONITOR_NAME} is there already and is not the operator's")
            if not as_applied(standing, manifest):
                await self._cluster.apply(manifest)
                _log.info("applied", kind=manifest["kind"], child=MONITOR_NAME)

    async def _remove(self, live: dict[str, Manifest | None]) -> None:
        for kind, one in live.items():
            if one is not None and _ours(one) and not one["metadata"].get("deletionTimestamp"):
                await self._cluster.delete(one)
                _log.info("deleted", kind=kind, child=MONITOR_NAME)


def _ours(manifest: Manifest) -> bool:
    return (manifest["metadata"].get("labels") or {}).get(LABEL_MANAGED_BY) == FIELD_MANAGER


def _not_ready(deployment: Manifest | None) -> str:
    status = (deployment or {}).get("status") or {}
    if status.get("availableReplicas"):
        return ""
    return (
        f"The monitor is not ready, so nothing is known of copies of requests and no labels are taken: see kubectl"
        f" describe pods -l app.kubernetes.io/component=monitor, and kubectl logs deployment/{MONITOR_NAME}."
    )
