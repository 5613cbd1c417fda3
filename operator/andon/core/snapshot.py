"""Live objects as plain JSON → Observed."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from pydantic import ValidationError

from andon.api.meta import (
    ANNOTATION_ABORT,
    ANNOTATION_APPROVE,
    ANNOTATION_FREEZE,
    ANNOTATION_INPUTS,
    ANNOTATION_MANIFEST,
    ANNOTATION_PROMOTE,
    ANNOTATION_RESTART,
    ANNOTATION_RETRAIN,
    ANNOTATION_ROLLBACK,
    ANNOTATION_ROUTE,
    COMPONENT_PREFLIGHT,
    COMPONENT_ROUTER,
    COMPONENT_SERVER,
    LABEL_COMPONENT,
    LABEL_VERSION,
    router_name,
)
from andon.api.status import FaultModelStatus
from andon.api.v1alpha1 import FaultModelSpec, Manifest
from andon.api.versions import FaultModelVersionSpec
from andon.core import noted
from andon.core.observed import (
    BuildJob,
    Followed,
    Identity,
    Observed,
    Preflight,
    Router,
    RouterPod,
    Server,
    Standing,
    Version,
)
from model_builder.report import BuildReport, PreflightReport, canonical_json

BUILDER_CONTAINER = "builder"

_IMAGE_REASONS = ("ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName")


@dataclass(frozen=True)
class Objects:
    """A FaultModel and the live objects that carry its label.

    Attributes
    ----------
    followed
        What each router pod says of itself, by the pod's name.
    entrances
        What stands in the place of router pods; None where there are such.
    """

    model: Manifest
    namespace: Manifest | None = None
    versions: Sequence[Manifest] = ()
    jobs: Sequence[Manifest] = ()
    pods: Sequence[Manifest] = ()
    deployments: Sequence[Manifest] = ()
    config_maps: Sequence[Manifest] = ()
    followed: Mapping[str, Followed] = field(default_factory=dict)
    entrances: Sequence[RouterPod] | None = None


def identity(model: Manifest, revision: str = "") -> Identity:
    """Tell which FaultModel it is."""
    meta = model["metadata"]
    return Identity(meta["namespace"], meta["name"], meta["uid"], meta.get("generation", 0), revision)


def revision(spec: FaultModelSpec) -> str:
    """Name a spec in a few characters, whatever its replicas are."""
    wanted = spec.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude={"serving": {"replicas"}})
    wanted.setdefault("serving", {})  # there or not by its replicas alone
    return hashlib.sha256(canonical_json(wanted)).hexdigest()[:16]


def snapshot(objects: Objects) -> Observed:
    """Read live objects into what a decision looks at.

    Raises
    ------
    pydantic.ValidationError
        Where the FaultModel does not fit the API.
    """
    model = objects.model
    annotations = model["metadata"].get("annotations") or {}
    spec = FaultModelSpec.model_validate(model["spec"])
    return Observed(
        identity=identity(model, revision(spec)),
        spec=spec,
        status=status_of(model),
        retrain=annotations.get(ANNOTATION_RETRAIN, ""),
        approved=annotations.get(ANNOTATION_APPROVE, ""),
        promote=annotations.get(ANNOTATION_PROMOTE, ""),
        abort=annotations.get(ANNOTATION_ABORT, ""),
        rollback=annotations.get(ANNOTATION_ROLLBACK, ""),
        restart=annotations.get(ANNOTATION_RESTART, ""),
        frozen=ANNOTATION_FREEZE in ((objects.namespace or {}).get("metadata", {}).get("annotations") or {}),
        versions=tuple(sorted(map(_version, objects.versions), key=lambda version: version.spec.version)),
        builds=tuple(_build(job, objects.pods) for job in objects.jobs if _component(job) != COMPONENT_PREFLIGHT),
        preflights=tuple(_preflight(one, objects.pods) for one in objects.jobs if _is_preflight(one)),
        servers=tuple(_server(one, objects.pods) for one in objects.deployments if _is_server(one)),
        router=_router(objects),
    )


def router_pods(pods: Sequence[Manifest]) -> list[Manifest]:
    """Give the pods that route requests: a pod that goes away counts no more."""
    return [
        pod
        for pod in pods
        if _component(pod) == COMPONENT_ROUTER
        and not pod["metadata"].get("deletionTimestamp")
        and pod.get("status", {}).get("phase") not in ("Succeeded", "Failed")
    ]


def server_pods(pods: Sequence[Manifest], version: int) -> list[Manifest]:
    """Give the pods that serve a version, and do not go away."""
    return [
        pod
        for pod in pods
        if _component(pod) == COMPONENT_SERVER
        and pod["metadata"]["labels"].get(LABEL_VERSION) == str(version)
        and not pod["metadata"].get("deletionTimestamp")
    ]


def addresses(pods: Sequence[Manifest]) -> list[str]:
    """Give the addresses of those pods that have one."""
    return [address for pod in pods if (address := pod.get("status", {}).get("podIP"))]


def status_of(model: Manifest) -> FaultModelStatus:
    """Read the status as far as it can be trusted."""
    try:
        return FaultModelStatus.model_validate(model.get("status") or {})
    except ValidationError:
        # A status of another version of Andon is no fact to build on; everything in it can be found anew.
        return FaultModelStatus()


def _component(manifest: Manifest) -> str:
    return str((manifest["metadata"].get("labels") or {}).get(LABEL_COMPONENT, ""))


def _is_server(deployment: Manifest) -> bool:
    labels = deployment["metadata"].get("labels") or {}
    return _component(deployment) == COMPONENT_SERVER and str(labels.get(LABEL_VERSION, "")).isdigit()


def _version(manifest: Manifest) -> Version:
    return Version(manifest["metadata"]["name"], FaultModelVersionSpec.model_validate(manifest["spec"]))


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _build(job: Manifest, pods: Sequence[Manifest]) -> BuildJob:
    name = job["metadata"]["name"]
    mine, ended = _pods_of(job, pods), _ended(job)
    if "Complete" in ended:
        return BuildJob(name, "Succeeded", report=_last_report(mine))
    if "Failed" in ended:
        said = f"{ended['Failed'].get('reason', '')}: {ended['Failed'].get('message', '')}".strip(": ")
        failure = "; ".join(filter(None, [said, *map(_pod_failure, mine)]))
        return BuildJob(name, "Failed", report=_last_report(mine), failure=failure)
    return BuildJob(name, "Running", waiting=next(filter(None, map(_waiting, mine)), ""))


def _is_preflight(job: Manifest) -> bool:
    labels = job["metadata"].get("labels") or {}
    return _component(job) == COMPONENT_PREFLIGHT and str(labels.get(LABEL_VERSION, "")).isdigit()


def _preflight(job: Manifest, pods: Sequence[Manifest]) -> Preflight:
    number, mine = int(job["metadata"]["labels"][LABEL_VERSION]), _pods_of(job, pods)
    ended = _ended(job)
    if not ended:
        return Preflight(number, "Running")
    for message in _last_words(mine, COMPONENT_PREFLIGHT):
        try:
            report = PreflightReport.model_validate_json(message)
        except ValidationError:
            continue
        return Preflight(number, report.outcome, report.message)
    said = next(iter(ended.values()))
    failure = "; ".join(filter(None, [said.get("message", ""), *map(_pod_failure, mine)]))
    return Preflight(number, "Failed", failure)


def _pods_of(job: Manifest, pods: Sequence[Manifest]) -> list[Manifest]:
    name = job["metadata"]["name"]
    return [pod for pod in pods if (pod["metadata"].get("labels") or {}).get("batch.kubernetes.io/job-name") == name]


def _ended(job: Manifest) -> dict[str, Manifest]:
    """Give how a Job ended, by Complete or Failed; nothing while it has not."""
    conditions = job.get("status", {}).get("conditions") or ()
    return {one["type"]: one for one in conditions if one["status"] == "True" and one["type"] in ("Complete", "Failed")}


def _last_words(pods: Sequence[Manifest], container: str) -> list[str]:
    """Give the termination messages of a container, the latest first."""
    said = [
        (state["terminated"].get("finishedAt") or "", state["terminated"].get("message") or "")
        for pod in pods
        for state in _states(pod, container)
        if state.get("terminated")
    ]
    return [message for _, message in sorted(said, reverse=True)]


def _last_report(pods: Sequence[Manifest]) -> BuildReport | None:
    for message in _last_words(pods, BUILDER_CONTAINER):
        try:
            return BuildReport.model_validate_json(message)
        except ValidationError:
            continue  # killed before it could speak; an earlier try may have said more
    return None


def _states(pod: Manifest, container: str = "") -> list[Manifest]:
    status = pod.get("status", {})
    statuses = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    return [one.get("state") or {} for one in statuses if not container or one["name"] == container]


def _pod_failure(pod: Manifest) -> str:
    reasons = [state["terminated"].get("reason") or "" for state in _states(pod) if state.get("terminated")]
    own = str(pod.get("status", {}).get("reason") or "")
    return ", ".join(sorted({reason for reason in (*reasons, own) if reason and reason not in ("Completed", "Error")}))


def _waiting(pod: Manifest) -> str:
    """Say in Kubernetes' words why a pod does not run; empty where it does, or has only just begun."""
    status = pod.get("status", {})
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return f"{condition.get('reason', 'Unschedulable')}: {condition.get('message', '')}"
    statuses = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    return next(filter(None, map(_held_up, statuses)), "")


def _held_up(container: Manifest) -> str:
    """Say why one container of a pod does not run; empty where it does, or has only just begun."""
    state, name = container.get("state") or {}, container["name"]
    before = (container.get("lastState") or {}).get("terminated") or {}
    waiting = state.get("waiting") or {}
    reason = waiting.get("reason", "")
    if reason in _IMAGE_REASONS:  # the kubelet goes back and forth between these: one text for all of them
        return f"{name}: image {container['image']} cannot be pulled"
    if reason in ("", "ContainerCreating", "PodInitializing"):
        if container.get("ready") or not before.get("exitCode"):
            return ""
        reason = "failed"  # and tries again just now: how this try goes nobody knows yet
    last = before or state.get("terminated") or {}
    said = last.get("message") or waiting.get("message") or ""
    code = f" (exit code {last['exitCode']})" if "exitCode" in last else ""
    return f"{name}: {reason}{code}: {said.strip()[:512]}".rstrip(": ")


def _server(deployment: Manifest, pods: Sequence[Manifest]) -> Server:
    meta, status = deployment["metadata"], deployment.get("status") or {}
    number = meta["labels"][LABEL_VERSION]
    replicas = deployment["spec"].get("replicas", 1)
    current = status.get("observedGeneration", 0) >= meta.get("generation", 0)
    counts = (status.get(field, 0) for field in ("replicas", "updatedReplicas", "availableReplicas"))
    mine = server_pods(pods, int(number))
    return Server(
        version=int(number),
        since=_time(meta["creationTimestamp"]),
        ready=current and all(count == replicas for count in counts),
        ready_replicas=status.get("readyReplicas", 0),
        trouble=next(filter(None, map(_waiting, mine)), ""),
        standing=_standing(deployment),
    )


def _standing(deployment: Manifest) -> Standing | None:
    annotations = (deployment.get("metadata") or {}).get("annotations") or {}
    try:
        return Standing(annotations[ANNOTATION_INPUTS], json.loads(annotations[ANNOTATION_MANIFEST]))
    except (KeyError, ValueError):
        return None


def _router(objects: Objects) -> Router:
    name = router_name(objects.model["metadata"]["name"])
    config = next((one for one in objects.config_maps if one["metadata"]["name"] == name), None)
    status = status_of(objects.model)
    if config is None:
        return Router(retraining=noted.retraining({"metadata": {}}, status))
    configured, since = noted.configured(config, status)
    deployment = next((one for one in objects.deployments if one["metadata"]["name"] == name), {})
    pods, ready = _entrances(objects, deployment)
    return Router(
        configured=configured,
        configured_since=since,
        canary=noted.canary(config, status, configured),
        watch=noted.watch(config),
        promoted=noted.promoted(config),
        signals=noted.signals(config),
        retraining=noted.retraining(config, status),
        ready=ready,
        pods=pods,
        standing=_standing(deployment),
    )


def _entrances(objects: Objects, deployment: Manifest) -> tuple[tuple[RouterPod, ...], bool]:
    """Give the router's pods, or what stands in their place, and whether requests come in by them."""
    if objects.entrances is None:
        pods = tuple(_router_pod(pod, objects.followed) for pod in router_pods(objects.pods))
        return pods, (deployment.get("status") or {}).get("readyReplicas", 0) > 0
    servers = (_server(one, objects.pods) for one in objects.deployments if _is_server(one))
    reached = frozenset(server.version for server in servers if server.ready_replicas)
    entrances = tuple(replace(one, reaches=reached) for one in objects.entrances)
    return entrances, any(one.live is not None for one in entrances)


def _router_pod(pod: Manifest, followed: Mapping[str, Followed]) -> RouterPod:
    meta = pod["metadata"]
    said = followed.get(meta["name"], Followed())
    told = (meta.get("annotations") or {}).get(ANNOTATION_ROUTE, "")
    return RouterPod(meta["name"], meta["uid"], told, said.route, said.reaches, said.mirrored, said.behind)
