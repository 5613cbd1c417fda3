"""(observed, decision, platform) → all children that a FaultModel is to have, in the order in which to write them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from andon.api.meta import (
    ANNOTATION_CANARY,
    ANNOTATION_PROMOTED,
    ANNOTATION_RETRAINING,
    ANNOTATION_SIGNALS,
    ANNOTATION_SINCE,
    ANNOTATION_WATCH,
    API_VERSION,
    LABEL_FAULT_MODEL,
    LABEL_MANAGED_BY,
    LABEL_VERSION,
    version_name,
)
from andon.api.traffic import Traffic
from andon.api.v1alpha1 import Manifest
from andon.api.versions import FaultModelVersionSpec
from andon.core.decision import Decision
from andon.core.judgement import latency_limit
from andon.core.observed import Identity, Observed, Route
from andon.core.times import utc_text
from andon.desired.build_job import build_config, build_job
from andon.desired.difference import stamped
from andon.desired.direct import Direct
from andon.desired.envoy_routes import Forwarding
from andon.desired.gateway import GatewayAPI
from andon.desired.platform import Platform
from andon.desired.pods import metadata
from andon.desired.preflight_job import preflight_job
from andon.desired.providers import Asked, Provider
from andon.desired.router import Envoy
from andon.desired.server import server
from andon.desired.standing import as_made
from andon.desired.store import claim

ROUTER_REPLICAS = 2

PROMOTED_KEPT = 100
"""How many versions are remembered to have held all traffic."""


@dataclass(frozen=True)
class Children:
    """Objects that are to exist.

    Attributes
    ----------
    create
        Created where absent and never changed after: claims, Jobs, FaultModelVersions.
    apply
        Kept as they are written here.
    keep
        Names of Deployments' versions that stay though nothing can be said of them any more.
    """

    create: tuple[Manifest, ...]
    apply: tuple[Manifest, ...]
    keep: frozenset[int]

    def and_also(self, manifests: Iterable[Manifest]) -> "Children":
        """Give these children and more that are kept as they are written."""
        return replace(self, apply=(*self.apply, *manifests))

    def wants(self, manifest: Manifest) -> bool:
        """Whether a live child is among those that are to exist."""
        version = manifest["metadata"].get("labels", {}).get(LABEL_VERSION, "")
        if version.isdigit() and int(version) in self.keep:
            return True
        return any(_same(manifest, wanted) for wanted in (*self.create, *self.apply))


def children(observed: Observed, decision: Decision, platform: Platform, now: datetime) -> Children:
    """Give all children that a decision asks for."""
    identity = observed.identity
    create: list[Manifest] = []
    apply: list[Manifest] = []
    keep: set[int] = set()
    store = claim(identity.namespace, platform.store)
    if store is not None:
        create.append(store)
    if decision.build is not None:
        create += [build_config(identity, decision.build), build_job(identity, decision.build, platform)]
    asked = observed.version(decision.preflight) if decision.preflight is not None else None
    if asked is not None:
        analysis = observed.spec.rollout.analysis
        limit = latency_limit(analysis) if analysis is not None else None
        create.append(preflight_job(identity, asked.spec, limit, platform))
    if decision.create is not None:
        create.append(version_object(identity, decision.create))
    for number in decision.servers:
        version = observed.version(number)
        if version is None:
            keep.add(number)  # its FaultModelVersion is gone; what serves is not touched for that
        else:
            apply += _server(observed, version.spec, platform)
    if decision.route is not None and decision.stable is not None:
        notes = _notes(observed, decision, now)
        # One router in front of several servers would be the weakest part of the chain.
        replicas = min(observed.spec.serving.replicas, ROUTER_REPLICAS)
        traffic = observed.spec.rollout.traffic
        forwarding = _forwarding(observed, decision, decision.route, decision.stable)
        made = provider(traffic).manifests(Asked(identity, traffic, forwarding, notes, replicas, platform))
        apply += as_made(made, {"replicas": replicas, "restart": observed.restart}, observed.router.standing)
    return Children(tuple(create), tuple(stamped(manifest) for manifest in apply), frozenset(keep))


def _forwarding(observed: Observed, decision: Decision, route: Route, stable: int) -> Forwarding:
    digests = {version.spec.version: version.spec.digest for version in observed.versions}
    mirrored = observed.spec.monitoring.sample if observed.spec.monitoring.enabled else 0
    former = decision.watch.former if decision.watch is not None else None
    asset_header = observed.spec.rollout.traffic.asset_header
    standby = former if former is not None and _alike(observed, former, stable) else None
    return Forwarding(route, stable, digests, mirrored, asset_header, former, standby)


def _alike(observed: Observed, one: int, other: int) -> bool:
    """Whether two versions take the same inputs."""
    signatures = {version.spec.signature.digest for number in (one, other) if (version := observed.version(number))}
    return len(signatures) == 1 and all(observed.version(number) is not None for number in (one, other))


def provider(traffic: Traffic) -> Provider:
    """Give what brings requests to versions."""
    made: dict[str, Provider] = {"Envoy": Envoy(), "GatewayAPI": GatewayAPI(), "Direct": Direct()}
    return made[traffic.provider]


def _server(observed: Observed, version: FaultModelVersionSpec, platform: Platform) -> list[Manifest]:
    serving, known = observed.spec.serving, observed.server(version.version)
    made = server(observed.identity, version, serving, platform)
    inputs = {
        "digest": version.digest,
        "serving": serving.model_dump(mode="json", exclude_defaults=True),
        "restart": observed.restart,
    }
    return as_made(made, inputs, known.standing if known is not None else None)


def version_object(identity: Identity, spec: FaultModelVersionSpec) -> Manifest:
    """Write a FaultModelVersion."""
    name = version_name(identity.name, spec.version)
    labels = {LABEL_FAULT_MODEL: identity.name, LABEL_VERSION: str(spec.version), LABEL_MANAGED_BY: "andon"}
    return {
        "apiVersion": API_VERSION,
        "kind": "FaultModelVersion",
        "metadata": metadata(identity, name, labels),
        "spec": spec.model_dump(mode="json", by_alias=True, exclude_none=True),
    }


def _notes(observed: Observed, decision: Decision, now: datetime) -> dict[str, str]:
    """Annotations beside the route, in the same write: with them a rollout goes on from the cluster alone."""
    promoted = ",".join(str(version) for version in sorted(decision.promoted)[-PROMOTED_KEPT:])
    notes = {ANNOTATION_SINCE: _since(observed, decision, now), ANNOTATION_PROMOTED: promoted}
    if decision.watch is not None:
        notes[ANNOTATION_WATCH] = str(decision.watch)
    if decision.retraining is not None:
        notes[ANNOTATION_RETRAINING] = str(decision.retraining)
    if decision.signals is not None:
        notes[ANNOTATION_SIGNALS] = str(decision.signals)
    return notes if decision.canary is None else {**notes, ANNOTATION_CANARY: str(decision.canary)}


def _since(observed: Observed, decision: Decision, now: datetime) -> str:
    router = observed.router
    unchanged = router.configured == decision.route and router.configured_since is not None
    since = router.configured_since if unchanged and router.configured_since is not None else now
    return utc_text(since)


def _same(one: Manifest, other: Manifest) -> bool:
    return bool(one["kind"] == other["kind"] and one["metadata"]["name"] == other["metadata"]["name"])
