"""What the reconciler needs of the world, in a few methods each; `andon.adapters` answers them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from andon.api.v1alpha1 import Manifest
from andon.core.comparison import Comparison
from andon.core.live import Live
from andon.core.observed import Followed
from andon.core.telling import Telling
from andon.core.traffic_counts import Traffic, Trial


class Cluster(Protocol):
    """The Kubernetes API.

    All methods raise `andon.errors.ConflictError`, `ForbiddenError`, `RejectedError` or `UnavailableError`.
    """

    async def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """Read one object; None where there is none."""

    async def find(self, kind: str, namespace: str, labels: Mapping[str, str]) -> list[Manifest]:
        """Read all objects of a kind with all of these labels."""

    async def optional_kinds(self) -> frozenset[str]:
        """Ask which of the kinds that a cluster may lack are there."""

    async def create(self, manifest: Manifest) -> bool:
        """Create an object; False where one of its name is there already."""

    async def apply(self, manifest: Manifest) -> None:
        """Make an object as written, by server-side apply."""

    async def annotate(self, live: Manifest, annotations: Mapping[str, str]) -> None:
        """Set annotations of this very object (by its uid)."""

    async def delete(self, live: Manifest) -> None:
        """Delete this very object (by its uid) and what it owns; nothing where it is gone."""

    async def write_status(self, live: Manifest, status: Manifest) -> None:
        """Replace the status of an object that has not changed since it was read (by its resourceVersion)."""


class Fleet(Protocol):
    """Who is told how each FaultModel is."""

    def tell(self, namespace: str, name: str, telling: Telling) -> None:
        """Tell what is so."""

    def forget(self, namespace: str, name: str) -> None:
        """Tell that a FaultModel is gone."""


class Nobody:
    """A `Fleet` that nobody listens to."""

    def tell(self, namespace: str, name: str, telling: Telling) -> None:
        """Drop it."""

    def forget(self, namespace: str, name: str) -> None:
        """Drop it."""


class Routers(Protocol):
    """The routers' own word on what they do."""

    async def followed(self, address: str) -> Followed:
        """Ask a router pod which route it follows and which versions it reaches; neither where it is silent."""


class Metrics(Protocol):
    """The counts of a version's requests."""

    async def traffic(self, trial: Trial) -> Traffic | None:
        """Ask for the counts of a version's routers and servers; None where those of a router cannot be had."""


class Monitor(Protocol):
    """The monitor of a namespace."""

    async def comparison(self, namespace: str, name: str, old: str, new: str) -> Comparison | None:
        """Ask what it saw of two artifacts, by digest; None where it does not answer or knows nothing."""

    async def live(self, namespace: str, name: str) -> Live:
        """Ask how inputs and accuracy of a model are; without what it does not tell."""


class Clock(Protocol):
    """The time."""

    def now(self) -> datetime:
        """Give the time, with its zone."""
