"""Parts of the cluster that go down on purpose: the operator by SIGKILL, the API server, the monitor."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lab import components
from lab.paths import Paths
from lab.supervisor import Supervisor
from tests.support.kubectl import Kubectl
from tests.support.plants import Plant

OPERATOR = "app.kubernetes.io/name=andon,app.kubernetes.io/component=operator"
MONITOR = "app.kubernetes.io/component=monitor"


def kill_operator(operator: Kubectl) -> None:
    """Kill the operator's process, with no word of warning where it runs on this machine, and have it start anew.

    Its pod goes too: the kubelet would wait ever longer before it starts a container again that dies so often.
    """
    for pod in operator.find("pods", OPERATOR):
        for process in _processes(pod["metadata"]["uid"]):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
    operator.run("delete", "pods", "--selector", OPERATOR, "--grace-period=0", "--force", "--wait=false")


def _processes(uid: str) -> list[int]:
    """List this machine's processes of a pod that run Python; none where its node is another machine."""
    found = []
    for folder in Path("/proc").iterdir():
        with suppress(OSError):
            if folder.name.isdigit() and uid in (folder / "cgroup").read_text():
                words = (folder / "cmdline").read_bytes().split(b"\0")
                found += [int(folder.name)] if b"python" in words[0] else []
    return found


class ApiServer:
    """The lab's API server, which can be taken down and brought back."""

    def __init__(self) -> None:
        paths = Paths.from_environment()
        self._supervisor = Supervisor(paths)
        self._component = next(one for one in components.all_of_them(paths) if one.name == "kube-apiserver")

    @property
    def ours(self) -> bool:
        """Whether the cluster is the lab's own."""
        return self._supervisor.running(self._component.name)

    def restart(self) -> None:
        """Kill it, and start it again."""
        self._supervisor.stop(self._component.name, grace=0)
        self._supervisor.start(self._component)
        self._supervisor.wait(self._component)


@contextmanager
def no_scheduling(plant: Plant) -> Iterator[None]:
    """Let no new pod have a node."""
    nodes = [one["metadata"]["name"] for one in plant.kubectl.find("nodes")]
    plant.kubectl.run("cordon", *nodes)
    try:
        yield
    finally:
        plant.kubectl.run("uncordon", *nodes)


@contextmanager
def no_monitor(plant: Plant) -> Iterator[None]:
    """Take the monitor's pod away, and leave no node on which it could start again."""
    with no_scheduling(plant):
        plant.kubectl.run("delete", "pods", "--selector", MONITOR, "--grace-period=1")
        yield
    plant.until_ready_pod(MONITOR)
