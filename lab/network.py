"""The lab's addresses and its network namespace.

The addresses are from 198.18.0.0/15, which RFC 2544 sets aside for benchmarks, so that they meet no real network.
The namespace has no way out, on purpose: what works in the lab works in a plant that is cut off.
"""

import os
from pathlib import Path

from lab import shell

# Another name gives a second lab beside the first, for work on the lab itself.
NAMESPACE = os.environ.get("ANDON_LAB_NAME", "andon-lab")
NAMESPACE_FILE = Path("/run/netns") / NAMESPACE
NODE_NAME = "lab"
NODE_DEVICE = "lab0"
NODE_ADDRESS = "198.18.0.2"
NODE_NETWORK = f"{NODE_ADDRESS}/24"
ROUTE_TO_NOWHERE = "198.18.0.1"
POD_NETWORK = "198.18.128.0/17"
SERVICE_NETWORK = "198.19.0.0/16"
API_ADDRESS = "198.19.0.1"
DNS_ADDRESS = "198.19.0.10"
DOMAIN = "cluster.local"
API_SERVER = "https://127.0.0.1:6443"
KERNEL_MODULES = ("bridge", "br_netfilter", "nf_tables", "overlay", "veth")


def exists() -> bool:
    return NAMESPACE_FILE.exists()


def inside(*command: str) -> list[str]:
    """Give the command line that runs `command` in the namespace.

    `ip netns exec` would not do: it mounts a fresh /sys, which hides the cgroup mounts from the kubelet.
    """
    return ["nsenter", f"--net={NAMESPACE_FILE}", "--", *command]


def create() -> None:
    """Make the namespace, its loopback and the node's device; what is there already stays."""
    # Where modules are compiled into the kernel, or may not be loaded, what is missing shows by itself later.
    shell.succeeds("modprobe", "--all", *KERNEL_MODULES)
    if not exists():
        shell.run("ip", "netns", "add", NAMESPACE)
    ip = ("ip", "-n", NAMESPACE)
    shell.run(*ip, "link", "set", "lo", "up")
    if not shell.succeeds(*ip, "link", "show", NODE_DEVICE):
        # A bridge, since small kernels come without the dummy device.
        shell.run(*ip, "link", "add", NODE_DEVICE, "type", "bridge")
    shell.run(*ip, "addr", "replace", NODE_NETWORK, "dev", NODE_DEVICE)
    shell.run(*ip, "link", "set", NODE_DEVICE, "up")
    # Components look for a default route to learn the node's address; nothing answers behind it.
    shell.run(*ip, "route", "replace", "default", "via", ROUTE_TO_NOWHERE, "dev", NODE_DEVICE)
    shell.run(*inside("sysctl", "-qw", "net.ipv4.ip_forward=1"))
    # Without it a pod that calls a Service whose backend is on the same bridge gets an answer from the wrong address.
    if Path("/proc/sys/net/bridge/bridge-nf-call-iptables").exists():
        shell.run(*inside("sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=1"))


def processes() -> list[int]:
    """List the processes in the namespace."""
    if not exists():
        return []
    return [int(pid) for pid in shell.output("ip", "netns", "pids", NAMESPACE).split()]


def delete() -> None:
    if exists():
        shell.run("ip", "netns", "delete", NAMESPACE)
