"""Take the lab down until nothing of it is left, however far it had come."""

import os
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from lab import cgroups, components, configs, network, processes, shell
from lab.console import say, step
from lab.errors import LabError
from lab.locks import exclusive
from lab.paths import Paths
from lab.supervisor import Supervisor

SHIM = "containerd-shim-runc-v2"
CNI_CACHE = Path("/var/lib/cni")
CONTAINER_ID_START = "[0-9a-f]" * 16
SHIM_SOCKETS = Path("/run/containerd/s")
DEVICE_PLUGINS = Path("/var/lib/kubelet/device-plugins")
CONTAINER_LOG_LINKS = Path("/var/log/containers")
EXTRA_PROCESSES = ("traefik",)


def down(paths: Paths) -> None:
    """Stop every process, then remove mounts, cgroups, the network namespace and the state folder."""
    with exclusive(paths, network.NAMESPACE):
        if not leftovers(paths):
            say("The lab is down already.")
            return
        supervisor = Supervisor(paths)
        sockets = foreign_sockets()
        with step("stopping the kubelet and its pods") as current:
            _stop(supervisor, "kubelet")
            _remove_pods(paths)
            killed = cgroups.delete()
            current.note = f"{killed} container processes ended" if killed else ""
        with step("stopping the other components"):
            names = [component.name for component in reversed(components.all_of_them(paths))]
            for name in (*EXTRA_PROCESSES, *names):
                _stop(supervisor, name)
            for pid in {*shims(paths), *network.processes()} - {os.getpid()}:
                processes.kill(pid)
        with step("removing mounts, namespace and state"):
            unmount(paths.state)
            network.delete()
            _remove_traces(paths, sockets)
            _remove_tree(paths.state)
    if left := leftovers(paths):
        raise LabError("LabNotGone", "still there: " + "; ".join(left), remedy="run `python -m lab down` again")


def leftovers(paths: Paths) -> list[str]:
    """List what of the lab is still there; empty when it is gone."""
    checks: dict[str, Callable[[], list[object]]] = {
        "shim": lambda: list(shims(paths)),
        "process in the namespace": lambda: list(network.processes()),
        "mount": lambda: list(mounts_below(paths.state)),
        "cgroup": lambda: list(cgroups.ours()),
        "namespace": lambda: [network.NAMESPACE] if network.exists() else [],
        "state folder": lambda: [paths.state] if paths.state.exists() else [],
    }
    return [f"{kind} {item}" for kind, look in checks.items() for item in look()]


def shims(paths: Paths) -> list[int]:
    """List the shims that belong to the lab's containerd: they outlive it by design."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if Path(words[0]).name == SHIM and str(paths.containerd_socket) in words:
                found.append(int(folder.name))
    return found


def mounts_below(folder: Path) -> list[Path]:
    """List mount points at or below a folder, the latest first."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    points = [Path(line.split()[4].encode().decode("unicode_escape")) for line in lines]
    return [point for point in reversed(points) if point == folder or folder in point.parents]


def unmount(folder: Path) -> None:
    for point in mounts_below(folder):
        if not shell.succeeds("umount", point):
            shell.run("umount", "--lazy", point)


def _stop(supervisor: Supervisor, name: str) -> None:
    grace = {component.name: component.grace for component in components.all_of_them(supervisor.paths)}
    supervisor.stop(name, grace.get(name, 10))


def _remove_pods(paths: Paths) -> None:
    """Let containerd end the containers while it still runs, since then its shims clean up after themselves."""
    client = (paths.bin / "ctr", f"--address={paths.containerd_socket}", "--namespace=k8s.io")
    if not shell.succeeds(*client, "version"):
        return
    tasks = shell.output(*client, "tasks", "list", "--quiet").split()
    if tasks:
        shell.succeeds(*client, "tasks", "delete", "--force", *tasks)


def foreign_sockets() -> list[Path]:
    """List the sockets that shims and the kubelet hold in folders that cannot be configured.

    The kernel lists sockets by network namespace, which tells ours from those of another containerd or kubelet.
    """
    listed = shell.attempt(*network.inside("cat", "/proc/net/unix")) if network.exists() else None
    words = [line.split()[-1] for line in (listed or "").splitlines()]
    return sorted({Path(word) for word in words if Path(word).parent in (SHIM_SOCKETS, DEVICE_PLUGINS)})


def _remove_traces(paths: Paths, sockets: Iterable[Path]) -> None:
    """Remove the few files that components leave outside the state folder, ours only."""
    for file in CNI_CACHE.glob(f"*/{configs.CNI_NAME}-{CONTAINER_ID_START}*"):
        container = file.name.removeprefix(f"{configs.CNI_NAME}-").partition("-")[0]
        for trace in file.parent.glob(f"*-{container}-*"):  # of the loopback, too
            trace.unlink(missing_ok=True)
    for link in CONTAINER_LOG_LINKS.glob("*.log"):
        if link.is_symlink() and paths.state in link.readlink().parents:
            link.unlink()
    for socket in sockets:
        socket.unlink(missing_ok=True)
    folders = (CONTAINER_LOG_LINKS, SHIM_SOCKETS, SHIM_SOCKETS.parent, DEVICE_PLUGINS, DEVICE_PLUGINS.parent)
    for folder in (*CNI_CACHE.glob("*"), CNI_CACHE, *folders):
        with suppress(OSError):  # in use by someone else, or not there
            folder.rmdir()


def _remove_tree(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
