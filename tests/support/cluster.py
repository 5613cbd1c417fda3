"""A cluster in memory behind the port `andon.ports.Cluster`, with the controllers that Andon leans on.

It stands in for the API server only where thousands of runs are needed (crash points, property tests); what the real
one does is tried in tests/contract and tests/e2e.
"""

import itertools
import pickle
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from andon.api.meta import (
    COMPONENT_BUILD,
    COMPONENT_MONITOR,
    COMPONENT_PREFLIGHT,
    COMPONENT_ROUTER,
    LABEL_COMPONENT,
    LABEL_FAULT_MODEL,
)
from andon.api.v1alpha1 import Manifest
from andon.core.comparison import Comparison
from andon.core.live import Live
from andon.core.observed import Followed, Route
from andon.core.traffic_counts import Traffic, Trial
from andon.errors import ConflictError
from model_builder.report import BuildReport, Metrics, PreflightReport, Runtime, Signature
from tests.support.loaded import Files

START = datetime(2026, 1, 1, tzinfo=UTC)


def _copied(manifest: Manifest) -> Manifest:
    # Five times as fast as copy.deepcopy, and asked for at every turn.
    copied: Manifest = pickle.loads(pickle.dumps(manifest))  # noqa: S301  our own bytes
    return copied


class Crash(BaseException):
    """The operator is killed: nothing of ours may catch this."""


class FakeClock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.time = START

    def now(self) -> datetime:
        return self.time

    def forward(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


class FakeCluster:
    """Objects by kind and name, of one namespace."""

    def __init__(self, clock: FakeClock, on_write: Callable[[str], None] = lambda write: None) -> None:
        self.objects: dict[tuple[str, str], Manifest] = {}
        self.writes: list[str] = []
        self.kinds: frozenset[str] = frozenset()
        self._clock = clock
        self._versions = itertools.count(1)
        self._uids = itertools.count(1)
        self._on_write = on_write

    # The port.

    async def get(self, kind: str, namespace: str, name: str) -> Manifest | None:
        found = self.objects.get((kind, name))
        return _copied(found) if found is not None else None

    async def find(self, kind: str, namespace: str, labels: Mapping[str, str]) -> list[Manifest]:
        return [
            _copied(one)
            for (known, _), one in sorted(self.objects.items())
            if known == kind and labels.items() <= (one["metadata"].get("labels") or {}).items()
        ]

    async def optional_kinds(self) -> frozenset[str]:
        return self.kinds

    async def create(self, manifest: Manifest) -> bool:
        if (manifest["kind"], manifest["metadata"]["name"]) in self.objects:
            return False
        with self._write(f"create {manifest['kind']} {manifest['metadata']['name']}"):
            self.put(manifest)
        return True

    async def apply(self, manifest: Manifest) -> None:
        with self._write(f"apply {manifest['kind']} {manifest['metadata']['name']}"):
            self.put(manifest)

    async def annotate(self, live: Manifest, annotations: Mapping[str, str]) -> None:
        with self._write(f"annotate {live['kind']} {live['metadata']['name']}"):
            one = self._exactly(live)
            one["metadata"].setdefault("annotations", {}).update(annotations)
            self._touch(one)

    async def delete(self, live: Manifest) -> None:
        with self._write(f"delete {live['kind']} {live['metadata']['name']}"):
            self._exactly(live)
            self.remove(live["kind"], live["metadata"]["name"])

    async def write_status(self, live: Manifest, status: Manifest) -> None:
        with self._write(f"status {live['kind']} {live['metadata']['name']}"):
            one = self._exactly(live)
            if one["metadata"]["resourceVersion"] != live["metadata"]["resourceVersion"]:
                raise ConflictError("the object has been modified")
            one["status"] = _copied(status)
            self._touch(one)

    # The world.

    def put(self, manifest: Manifest) -> Manifest:
        """Create or replace an object, as the API server would."""
        place = (manifest["kind"], manifest["metadata"]["name"])
        before = self.objects.get(place)
        one = _copied(manifest)
        meta = one["metadata"]
        if before is None:
            meta |= {
                "uid": f"uid-{next(self._uids)}",
                "generation": 1,
                "creationTimestamp": self._clock.now().isoformat(),
            }
        else:
            old = before["metadata"]
            changed = before.get("spec") != one.get("spec")
            meta |= {"uid": old["uid"], "creationTimestamp": old["creationTimestamp"]}
            meta["generation"] = old["generation"] + (1 if changed else 0)
            one.setdefault("status", before.get("status", {}))
        self.objects[place] = one
        self._touch(one)
        return one

    def remove(self, kind: str, name: str) -> None:
        """Delete an object and all that it owns."""
        gone = self.objects.pop((kind, name), None)
        if gone is None:
            return
        uid = gone["metadata"]["uid"]
        for (child_kind, child), one in list(self.objects.items()):
            if any(owner["uid"] == uid for owner in one["metadata"].get("ownerReferences") or ()):
                self.remove(child_kind, child)

    def of(self, kind: str) -> list[Manifest]:
        """Give all live objects of a kind."""
        return [one for (known, _), one in sorted(self.objects.items()) if known == kind]

    def _exactly(self, live: Manifest) -> Manifest:
        one = self.objects.get((live["kind"], live["metadata"]["name"]))
        if one is None or one["metadata"]["uid"] != live["metadata"]["uid"]:
            raise ConflictError("not that object any more")
        return one

    def _touch(self, one: Manifest) -> None:
        one["metadata"]["resourceVersion"] = str(next(self._versions))

    def _write(self, what: str) -> "_Write":
        return _Write(self, what)


class _Write:
    """Calls the hook before and after a write, so that a test can kill the operator at either point."""

    def __init__(self, cluster: FakeCluster, what: str) -> None:
        self._cluster, self._what = cluster, what

    def __enter__(self) -> None:
        self._cluster._on_write(f"before {self._what}")

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._cluster.writes.append(self._what)
            self._cluster._on_write(f"after {self._what}")


class FakeRouters:
    """What Envoy would say: it follows the route that its pod was told of."""

    def __init__(self, world: "World") -> None:
        self._world = world

    async def followed(self, address: str) -> Followed:
        return self._world.followed(address)


class FakeMetrics:
    """What routers and servers would have counted."""

    def __init__(self, world: "World") -> None:
        self._world = world

    async def traffic(self, trial: Trial) -> Traffic | None:
        return self._world.traffic(trial.version)


class FakeMonitor:
    """What the monitor would tell."""

    def __init__(self, world: "World") -> None:
        self._world = world

    async def comparison(self, namespace: str, name: str, old: str, new: str) -> Comparison | None:
        return self._world.comparison(old, new)

    async def live(self, namespace: str, name: str) -> Live:
        return self._world.live()


class World:
    """Kubelet, Job controller, Deployment controller and Envoy, as far as Andon sees them.

    Attributes
    ----------
    build
        What the builder says for a plan's Job (called once a Job).
    preflight
        What the preflight of a version says; None: its pod is killed before it can say anything.
    healthy
        Whether the servers of a version become ready.
    ailing
        What the kubelet says of the container of one that does not.
    accepted
        Whether a Gateway takes routes.
    monitor_ready
        Whether the monitor of the namespace is.
    traffic
        What was counted of a version's requests; None: a router is silent.
    comparison
        What the monitor saw of two artifacts, by digest; None: it is silent.
    live
        What the monitor tells of the version that serves.
    """

    def __init__(self, cluster: FakeCluster) -> None:
        self._cluster = cluster
        self.build: Callable[[Manifest], BuildReport] = lambda job: succeeded("a")
        self.preflight: Callable[[int], PreflightReport | None] = lambda version: PreflightReport(
            outcome="Passed", message="as recorded"
        )
        self.healthy: Callable[[int], bool] = lambda version: True
        self.ailing: Manifest = {"state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}}
        self.monitor_ready = True
        self.accepted = "True"
        self.traffic: Callable[[int], Traffic | None] = lambda version: None
        self.comparison: Callable[[str, str], Comparison | None] = lambda old, new: None
        self.live: Callable[[], Live] = Live
        self._follows: dict[str, Route | None] = {}
        self._loaded: dict[str, Files] = {}
        self.routes_seen: list[Route] = []

    def step(self) -> None:
        """Let every controller do its next small thing."""
        for job in self._cluster.of("Job"):
            self._run_job(job)
        for deployment in self._cluster.of("Deployment"):
            self._run_deployment(deployment)
        for kind in ("HTTPRoute", "GRPCRoute"):
            for route in self._cluster.of(kind):
                self._take_route(route)
        self._drop_orphaned_pods()
        self._refresh_routers()

    def followed(self, address: str) -> Followed:
        route = self._follows.get(address)
        ready = {
            int(one["metadata"]["labels"]["andon.dev/version"])
            for one in self._cluster.of("Deployment")
            if "andon.dev/version" in one["metadata"]["labels"] and one.get("status", {}).get("readyReplicas")
        }
        behind = self._loaded[address].behind if address in self._loaded else frozenset()
        return Followed(route, frozenset(ready & set(route.versions if route else ())), behind=behind)

    def _run_job(self, job: Manifest) -> None:
        name = job["metadata"]["name"]
        if job.get("status", {}).get("conditions"):
            return
        labels = job["spec"]["template"]["metadata"]["labels"]
        report: BuildReport | PreflightReport | None
        if labels[LABEL_COMPONENT] == COMPONENT_PREFLIGHT:
            report = self.preflight(int(labels["andon.dev/version"]))
        else:
            report = self.build(job)
        good = report is not None and report.outcome in ("Succeeded", "Passed")
        pod = self._pod(f"{name}-pod", {**job["spec"]["template"]["metadata"]["labels"]}, job)
        pod["metadata"]["labels"]["batch.kubernetes.io/job-name"] = name
        said = report.to_json() if report is not None else ""
        terminated = {"exitCode": 0 if good else 3, "finishedAt": "1", "message": said}
        container = job["spec"]["template"]["spec"]["containers"][0]["name"]
        pod["status"] = {
            "phase": "Succeeded",
            "containerStatuses": [{"name": container, "state": {"terminated": terminated}}],
        }
        self._cluster.put(pod)
        job["status"] = {"conditions": [{"type": "Complete" if good else "Failed", "status": "True"}]}
        self._cluster.put(job)

    def _run_deployment(self, deployment: Manifest) -> None:
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        replicas = deployment["spec"]["replicas"]
        if labels[LABEL_COMPONENT] == COMPONENT_MONITOR:
            good = self.monitor_ready
        else:
            good = labels[LABEL_COMPONENT] == COMPONENT_ROUTER or self.healthy(int(labels["andon.dev/version"]))
        name = deployment["metadata"]["name"]
        if ("Pod", f"{name}-pod") not in self._cluster.objects:
            pod = self._pod(f"{name}-pod", labels, deployment)
            pod["status"] = {"phase": "Running", "podIP": name}
            if not good:
                pod["status"]["containerStatuses"] = [{"name": "triton", **self.ailing}]
            self._cluster.put(pod)
        ready = replicas if good else 0
        status = {
            "observedGeneration": deployment["metadata"]["generation"],
            "replicas": replicas,
            "updatedReplicas": replicas,
            "readyReplicas": ready,
            "availableReplicas": ready,
        }
        if deployment.get("status") != status:
            deployment["status"] = status
            self._cluster.put(deployment)

    def _pod(self, name: str, labels: Mapping[str, str], owner: Manifest) -> Manifest:
        reference = {"uid": owner["metadata"]["uid"]}
        meta = {"name": name, "namespace": "plant", "labels": dict(labels), "ownerReferences": [reference]}
        return {"kind": "Pod", "apiVersion": "v1", "metadata": meta}

    def _take_route(self, route: Manifest) -> None:
        """Let a Gateway's controller say of a route what it thinks."""
        said = [
            {"type": kind, "status": status, "reason": "Tested", "observedGeneration": route["metadata"]["generation"]}
            for kind, status in (("Accepted", self.accepted), ("ResolvedRefs", "True"))
        ]
        parents = [{"parentRef": parent, "conditions": said} for parent in route["spec"]["parentRefs"]]
        if route.get("status") != {"parents": parents}:
            route["status"] = {"parents": parents}
            self._cluster.put(route)

    def _drop_orphaned_pods(self) -> None:
        alive = {one["metadata"]["uid"] for one in self._cluster.objects.values()}
        for pod in self._cluster.of("Pod"):
            if not any(owner["uid"] in alive for owner in pod["metadata"]["ownerReferences"]):
                self._cluster.remove("Pod", pod["metadata"]["name"])

    def _refresh_routers(self) -> None:
        for pod in self._cluster.of("Pod"):
            labels = pod["metadata"]["labels"]
            if labels[LABEL_COMPONENT] != COMPONENT_ROUTER:
                continue
            config = self._cluster.objects.get(("ConfigMap", f"{labels[LABEL_FAULT_MODEL]}-router"))
            if config is not None:
                route = Route.parse(config["metadata"]["annotations"]["andon.dev/weights"])
                address = pod["status"]["podIP"]
                before, self._loaded[address] = self._loaded.get(address), Files.of(config)
                if before is not None:
                    before.replaced_by(self._loaded[address])
                self._follows[address] = route
                if not self.routes_seen or self.routes_seen[-1] != route:
                    self.routes_seen.append(route)


def succeeded(letter: str, *, columns: tuple[str, ...] = ("torque", "wear"), f1: float = 0.75) -> BuildReport:
    """Give the report of a build whose artifact's digest is made of one letter."""
    return BuildReport(
        outcome="Succeeded",
        reason="BuildSucceeded",
        message="built",
        digest=f"sha256:{letter * 64}",
        uri=f"artifacts/{letter * 64}",
        bytes=1000,
        plain_bytes=6500,
        data_sha256="d" * 64,
        build_inputs_digest=f"sha256:{letter * 64}",
        rows=100,
        positives=10,
        signature=Signature.of(columns, ("0", "1"), 0.5),
        metrics=Metrics(accuracy=0.9, precision=0.8, recall=0.7, f1=f1, macro_f1=0.8),
        runtime=Runtime(onnxruntime="1.21.0", opset=21, ml_opset=3, ir_version=10),
    )


def failed(reason: str = "TargetMissing") -> BuildReport:
    """Give the report of a build that failed for its input."""
    return BuildReport(
        outcome="Failed",
        reason=reason,
        message="column fault is missing",
        found="torque, wear",
        remedy="name another target",
    )


def fault_model(**spec: object) -> Manifest:
    """Write a small FaultModel."""
    train = {"data": {"uri": "pvc://plant-data/machine.csv"}, "target": "fault"}
    return {
        "apiVersion": "andon.dev/v1alpha1",
        "kind": "FaultModel",
        "metadata": {"name": "spindle", "namespace": "plant"},
        "spec": {"source": {"train": train}, **spec},
    }


__all__ = [
    "COMPONENT_BUILD",
    "Crash",
    "FakeClock",
    "FakeCluster",
    "FakeMetrics",
    "FakeMonitor",
    "FakeRouters",
    "World",
    "failed",
    "fault_model",
    "succeeded",
]
