"""What a bare cluster lacks: cluster DNS and a StorageClass. Manifests are pure, `apply` writes them."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from lab import network, shell
from lab.paths import Paths

Manifest = Mapping[str, Any]
DNS = "coredns"
DNS_NAMESPACE = "kube-system"
FIELD_MANAGER = "andon-lab"
SERVER_SIDE = ("--server-side", "--force-conflicts", f"--field-manager={FIELD_MANAGER}")

COREFILE = f"""\
{network.DOMAIN}:5353 in-addr.arpa:5353 ip6.arpa:5353 {{
    errors
    health :8080
    ready :8181
    kubernetes {network.DOMAIN} in-addr.arpa ip6.arpa {{
        pods insecure
        ttl 5
    }}
    cache 5
}}
# There is no way out: say at once that a name is unknown, instead of letting clients wait.
.:5353 {{
    errors
    template ANY ANY {{
        rcode NXDOMAIN
    }}
}}
"""


def dns(image: str) -> list[Manifest]:
    """Give CoreDNS with what it needs to watch Services."""
    labels = {"k8s-app": "kube-dns"}
    meta = {"name": DNS, "namespace": DNS_NAMESPACE}
    rules = [
        {"apiGroups": [""], "resources": ["endpoints", "services", "pods", "namespaces"], "verbs": ["list", "watch"]},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
    ]
    # CoreDNS runs without its reload plugin: a changed Corefile has to change the pod.
    stamp = {"andon-lab/corefile": hashlib.sha256(COREFILE.encode()).hexdigest()}
    rbac = "rbac.authorization.k8s.io"
    ports = [
        {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 5353},
        {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": 5353},
    ]
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta},
        {"apiVersion": f"{rbac}/v1", "kind": "ClusterRole", "metadata": {"name": DNS}, "rules": rules},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": DNS},
            "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": DNS},
            "subjects": [{"kind": "ServiceAccount", "name": DNS, "namespace": DNS_NAMESPACE}],
        },
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"Corefile": COREFILE}},
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": meta,
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels, "annotations": stamp}, "spec": _dns_pod(image)},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "kube-dns", "namespace": DNS_NAMESPACE, "labels": labels},
            "spec": {"clusterIP": network.DNS_ADDRESS, "selector": labels, "ports": ports},
        },
    ]


def _dns_pod(image: str) -> Manifest:
    return {
        "serviceAccountName": DNS,
        "priorityClassName": "system-cluster-critical",
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": DNS,
                "image": image,
                "imagePullPolicy": "Never",
                "args": ["-conf", "/etc/coredns/Corefile"],
                "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}, "periodSeconds": 1},
                "livenessProbe": {"httpGet": {"path": "/health", "port": 8080}},
                "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}},
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                    "readOnlyRootFilesystem": True,
                },
                "volumeMounts": [{"name": "config", "mountPath": "/etc/coredns", "readOnly": True}],
            }
        ],
        "volumes": [{"name": "config", "configMap": {"name": DNS}}],
    }


def apply(paths: Paths, manifests: Iterable[Manifest]) -> None:
    """Apply manifests as the lab's own field manager; what is there as wanted stays untouched."""
    document = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
    kubectl(paths, "apply", *SERVER_SIDE, "--filename=-", input_text=json.dumps(document))


def kubectl(paths: Paths, *arguments: str, input_text: str | None = None) -> str:
    """Run kubectl as the lab's admin."""
    command = network.inside(str(paths.bin / "kubectl"), f"--kubeconfig={paths.kubeconfig}", *arguments)
    return shell.run(*command, input_text=input_text).stdout
