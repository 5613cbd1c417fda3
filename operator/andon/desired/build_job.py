"""The Job that carries out a build plan, and the ConfigMap that holds the plan."""

from urllib.parse import urlsplit

from andon.api.meta import COMPONENT_BUILD, child_labels
from andon.api.v1alpha1 import Manifest
from andon.core.build import BuildPlan
from andon.core.observed import Identity
from andon.desired.platform import Platform
from andon.desired.pods import CONTAINER_SECURITY, Mounts, add_store, claim_volume, environment, metadata, pod_spec
from model_builder.spec import Data

INPUT_AT_FAULT = 3
"""Exit code of the builder where trying again cannot help."""

BACKOFF_LIMIT = 2


def build_config(identity: Identity, plan: BuildPlan) -> Manifest:
    """Write the ConfigMap with the plan."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(identity, plan.job, child_labels(identity.name, COMPONENT_BUILD)),
        "data": {"build.json": plan.spec.model_dump_json(by_alias=True, exclude_defaults=True, indent=2)},
    }


def build_job(identity: Identity, plan: BuildPlan, platform: Platform) -> Manifest:
    """Write the Job. The builder reports by its termination message, so the pod needs no access to the API."""
    labels = child_labels(identity.name, COMPONENT_BUILD)
    mounts = Mounts()
    mounts.add("plan", "/etc/andon/plan", {"configMap": {"name": plan.job}}, read_only=True)
    # The data is copied there, so that the bytes that are read are the bytes that were hashed; then the artifact.
    scratch = f"{plan.spec.limits.max_bytes // 2**20 + 1024}Mi"
    mounts.add("tmp", "/tmp", {"emptyDir": {"sizeLimit": scratch}})  # noqa: S108  the container's own
    values = {
        "ANDON_IN_CLUSTER": "1",
        "ANDON_BUILD_SPEC": "/etc/andon/plan/build.json",
        "TMPDIR": "/tmp",  # noqa: S108
        **add_store(mounts, platform, read_only=False),
        **_add_data(mounts, plan.spec.source.train.data),
    }
    if plan.spec.source.importing is not None:
        values |= _add_data(mounts, plan.spec.source.importing.address(), "model-")
    if plan.spec.validation.independent_data is not None:
        values |= _add_data(mounts, plan.spec.validation.independent_data, "independent-")
    container = {
        "name": "builder",
        "image": platform.images.builder,
        "imagePullPolicy": platform.images.pull_policy,
        "args": ["job"],
        "env": environment(values),
        "resources": platform.build_resources,
        "securityContext": CONTAINER_SECURITY,
        "volumeMounts": mounts.mounts,
    }
    template = {
        "metadata": {"labels": labels},
        "spec": pod_spec(platform.images, restartPolicy="Never", containers=[container], volumes=mounts.volumes),
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata(identity, plan.job, labels),
        "spec": {
            "backoffLimit": BACKOFF_LIMIT,
            "activeDeadlineSeconds": platform.build_deadline,
            "podFailurePolicy": {
                "rules": [
                    {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
                    {
                        "action": "FailJob",
                        "onExitCodes": {"containerName": "builder", "operator": "In", "values": [INPUT_AT_FAULT]},
                    },
                ]
            },
            "template": template,
        },
    }


def _add_data(mounts: Mounts, data: Data, purpose: str = "") -> dict[str, str]:
    """Mount what the data's address names; give the environment that tells the builder where it is.

    Parameters
    ----------
    purpose
        Prefix of what each of several data has of its own: credentials and certificates.
    """
    variable = f"ANDON_{purpose.upper().replace('-', '_')}"
    values: dict[str, str] = {}
    address = urlsplit(data.uri)
    if address.scheme == "pvc":
        claim = {"persistentVolumeClaim": {"claimName": address.netloc}}
        mounts.add(claim_volume(address.netloc), f"/data/pvc/{address.netloc}", claim, read_only=True)
        values["ANDON_PVC_ROOT"] = "/data/pvc"
    if address.scheme == "configmap":
        config = {"configMap": {"name": address.netloc}}
        mounts.add(
            f"config-{address.netloc}"[:63].rstrip("-."), f"/data/configmap/{address.netloc}", config, read_only=True
        )
        values["ANDON_CONFIGMAP_ROOT"] = "/data/configmap"
    if data.credentials_secret_ref is not None:
        secret = {"secret": {"secretName": data.credentials_secret_ref.name}}
        mounts.add(f"{purpose}credentials", f"/data/{purpose}credentials", secret, read_only=True)
        values[f"{variable}CREDENTIALS"] = f"/data/{purpose}credentials"
    if data.ca_bundle_ref is not None:
        bundle = {"configMap": {"name": data.ca_bundle_ref.name}}
        mounts.add(f"{purpose}ca-bundle", f"/data/{purpose}ca", bundle, read_only=True)
        values[f"{variable}CA_BUNDLE"] = f"/data/{purpose}ca/{data.ca_bundle_ref.key}"
    return values
