"""The Debian packages that the lab stands on."""

import os
import shutil

from lab import shell
from lab.console import step
from lab.errors import LabError

# A program that tells that the package is there → the package. CNI's plugins are on no PATH.
NEEDED = {
    "runc": "runc",
    "/usr/lib/cni/bridge": "containernetworking-plugins",
    "nft": "nftables",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "mount": "mount",
    "sysctl": "procps",
    "modprobe": "kmod",
    "curl": "curl",
    "buildah": "buildah",
    "debootstrap": "debootstrap",
}
APT = ("apt-get", "-o", "DPkg::Lock::Timeout=300", "-qq")


def missing() -> list[str]:
    """List the packages whose programs are not there."""
    return sorted({package for program, package in NEEDED.items() if shutil.which(program) is None})


def check_root() -> None:
    """Refuse early: network namespaces and mounts are root's.

    Raises
    ------
    LabError
        `NotRoot`.
    """
    if os.geteuid() != 0:
        raise LabError("NotRoot", "a node needs root", remedy="run as root, or use CLUSTER=existing")


def ensure() -> None:
    """Install what is missing.

    Raises
    ------
    LabError
        `NotRoot`, or `PackagesMissing` where apt-get is not to be had.
    """
    check_root()
    wanted = missing()
    if not wanted:
        return
    if shutil.which("apt-get") is None:
        raise LabError("PackagesMissing", f"not installed: {', '.join(wanted)}", remedy="install them by hand")
    with step(f"installing Debian packages {' '.join(wanted)}", "half a minute"):
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        shell.run(*APT, "update", environment=quiet)
        shell.run(*APT, "install", "-y", "--no-install-recommends", *wanted, environment=quiet)
    if still := missing():
        raise LabError("PackagesMissing", f"installed, yet their programs are not found: {', '.join(still)}")
