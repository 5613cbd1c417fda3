"""What runs, in one table."""

from rich.table import Table

from lab import components, network, shell, teardown, versions
from lab.console import CONSOLE
from lab.paths import Paths
from lab.supervisor import Supervisor

VERSIONS = {"etcd": versions.ETCD, "containerd": versions.CONTAINERD}


def show(paths: Paths) -> bool:
    """Print the components, the node and where the kubeconfig lies.

    Returns
    -------
    bool
        Whether everything runs and the node is Ready.
    """
    supervisor = Supervisor(paths)
    if not paths.state.exists():
        left = teardown.leftovers(paths)
        CONSOLE.print("The lab is down." + (f" Left over: {'; '.join(left)}" if left else ""))
        return False
    table = Table("component", "version", "process", "state", box=None)
    healthy = True
    for component in components.all_of_them(paths):
        record = supervisor.record(component.name)
        running = record is not None and record.alive
        ready = running and supervisor.is_ready(component)
        healthy &= ready
        state = "[green]ready[/]" if ready else "[yellow]not ready[/]" if running else "[red]not running[/]"
        version = VERSIONS.get(component.name, versions.KUBERNETES)
        table.add_row(component.name, version, str(record.pid) if record and running else "-", state)
    CONSOLE.print(table)
    CONSOLE.print(f"node {network.NODE_NAME}: {'[green]Ready[/]' if supervisor.node_ready() else '[red]not Ready[/]'}")
    pods = _pod_count(paths)
    if pods is not None:
        CONSOLE.print(f"pods: {pods}")
    CONSOLE.print(f"kubeconfig: {paths.kubeconfig} (inside network namespace {network.NAMESPACE})")
    CONSOLE.print(f"logs: {paths.logs}, audit log: {paths.audit_log}")
    return healthy


def _pod_count(paths: Paths) -> int | None:
    listed = shell.attempt(
        *network.inside(
            str(paths.bin / "kubectl"),
            f"--kubeconfig={paths.kubeconfig}",
            "--request-timeout=3s",
            *("get", "pods", "--all-namespaces", "--no-headers"),
        )
    )
    return None if listed is None else len(listed.splitlines())
