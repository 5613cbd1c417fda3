"""Observed: a frozen snapshot of everything that a decision may look at."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

from andon.api.status import FaultModelStatus
from andon.api.v1alpha1 import FaultModelSpec, Manifest
from andon.api.versions import FaultModelVersionSpec
from andon.core.evidence import Evidence
from andon.core.live import Live
from andon.core.notes import Canary, Retraining, Watch
from andon.core.signals import Signals
from model_builder.report import BuildReport


@dataclass(frozen=True)
class Identity:
    """Which FaultModel, which life of it, and which spec.

    Attributes
    ----------
    revision
        Digest of the spec but for `serving.replicas`: an autoscaler changes these, and so the generation, without
        wanting anything else.
    """

    namespace: str
    name: str
    uid: str
    generation: int
    revision: str = ""


@dataclass(frozen=True)
class BuildJob:
    """A build Job as it stands.

    Attributes
    ----------
    report
        What the builder said, where it could say anything.
    failure
        Kubernetes' own word on a failed pod or Job, such as OOMKilled or DeadlineExceeded.
    waiting
        Why its pod does not start, such as ImagePullBackOff; empty while it runs or is merely new.
    """

    name: str
    state: Literal["Running", "Succeeded", "Failed"]
    report: BuildReport | None = None
    failure: str = ""
    waiting: str = ""


@dataclass(frozen=True)
class Preflight:
    """The Job that asks a version's server for its golden samples, as it stands.

    Attributes
    ----------
    state
        Differ: the server answers otherwise than the build recorded. Slow: as recorded, but over the limit of latency.
        Failed: nobody can say how it answers.
    message
        What the Job said, or Kubernetes' own word on how it failed.
    """

    version: int
    state: Literal["Running", "Passed", "Differ", "Slow", "Failed"]
    message: str = ""


@dataclass(frozen=True)
class Version:
    """A FaultModelVersion."""

    name: str
    spec: FaultModelVersionSpec


@dataclass(frozen=True)
class Standing:
    """A Deployment as it was made: from which inputs (by digest), and with which manifest."""

    inputs: str
    manifest: Manifest = field(hash=False)


@dataclass(frozen=True)
class Server:
    """The model server of one version.

    Attributes
    ----------
    since
        When the server began to be asked for.
    ready
        Whether all the replicas wanted are ready, of the latest template.
    trouble
        What keeps it from being ready, in Kubernetes' words; empty where nothing is known.
    """

    version: int
    since: datetime
    ready: bool
    ready_replicas: int = 0
    trouble: str = ""
    standing: Standing | None = None


@dataclass(frozen=True)
class Route:
    """Where requests go: the versions that the router knows, and the share of each in per cent.

    Attributes
    ----------
    shadow
        The version that gets a copy of each prediction request, and whose answers nobody gets; its weight is 0.
    """

    weights: tuple[tuple[int, int], ...]
    shadow: int | None = None

    @staticmethod
    def of(weights: dict[int, int], shadow: int | None = None) -> "Route":
        """Make a route from version → weight; a version with weight 0 is known but gets no request.

        Raises
        ------
        ValueError
            Where the weights do not add up to 100, or the shadowed version is not one of weight 0.
        """
        if sum(weights.values()) != 100:
            raise ValueError(f"weights must add up to 100: {weights}")
        if shadow is not None and weights.get(shadow) != 0:
            raise ValueError(f"version {shadow} is shadowed, so its weight must be 0: {weights}")
        return Route(tuple(sorted(weights.items())), shadow)

    @staticmethod
    def parse(text: str) -> "Route":
        """Read what `str` wrote.

        Raises
        ------
        ValueError
            Where the text is no route.
        """
        weights, shadow = {}, None
        for item in text.split(","):
            key, _, value = item.partition("=")
            if key == "shadow":
                shadow = int(value)
            else:
                weights[int(key)] = int(value)
        return Route.of(weights, shadow)

    def __str__(self) -> str:
        """Write the route on one line: 1=0,2=100, or 1=100,2=0,shadow=2."""
        items = [f"{version}={weight}" for version, weight in self.weights]
        return ",".join([*items, f"shadow={self.shadow}"] if self.shadow is not None else items)

    @property
    def versions(self) -> tuple[int, ...]:
        """All versions that the router knows."""
        return tuple(version for version, _ in self.weights)

    def weight(self, version: int) -> int:
        """The share of a version in per cent; 0 for one that the router does not know."""
        return dict(self.weights).get(version, 0)

    def stable_beside(self, candidate: int | None) -> int:
        """The version that is not on trial: that with the largest share, the older of equals.

        A candidate is on trial however large its share, until it has all of it.
        """
        proven = [item for item in self.weights if item[0] != candidate or item[1] == 100]
        return max(proven or self.weights, key=lambda item: (item[1], -item[0]))[0]

    def trial_beside(self, stable: int) -> int | None:
        """The version that gets requests, or copies of them, beside the one that is not on trial; None without one."""
        tried = (version for version, weight in self.weights if weight or version == self.shadow)
        return next((version for version in tried if version != stable), None)


class Followed(NamedTuple):
    """What a router pod says of itself.

    Attributes
    ----------
    route
        The route that it follows; None where it does not answer, or follows none that makes sense.
    reaches
        The versions of which it knows at least one server's address.
    mirrored
        Per cent of the prediction requests of which it sends a copy to the monitor.
    behind
        The versions that answer for another one where no connection to that can be had.
    """

    route: Route | None = None
    reaches: frozenset[int] = frozenset()
    mirrored: int = 0
    behind: frozenset[int] = frozenset()


@dataclass(frozen=True)
class RouterPod:
    """One router pod, and what it says of itself; or what stands in its place where requests come by another way.

    Attributes
    ----------
    told
        Digest of the route that its annotation tells it to fetch; empty where there is none.
    live
        The route that it follows; None where it does not answer.
    reaches
        The versions of which it knows at least one server's address.
    mirrored
        Per cent of the prediction requests of which it sends a copy to the monitor.
    behind
        The versions that answer for another one where no connection to that can be had.
    trouble
        Why it follows no route, where that is known.
    """

    name: str
    uid: str
    told: str = ""
    live: Route | None = None
    reaches: frozenset[int] = frozenset()
    mirrored: int = 0
    behind: frozenset[int] = frozenset()
    trouble: str = ""


@dataclass(frozen=True)
class Router:
    """The router: the route written down for it, since when, and what its pods do.

    Attributes
    ----------
    canary
        The note on the version on trial; None where there is none.
    watch
        The note on the version before, while the one that serves is watched; None where none is.
    promoted
        The versions that have held all traffic at some time, and were not taken off the line for it.
    signals
        The note on what the monitor sees of the version that serves; None where there is none.
    retraining
        The note on building anew from the data as they are; None where there is none.
    """

    configured: Route | None = None
    configured_since: datetime | None = None
    canary: Canary | None = None
    watch: Watch | None = None
    promoted: frozenset[int] = frozenset()
    signals: Signals | None = None
    retraining: Retraining | None = None
    ready: bool = False
    pods: tuple[RouterPod, ...] = ()
    standing: Standing | None = None

    @property
    def stable(self) -> int | None:
        """The version that serves and is not on trial; None before the first."""
        if self.configured is None:
            return None
        return self.configured.stable_beside(self.canary.version if self.canary is not None else None)

    @property
    def trouble(self) -> str:
        """What keeps requests from their way, where that is known."""
        return next((pod.trouble for pod in self.pods if pod.trouble), "")

    def follows(self, route: Route) -> bool:
        """Whether every pod of the router is known to follow a route."""
        return self.ready and bool(self.pods) and all(pod.live == route for pod in self.pods)

    def behind(self, version: int) -> bool:
        """Whether a pod of the router may let a version answer for another one."""
        return any(version in pod.behind for pod in self.pods)

    def reaches(self, version: int) -> bool:
        """Whether every pod of the router knows a server of a version."""
        return bool(self.pods) and all(version in pod.reaches for pod in self.pods)


@dataclass(frozen=True)
class Observed:
    """A FaultModel and all that belongs to it.

    Attributes
    ----------
    retrain
        Value of the annotation `andon.dev/retrain`; empty where absent.
    approved, promote, abort, rollback
        Digests that a person has named in annotations of these names; empty where absent.
    restart
        Value of the annotation `andon.dev/restart`; empty where absent.
    frozen
        Whether the namespace is: no version may gain traffic in it.
    evidence
        What was seen of the version on trial since its first request, where that is to be judged.
    live
        What the monitor tells of the version that serves.
    """

    identity: Identity
    spec: FaultModelSpec
    status: FaultModelStatus
    retrain: str = ""
    approved: str = ""
    promote: str = ""
    abort: str = ""
    rollback: str = ""
    restart: str = ""
    frozen: bool = False
    evidence: Evidence = field(default_factory=Evidence)
    live: Live = field(default_factory=Live)
    versions: tuple[Version, ...] = ()
    builds: tuple[BuildJob, ...] = ()
    preflights: tuple[Preflight, ...] = ()
    servers: tuple[Server, ...] = ()
    router: Router = field(default_factory=Router)

    def version(self, number: int) -> Version | None:
        """Give the version with a number, or None."""
        return next((version for version in self.versions if version.spec.version == number), None)

    def version_of(self, digest: str) -> Version | None:
        """Give the version with an artifact's digest, or None."""
        return next((version for version in self.versions if version.spec.digest == digest), None)

    def server(self, version: int) -> Server | None:
        """Give the server of a version, or None."""
        return next((server for server in self.servers if server.version == version), None)

    def preflight(self, version: int) -> Preflight | None:
        """Give the preflight of a version, or None."""
        return next((one for one in self.preflights if one.version == version), None)

    def build(self, name: str) -> BuildJob | None:
        """Give a build Job by its name, or None."""
        return next((build for build in self.builds if build.name == name), None)
