"""The small port behind which the ways stand by which requests reach a version: a router, a Gateway, a Service alone.

Each has a module of its own. All of them note the route and the candidate's step in the same ConfigMap, so that a
rollout goes on from the cluster alone, whoever moves the traffic.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from andon.api.meta import ANNOTATION_WEIGHTS, COMPONENT_ROUTER, child_labels, router_name
from andon.api.traffic import Traffic
from andon.api.v1alpha1 import Manifest
from andon.core.observed import Identity, RouterPod
from andon.desired.envoy_routes import Forwarding
from andon.desired.platform import Platform
from andon.desired.pods import metadata

Live = Mapping[str, Sequence[Manifest]]
"""A FaultModel's live objects by kind."""


@dataclass(frozen=True)
class Asked:
    """What is asked of a provider.

    Attributes
    ----------
    notes
        Annotations that go with the route: since when it is so, who is on trial.
    replicas
        Pods of a router, where the provider runs one.
    """

    identity: Identity
    traffic: Traffic
    forwarding: Forwarding
    notes: Mapping[str, str]
    replicas: int
    platform: Platform


class Provider(Protocol):
    """One way by which requests reach a version."""

    def manifests(self, asked: Asked) -> list[Manifest]:
        """Write the objects that bring requests where the route says."""

    def entrances(self, identity: Identity, traffic: Traffic, live: Live) -> tuple[RouterPod, ...] | None:
        """Read from live objects what each entrance follows; None where router pods have to be asked."""


def note(asked: Asked) -> Manifest:
    """Write the ConfigMap that has the route and the notes beside it."""
    identity, name = asked.identity, router_name(asked.identity.name)
    meta = metadata(identity, name, child_labels(identity.name, COMPONENT_ROUTER))
    meta["annotations"] = {ANNOTATION_WEIGHTS: str(asked.forwarding.route), **asked.notes}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}
