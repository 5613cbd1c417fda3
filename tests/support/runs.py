"""Runs the reconciler against the cluster in memory until nothing more happens."""

from collections.abc import Callable
from dataclasses import dataclass, field

from andon.api.meta import LABEL_FAULT_MODEL
from andon.api.v1alpha1 import Manifest
from andon.core.causes import LIVE_POLL
from andon.desired.platform import Images, Platform
from andon.errors import ConflictError
from andon.reconcile import Key, Reconciler, Sources
from tests.support.cluster import Crash, FakeClock, FakeCluster, fault_model
from tests.support.world import FakeMetrics, FakeMonitor, FakeRouters, World

PLATFORM = Platform(images=Images(builder="builder:1", triton="triton:1", envoy="envoy:1"))
KEY = Key("plant", "spindle")

ENDS = ("Stable", "RolledBack", "Failed", "AwaitingApproval", "Suspended", "Frozen")
"""Phases in which nothing happens until something changes."""

ROUNDS = 60
"""More looks than any sound way to the end needs; not to be at rest by then is a failure."""


@dataclass
class Run:
    """A cluster in memory, its controllers, and our reconciler.

    Attributes
    ----------
    crash_at
        Number of the point (before and after each write) at which the operator is killed; None: never.
    skipped
        How many points from the first on are not worth a kill.
    """

    crash_at: int | None = None
    skipped: int = 0
    points: list[str] = field(default_factory=list)
    watch: Callable[["Run"], None] = lambda run: None
    platform: Platform = PLATFORM

    def __post_init__(self) -> None:
        self.clock = FakeClock()
        self.cluster = FakeCluster(self.clock, self._point)
        self.world = World(self.cluster)
        self.sources = Sources(FakeRouters(self.world), FakeMetrics(self.world), FakeMonitor(self.world))
        self.reconciler = Reconciler(self.cluster, self.sources, self.clock, self.platform)

    def _point(self, what: str) -> None:
        self.points.append(what)
        if self.crash_at is not None and len(self.points) - 1 == self.crash_at:
            raise Crash

    def upgrade(self, images: Images) -> None:
        """Start the operator anew with other images, as an upgrade of Andon does."""
        platform = Platform(images=images)
        self.reconciler = Reconciler(self.cluster, self.sources, self.clock, platform)

    def apply(self, **spec: object) -> None:
        """Apply a FaultModel as a user would."""
        live = self.cluster.objects.get(("FaultModel", "spindle"))
        manifest = fault_model(**spec)
        if live is not None:
            manifest["metadata"]["annotations"] = live["metadata"].get("annotations", {})
        self.cluster.put(manifest)

    def annotate(self, **annotations: str) -> None:
        """Set annotations (andon.dev/…) of the FaultModel as a user would."""
        live = self.cluster.objects["FaultModel", "spindle"]
        named = {f"andon.dev/{name}": value for name, value in annotations.items()}
        live["metadata"].setdefault("annotations", {}).update(named)
        self.cluster.put(live)

    def freeze(self, frozen: bool) -> None:
        """Freeze the namespace as a user would, or let it thaw."""
        notes = {"andon.dev/freeze": "inventory"} if frozen else {}
        self.cluster.put({"kind": "Namespace", "metadata": {"name": "plant", "annotations": notes}})

    async def settle(self, rounds: int = ROUNDS) -> None:
        """Let operator and world take turns until the operator writes nothing and waits for nothing soon."""
        for _ in range(rounds):
            if await self.turn():
                return
        raise AssertionError(f"not at rest after {rounds} rounds: {self.model['status']}")

    async def until(self, true: Callable[[], bool], rounds: int = ROUNDS) -> None:
        """Take turns until something is so."""
        for _ in range(rounds):
            if true():
                return
            await self.turn()
        raise AssertionError(f"never came about: {self.model['status']}")

    async def turn(self) -> bool:
        """One look of the operator and one step of the world; True where the operator is at rest."""
        writes, before = len(self.cluster.writes), self._versions()
        try:
            look_again = await self.reconciler.reconcile(KEY)
        except Crash:
            return False
        except ConflictError:
            return False
        self.watch(self)
        self.world.step()
        at_rest = len(self.cluster.writes) == writes and self._versions() == before
        if look_again == LIVE_POLL and at_rest and self.model["status"]["phase"] in ENDS:
            self.clock.forward(LIVE_POLL.total_seconds())
            return True  # nothing but the monitor is waited for, which is asked for ever
        if look_again is not None and at_rest:
            self.clock.forward(max(look_again.total_seconds(), 1))
            return False
        return at_rest

    def _versions(self) -> dict[tuple[str, str], str]:
        return {place: one["metadata"]["resourceVersion"] for place, one in self.cluster.objects.items()}

    @property
    def model(self) -> Manifest:
        """The live FaultModel."""
        return self.cluster.objects["FaultModel", "spindle"]

    def condition(self, kind: str) -> tuple[str, str]:
        """Status and reason of a condition; ("Absent", "") where there is none."""
        for condition in self.model["status"]["conditions"]:
            if condition["type"] == kind:
                return condition["status"], condition["reason"]
        return "Absent", ""

    @property
    def servers(self) -> list[str]:
        """Names of the Deployments of the FaultModel that stand."""
        mine = [one for one in self.cluster.of("Deployment") if LABEL_FAULT_MODEL in one["metadata"]["labels"]]
        return [one["metadata"]["name"] for one in mine]
