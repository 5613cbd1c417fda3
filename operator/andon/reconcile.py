"""Gather → decide → apply → status: the one place where they meet."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog
from pydantic import ValidationError

from andon.adapters.gateways import refuse_unsupported
from andon.api.conditions import Reason
from andon.api.meta import API_VERSION, FIELD_MANAGER, LABEL_FAULT_MODEL
from andon.api.status import FaultModelStatus
from andon.api.traffic import Traffic
from andon.api.v1alpha1 import Manifest
from andon.core.causes import LIVE_POLL
from andon.core.comparison import gathered
from andon.core.judgement import compared, latency_limit
from andon.core.live_status import with_live
from andon.core.monitoring import with_monitoring
from andon.core.observed import Observed, RouterPod
from andon.core.rollout import decide
from andon.core.snapshot import Objects, addresses, identity, router_pods, server_pods, snapshot, status_of
from andon.core.status import Transition, Trouble, first_status, status, transitions, troubled_status
from andon.core.telling import telling
from andon.core.traffic_counts import Trial
from andon.core.watching import soonest
from andon.desired.children import Children, children, provider
from andon.desired.difference import as_applied as _as_applied
from andon.desired.difference import owned as _owned
from andon.desired.difference import stamped
from andon.desired.gateway import KINDS as GATEWAY_KINDS
from andon.desired.monitoring import monitoring_objects
from andon.desired.platform import Platform
from andon.desired.router import route_annotation
from andon.errors import AndonError, ForbiddenError, GoneError, NameTakenError, RejectedError, UnsupportedError
from andon.monitors import MONITOR_POLL, Monitors
from andon.optional import OptionalObjects
from andon.ports import Clock, Cluster, Fleet, Metrics, Monitor, Nobody, Routers

_log = structlog.get_logger()

_LISTED = ("FaultModelVersion", "Job", "Pod", "Deployment", "Service", "ConfigMap", "PodDisruptionBudget")
_PRUNED = ("Job", "Deployment", "Service", "ConfigMap", "PodDisruptionBudget")
"""FaultModelVersions are not among them: they are the history, and go with their FaultModel."""

AT_ONCE = timedelta(0)
GATEWAY_POLL = timedelta(minutes=1)


@dataclass(frozen=True)
class Key:
    """Namespace and name of a FaultModel."""

    namespace: str
    name: str


@dataclass(frozen=True)
class Sources:
    """Who is asked how requests fare: none of them is the API server."""

    routers: Routers
    metrics: Metrics
    monitor: Monitor


class Reconciler:
    """Brings one FaultModel nearer to what its spec asks for. Can start from nothing but the cluster's state."""

    def __init__(
        self, cluster: Cluster, sources: Sources, clock: Clock, platform: Platform, fleet: Fleet | None = None
    ) -> None:
        self._cluster = cluster
        self._sources = sources
        self._clock = clock
        self._platform = platform
        self._optional = OptionalObjects(cluster)
        self._monitors = Monitors(cluster, platform)
        self._fleet = fleet or Nobody()

    async def reconcile(self, key: Key) -> timedelta | None:
        """Look, decide, and make it so.

        Returns
        -------
        timedelta or None
            When to look again even where nothing happens in the cluster.

        Raises
        ------
        AndonError
            Where the cluster did not take what was decided; to be tried again.
        """
        model = await self._cluster.get("FaultModel", key.namespace, key.name)
        if model is None or model["metadata"].get("deletionTimestamp"):
            self._fleet.forget(key.namespace, key.name)
            return None  # the garbage collector takes the children
        try:
            return await self._bring_nearer(key, model)
        except ValidationError as error:
            await self._tell(model, Trouble(Reason.INVALID_SPEC, _misfit(error)))
            raise RejectedError(_misfit(error)) from error
        except (RejectedError, ForbiddenError, NameTakenError, UnsupportedError) as error:
            await self._tell(model, Trouble(error.reason, error.message))
            raise

    async def _bring_nearer(self, key: Key, model: Manifest) -> timedelta | None:
        live = await self._list(key)
        now = self._clock.now()
        observed = snapshot(await self._objects(model, live))
        if not observed.status.conditions:
            await self._write_status(model, observed.status, first_status(observed, now), ())
            return AT_ONCE
        await refuse_unsupported(self._cluster, observed, enabled=self._platform.gateway_api)
        observed = await self._with_live(await self._with_evidence(observed, live["Pod"]))
        decision = decide(observed, now)
        kinds = await self._optional.kinds()
        monitoring = monitoring_objects(observed, kinds.there, self._platform)
        wanted = children(observed, decision, self._platform, now).and_also(map(stamped, monitoring.plain))
        await self._carry_out(observed, wanted, live)
        trouble = await self._optional.bring(observed, kinds, monitoring.optional)
        waits = await self._monitors.bring(observed)
        told = with_live(status(observed, decision, now), observed, decision, now)
        after = with_monitoring(told, observed, kinds.there, trouble, waits, now)
        self._fleet.tell(key.namespace, key.name, telling(observed, after))
        await self._write_status(model, observed.status, after, transitions(observed.status, after))
        watched = observed.spec.monitoring.enabled and observed.router.stable is not None
        again = soonest(decision.progress.look_again, MONITOR_POLL if waits else None, LIVE_POLL if watched else None)
        return AT_ONCE if decision.create is not None else _look_again(observed, again)

    async def _tell(self, model: Manifest, trouble: Trouble) -> None:
        """Say in the status what keeps us from going on, where it is not said yet."""
        before = status_of(model)
        after = troubled_status(before, model["metadata"].get("generation", 0), trouble, self._clock.now())
        self._fleet.tell(model["metadata"]["namespace"], model["metadata"]["name"], telling(None, after))
        await self._write_status(model, before, after, transitions(before, after))

    async def _list(self, key: Key) -> dict[str, list[Manifest]]:
        kinds = (*_LISTED, *GATEWAY_KINDS) if self._platform.gateway_api else _LISTED
        lists = await asyncio.gather(*(self._find(kind, key) for kind in kinds))
        return dict(zip(kinds, lists, strict=True))

    async def _find(self, kind: str, key: Key) -> list[Manifest]:
        try:
            return await self._cluster.find(kind, key.namespace, {LABEL_FAULT_MODEL: key.name})
        except GoneError:
            if kind not in GATEWAY_KINDS:
                raise
            return []  # a cluster without the Gateway API

    async def _objects(self, model: Manifest, live: dict[str, list[Manifest]]) -> Objects:
        uid = model["metadata"]["uid"]
        mine = {kind: [one for one in items if kind == "Pod" or _owned(one, uid)] for kind, items in live.items()}
        entrances = _entrances(model, mine)
        pods = [pod for pod in router_pods(mine["Pod"]) if addresses([pod]) and entrances is None]
        said = await asyncio.gather(*(self._sources.routers.followed(pod["status"]["podIP"]) for pod in pods))
        namespace = await self._cluster.get("Namespace", "", model["metadata"]["namespace"])
        return Objects(
            model=model,
            namespace=namespace,
            versions=mine["FaultModelVersion"],
            jobs=mine["Job"],
            pods=mine["Pod"],
            deployments=mine["Deployment"],
            config_maps=mine["ConfigMap"],
            followed={pod["metadata"]["name"]: answer for pod, answer in zip(pods, said, strict=True)},
            entrances=entrances,
        )

    async def _with_evidence(self, observed: Observed, pods: list[Manifest]) -> Observed:
        """Ask what was seen of the version on trial, where that is to be judged."""
        pair, analysis = compared(observed), observed.spec.rollout.analysis
        if pair is None or analysis is None:
            return observed
        namespace, name = observed.identity.namespace, observed.identity.name
        number = pair.new.spec.version
        server = observed.server(number)
        since = server.since if server is not None else self._clock.now()
        routers, servers = addresses(router_pods(pods)), addresses(server_pods(pods, number))
        asked = self._sources.metrics.traffic(Trial(namespace, name, number, since, tuple(routers), tuple(servers)))
        monitored = observed.spec.monitoring.enabled
        old, new = pair.old.spec.digest, pair.new.spec.digest
        told = self._sources.monitor.comparison(namespace, name, old, new) if monitored else _nobody()
        traffic, comparison = await asyncio.gather(asked, told)
        return replace(observed, evidence=gathered(traffic, comparison, latency_limit(analysis)))

    async def _with_live(self, observed: Observed) -> Observed:
        """Ask how the version that serves does, where that is watched."""
        if not observed.spec.monitoring.enabled or observed.router.stable is None:
            return observed
        told = await self._sources.monitor.live(observed.identity.namespace, observed.identity.name)
        return replace(observed, live=told)

    async def _carry_out(self, observed: Observed, wanted: Children, live: dict[str, list[Manifest]]) -> None:
        known = {(kind, one["metadata"]["name"]): one for kind, items in live.items() for one in items}
        for manifest in wanted.create:
            kind, name = manifest["kind"], manifest["metadata"]["name"]
            if (kind, name) in known or await self._exists(manifest):
                continue
            if await self._cluster.create(manifest):
                _log.info("created", kind=kind, child=name)
        for manifest in wanted.apply:
            kind, name = manifest["kind"], manifest["metadata"]["name"]
            standing = known.get((kind, name))
            if standing is None or not _owned(standing, observed.identity.uid):
                await self._refuse_if_taken(manifest, observed)
            if not _as_applied(standing, manifest):
                await self._cluster.apply(manifest)
                _log.info("applied", kind=kind, child=name)
        await self._tell_routers(wanted, live["Pod"])
        for kind in (*_PRUNED, *GATEWAY_KINDS):
            for one in live.get(kind, ()):
                if _owned(one, observed.identity.uid) and not one["metadata"].get("deletionTimestamp"):
                    await self._prune(one, wanted)

    async def _refuse_if_taken(self, manifest: Manifest, observed: Observed) -> None:
        meta = manifest["metadata"]
        there = await self._cluster.get(manifest["kind"], meta["namespace"], meta["name"])
        if there is not None and not _owned(there, observed.identity.uid):
            raise NameTakenError(
                f"{manifest['kind']} {meta['name']} is there already and does not belong to this FaultModel."
                " Rename the FaultModel, or remove that object where nobody needs it."
            )

    async def _exists(self, manifest: Manifest) -> bool:
        # The store's claim belongs to the namespace, not to one FaultModel, so no list by label has it.
        if manifest["kind"] != "PersistentVolumeClaim":
            return False
        meta = manifest["metadata"]
        return await self._cluster.get(manifest["kind"], meta["namespace"], meta["name"]) is not None

    async def _tell_routers(self, wanted: Children, pods: list[Manifest]) -> None:
        annotation = route_annotation(wanted.apply)
        for pod in router_pods(pods):
            told = pod["metadata"].get("annotations") or {}
            if not annotation.items() <= told.items():
                await self._cluster.annotate(pod, annotation)

    async def _prune(self, one: Manifest, wanted: Children) -> None:
        if not wanted.wants(one):
            await self._cluster.delete(one)
            _log.info("deleted", kind=one["kind"], child=one["metadata"]["name"])

    async def _write_status(
        self,
        model: Manifest,
        before: FaultModelStatus,
        after: FaultModelStatus,
        happened: Sequence[Transition],
    ) -> None:
        if after == before:
            return
        written = after.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        await self._cluster.write_status(model, written)
        _log.info("status", phase=after.phase, generation=after.observed_generation)
        for transition in happened:
            await self._record(model, transition)

    async def _record(self, model: Manifest, transition: Transition) -> None:
        event = _event(model, transition, self._clock.now())
        try:
            await self._cluster.create(event)
        except AndonError as error:  # an Event is a courtesy: the status has been written and says the same
            _log.warning("event not recorded", reason=transition.reason, error=error.message)


def _look_again(observed: Observed, wanted: timedelta | None) -> timedelta | None:
    # What a Gateway says of a route is no child of ours whose change would be told.
    if observed.spec.rollout.traffic.provider != "GatewayAPI":
        return wanted
    return GATEWAY_POLL if wanted is None else min(wanted, GATEWAY_POLL)


def _entrances(model: Manifest, mine: dict[str, list[Manifest]]) -> tuple[RouterPod, ...] | None:
    traffic = Traffic.model_validate((model["spec"].get("rollout") or {}).get("traffic") or {})
    return provider(traffic).entrances(identity(model), traffic, mine)


async def _nobody() -> None:
    return None


def _misfit(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return (
        f"The FaultModel or a child of it does not fit this version of Andon: {where}: {first['msg']}."
        " Upgrade the CRDs and the operator together."
    )


def _event(model: Manifest, transition: Transition, now: datetime) -> Manifest:
    meta = model["metadata"]
    stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    named = f"{meta['uid']}{transition}{now.isoformat()}"
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{meta['name']}.{hashlib.sha256(named.encode()).hexdigest()[:16]}",
            "namespace": meta["namespace"],
        },
        "involvedObject": {
            "apiVersion": API_VERSION,
            "kind": "FaultModel",
            "name": meta["name"],
            "namespace": meta["namespace"],
            "uid": meta["uid"],
            "resourceVersion": meta["resourceVersion"],
        },
        "type": transition.kind,
        "reason": transition.reason,
        "message": transition.message[:1024],
        "source": {"component": FIELD_MANAGER},
        "reportingComponent": FIELD_MANAGER,
        "reportingInstance": FIELD_MANAGER,
        "action": "Reconcile",
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": 1,
    }
