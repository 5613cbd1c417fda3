"""What happens around the operator: every other controller, the routers, the metrics, the monitor."""

from collections.abc import Callable, Mapping

from andon.api.meta import (
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
from model_builder.report import BuildReport, PreflightReport
from tests.support.cluster import FakeCluster, succeeded
from tests.support.loaded import Files


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
