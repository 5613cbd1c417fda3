"""Boot the node: each step looks first and does only what is missing, so that `up` may be run at any time."""

from collections.abc import Iterable
from pathlib import Path

from lab import addons, build, certificates, cgroups, components, configs, images, network, packages, parts, volumes
from lab.components import Component
from lab.console import say, step
from lab.locks import exclusive
from lab.paths import Paths
from lab.supervisor import Supervisor, link_binaries

DNS_TIMEOUT = "60s"
KUBECONFIGS = {
    "controller-manager.kubeconfig": certificates.CONTROLLER_MANAGER,
    "scheduler.kubeconfig": certificates.SCHEDULER,
    "node.kubeconfig": certificates.NODE,
    "proxy.kubeconfig": certificates.PROXY,
    "traefik.kubeconfig": certificates.TRAEFIK,
}


def up(paths: Paths) -> None:
    """Have a node that is Ready, with DNS and storage."""
    packages.ensure()
    folders = [build.ensure(paths, part) for part in parts.LAB]
    for image in images.NODE_IMAGES:
        images.ensure(paths, image)
    with exclusive(paths, network.NAMESPACE):
        prepare(paths, folders)
        boot(paths)
        furnish(paths)


def prepare(paths: Paths, folders: Iterable[Path]) -> None:
    """Write what the components read: certificates, configuration, links to the binaries, the namespace."""
    with step("network, certificates and configuration"):
        paths.state.mkdir(parents=True, exist_ok=True, mode=0o755)
        link_binaries(paths, list(folders))
        network.create()
        cgroups.create()
        certificates.ensure(paths)
        write_configs(paths)


def write_configs(paths: Paths) -> None:
    files = configs.render(paths)
    files |= {name: certificates.kubeconfig(paths, identity) for name, identity in KUBECONFIGS.items()}
    for name, text in files.items():
        _write(paths.config / name, text)
    _write(paths.kubeconfig, certificates.kubeconfig(paths, certificates.ADMIN))


def boot(paths: Paths) -> None:
    """Start what does not run, in waves: the clients need the API, the kubelet needs containerd and its images."""
    supervisor = Supervisor(paths)
    by_name = {component.name: component for component in components.all_of_them(paths)}
    _start(supervisor, by_name["containerd"], by_name["etcd"])
    _start(supervisor, by_name["kube-apiserver"])
    for image in images.NODE_IMAGES:
        images.load(paths, image)
    second = ("kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet")
    _start(supervisor, *(by_name[name] for name in second))


def furnish(paths: Paths) -> None:
    """Apply cluster DNS and storage and wait until a name can be looked up."""
    with step("storage") as current:
        fresh = volumes.ensure(paths)
        current.note = f"{fresh} volumes made new" if fresh else ""
    with step("cluster DNS"):
        reference = images.reference(paths, images.BY_NAME["coredns"])
        addons.apply(paths, addons.dns(reference))
        rollout = ("rollout", "status", f"deployment/{addons.DNS}", f"--timeout={DNS_TIMEOUT}")
        addons.kubectl(paths, f"--namespace={addons.DNS_NAMESPACE}", *rollout)


def _start(supervisor: Supervisor, *wave: Component) -> None:
    """Start components together, then wait for each."""
    started = [component for component in wave if supervisor.start(component)]
    for component in wave:
        if component in started:
            with step(component.name):
                supervisor.wait(component)
        else:
            supervisor.wait(component)
            say(f"  [green]✓[/] {component.name} [dim]runs[/]")


def _write(file: Path, text: str) -> None:
    if file.exists() and file.read_text() == text:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    file.write_text(text)
