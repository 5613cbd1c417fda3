"""Observed: a frozen snapshot of everything that a decision may look at."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from andon.api.v1alpha1 import FaultModelSpec, FaultModelStatus, FaultModelVersionSpec, Manifest
from model_builder.report import BuildReport


@dataclass(frozen=True)
class Identity:
    """Which FaultModel, and which life of it."""

    namespace: str
    name: str
    uid: str
    generation: int


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
    """Where requests go: the versions that the router knows, and the share of each in per cent."""

    weights: tuple[tuple[int, int], ...]

    @staticmethod
    def of(weights: dict[int, int]) -> "Route":
        """Make a route from version → weight; a version with weight 0 is known but gets no request.

        Raises
        ------
        ValueError
            Where the weights do not add up to 100.
        """
        if sum(weights.values()) != 100:
            raise ValueError(f"weights must add up to 100: {weights}")
        return Route(tuple(sorted(weights.items())))

    @staticmethod
    def parse(text: str) -> "Route":
        """Read what `str` wrote.

        Raises
        ------
        ValueError
            Where the text is no route.
        """
        weights = {}
        for item in text.split(","):
            version, _, weight = item.partition("=")
            weights[int(version)] = int(weight)
        return Route.of(weights)

    def __str__(self) -> str:
        """Write the route on one line: 1=0,2=100."""
        return ",".join(f"{version}={weight}" for version, weight in self.weights)

    @property
    def versions(self) -> tuple[int, ...]:
        """All versions that the router knows."""
        return tuple(version for version, _ in self.weights)

    @property
    def stable(self) -> int:
        """The version with the largest share; of equals, the older one."""
        return max(self.weights, key=lambda item: (item[1], -item[0]))[0]


@dataclass(frozen=True)
class RouterPod:
    """One router pod, and what it says of itself.

    Attributes
    ----------
    told
        Digest of the route that its annotation tells it to fetch; empty where there is none.
    live
        The route that it follows; None where it does not answer.
    reaches
        The versions of which it knows at least one server's address.
    """

    name: str
    uid: str
    told: str = ""
    live: Route | None = None
    reaches: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Router:
    """The router: the route written down for it, since when, and what its pods do."""

    configured: Route | None = None
    configured_since: datetime | None = None
    ready: bool = False
    pods: tuple[RouterPod, ...] = ()
    standing: Standing | None = None

    def follows(self, route: Route) -> bool:
        """Whether every pod of the router is known to follow a route."""
        return self.ready and bool(self.pods) and all(pod.live == route for pod in self.pods)

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
    approved
        Digest that a person has approved by annotation; empty where absent.
    restart
        Value of the annotation `andon.dev/restart`; empty where absent.
    """

    identity: Identity
    spec: FaultModelSpec
    status: FaultModelStatus
    retrain: str = ""
    approved: str = ""
    restart: str = ""
    versions: tuple[Version, ...] = ()
    builds: tuple[BuildJob, ...] = ()
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

    def build(self, name: str) -> BuildJob | None:
        """Give a build Job by its name, or None."""
        return next((build for build in self.builds if build.name == name), None)
