"""The configuration files of the components, rendered from the lab's paths and addresses. Pure: nothing is written."""

import json
from collections.abc import Mapping
from typing import Any

import yaml

from lab import network, versions
from lab.paths import Paths

PAUSE_IMAGE = f"localhost/andon/pause:{versions.PAUSE}"
# A cgroup of our own, so that what belongs to the lab can be told from what belongs to another kubelet.
CGROUP = network.NAMESPACE
CNI_NAME = network.NAMESPACE


def audit_policy() -> str:
    """Record who wrote what: enough to prove that a controller at rest writes nothing."""
    return _yaml(
        {
            "apiVersion": "audit.k8s.io/v1",
            "kind": "Policy",
            "omitStages": ["RequestReceived"],
            "rules": [
                {"level": "Metadata", "verbs": ["create", "update", "patch", "delete", "deletecollection"]},
                {"level": "None"},
            ],
        }
    )


def containerd(paths: Paths) -> str:
    """Configure containerd so that all it leaves anywhere is below the state folder."""
    folder = paths.state / "containerd"
    return f"""\
version = 3
root = "{folder}/root"
state = "{folder}/state"

[grpc]
  address = "{paths.containerd_socket}"

[plugins."io.containerd.internal.v1.opt"]
  path = "{folder}/opt"

[plugins."io.containerd.nri.v1.nri"]
  disable = true

[plugins."io.containerd.cri.v1.images"]
  snapshotter = "overlayfs"
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "{PAUSE_IMAGE}"

[plugins."io.containerd.cri.v1.runtime"]
  # Without CAP_SYS_RESOURCE (a container, a small VM) no process may lower its score, and every sandbox would die.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
[plugins."io.containerd.cri.v1.runtime".cni]
  bin_dirs = ["/usr/lib/cni"]
  conf_dir = "{paths.config}/cni"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
  Root = "{folder}/runc"
  SystemdCgroup = false
"""


def cni(paths: Paths) -> str:
    """Put pods on one bridge; masquerading would be in vain, since there is no way out."""
    bridge = {
        "type": "bridge",
        "bridge": "cni0",
        "isGateway": True,
        "ipMasq": False,
        "hairpinMode": True,
        "ipam": {
            "type": "host-local",
            "dataDir": str(paths.state / "cni"),
            "ranges": [[{"subnet": network.POD_NETWORK}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    plugins: list[Mapping[str, Any]] = [bridge, {"type": "portmap", "capabilities": {"portMappings": True}}]
    return json.dumps({"cniVersion": "1.0.0", "name": CNI_NAME, "plugins": plugins}, indent=2) + "\n"


def kubelet(paths: Paths) -> str:
    """Configure the kubelet for cgroups of either version and for images that come from no registry."""
    pki = paths.certificates
    return _yaml(
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": f"{pki}/ca.crt"},
            },
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": f"{pki}/node.crt",
            "tlsPrivateKeyFile": f"{pki}/node.key",
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{CGROUP}",
            "failCgroupV1": False,
            "failSwapOn": False,
            "clusterDNS": [network.DNS_ADDRESS],
            "clusterDomain": network.DOMAIN,
            "containerRuntimeEndpoint": f"unix://{paths.containerd_socket}",
            "resolvConf": "/dev/null",
            "podLogsDir": f"{paths.logs}/pods",
            "volumePluginDir": f"{paths.state}/kubelet/volume-plugins",
            "registerWithTaints": [],
            # An image that is collected is gone: there is no registry to fetch it from again.
            "imageGCHighThresholdPercent": 100,
            "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
            "syncFrequency": "10s",
            "shutdownGracePeriod": "0s",
        }
    )


def proxy(paths: Paths) -> str:
    """Configure kube-proxy for nftables; conntrack's limits belong to the machine, not to the namespace."""
    return _yaml(
        {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "nftables",
            "clientConnection": {"kubeconfig": f"{paths.config}/proxy.kubeconfig"},
            "clusterCIDR": network.POD_NETWORK,
            "hostnameOverride": network.NODE_NAME,
            "conntrack": {"maxPerCore": 0, "min": 0},
        }
    )


def resolver(dns_address: str = network.DNS_ADDRESS) -> str:
    """Give the resolv.conf of commands that `lab run` starts."""
    domain = network.DOMAIN
    return f"search svc.{domain} {domain}\nnameserver {dns_address}\noptions ndots:5 timeout:2\n"


def render(paths: Paths) -> dict[str, str]:
    """Give every configuration file by its path below the configuration folder."""
    return {
        "audit.yaml": audit_policy(),
        "containerd.toml": containerd(paths),
        "cni/10-lab.conflist": cni(paths),
        "kubelet.yaml": kubelet(paths),
        "proxy.yaml": proxy(paths),
        "resolv.conf": resolver(),
    }


def _yaml(document: Mapping[str, Any]) -> str:
    return yaml.safe_dump(document, sort_keys=False)
