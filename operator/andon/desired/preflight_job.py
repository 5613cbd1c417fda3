"""The Job that asks a version's server for its golden samples, before the version gets any request."""

from andon.api.meta import COMPONENT_PREFLIGHT, HTTP_PORT, child_labels, preflight_name, version_name
from andon.api.v1alpha1 import Manifest
from andon.api.versions import FaultModelVersionSpec
from andon.core.observed import Identity
from andon.desired.platform import Platform
from andon.desired.pods import CONTAINER_SECURITY, Mounts, add_store, environment, metadata, pod_spec

ANSWERS_DIFFER = 3
"""Exit code of the preflight where trying again cannot help."""

BACKOFF_LIMIT = 3
DEADLINE_SECONDS = 300


def preflight_job(
    identity: Identity, version: FaultModelVersionSpec, latency_limit: float | None, platform: Platform
) -> Manifest:
    """Write the Job. It reports by its termination message, so the pod needs no access to the API.

    Parameters
    ----------
    latency_limit
        Seconds within which most requests of one row have to be answered; None: it is not timed.
    """
    name = preflight_name(identity.name, version.version)
    labels = child_labels(identity.name, COMPONENT_PREFLIGHT, version.version)
    mounts = Mounts()
    values = {"ANDON_IN_CLUSTER": "1", "TMPDIR": "/tmp", **add_store(mounts, platform, read_only=True)}  # noqa: S108
    mounts.add("tmp", "/tmp", {"emptyDir": {"sizeLimit": "64Mi"}})  # noqa: S108
    host = f"{version_name(identity.name, version.version)}.{identity.namespace}.svc.{platform.cluster_domain}"
    container = {
        "name": COMPONENT_PREFLIGHT,
        "image": platform.images.builder,
        "imagePullPolicy": platform.images.pull_policy,
        "args": [
            "preflight",
            f"--digest={version.digest}",
            f"--name={identity.name}",
            f"--version={version.version}",
            f"--host={host}:{HTTP_PORT}",
            *([f"--latency-limit={latency_limit:g}"] if latency_limit is not None else []),
        ],
        "env": environment(values),
        "resources": {"requests": {"cpu": "50m", "memory": "96Mi"}, "limits": {"memory": "512Mi"}},
        "securityContext": CONTAINER_SECURITY,
        "volumeMounts": mounts.mounts,
    }
    template = {
        "metadata": {"labels": labels},
        "spec": pod_spec(platform.images, restartPolicy="Never", containers=[container], volumes=mounts.volumes),
    }
    differ = {"containerName": COMPONENT_PREFLIGHT, "operator": "In", "values": [ANSWERS_DIFFER]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata(identity, name, labels),
        "spec": {
            "backoffLimit": BACKOFF_LIMIT,
            "activeDeadlineSeconds": DEADLINE_SECONDS,
            "podFailurePolicy": {
                "rules": [
                    {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
                    {"action": "FailJob", "onExitCodes": differ},
                ]
            },
            "template": template,
        },
    }
