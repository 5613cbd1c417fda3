"""Start the components that do not run as they should, and leave the others alone."""

import os
from pathlib import Path

from lab import hashing, network, processes, shell, waiting
from lab.components import Component, Ready
from lab.errors import LabError
from lab.paths import Paths
from lab.processes import Record

PROBE_SECONDS = 2


class Supervisor:
    """Starts, checks and stops components by their records in the state folder."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths

    def record_file(self, name: str) -> Path:
        return self.paths.processes / f"{name}.json"

    def record(self, name: str) -> Record | None:
        return Record.read(self.record_file(name))

    def log_file(self, name: str) -> Path:
        return self.paths.logs / f"{name}.log"

    def running(self, name: str) -> bool:
        record = self.record(name)
        return record is not None and record.alive

    def current(self, component: Component) -> bool:
        """Whether a component runs with the binary, the arguments and the files that it should have."""
        record = self.record(component.name)
        return record is not None and record.alive and record.fingerprint == self._fingerprint(component)

    def start(self, component: Component) -> bool:
        """Start a component unless it runs as it should.

        Returns
        -------
        bool
            Whether it was started.
        """
        if self.current(component):
            return False
        self.stop(component.name, component.grace)
        self.paths.processes.mkdir(parents=True, exist_ok=True)
        self.paths.logs.mkdir(parents=True, exist_ok=True)
        binary = self.paths.bin / component.name
        record = processes.start(
            component.name,
            network.inside(str(binary), *component.arguments),
            self.log_file(component.name),
            self._environment(component),
            self._fingerprint(component),
        )
        record.write(self.record_file(component.name))
        return True

    def wait(self, component: Component) -> None:
        """Wait until a component is ready.

        Raises
        ------
        LabError
            `ComponentDied` at once when its process ends, `TimedOut` at the deadline, both with the end of its log.
        """

        def ready() -> bool:
            if not self.running(component.name):
                raise LabError(
                    "ComponentDied", f"{component.name} ended while starting\n{self.log_tail(component.name)}"
                )
            return self.is_ready(component)

        what = f"{component.name} waits for: {component.ready.value}"
        waiting.until(ready, what, component.deadline, lambda: self.log_tail(component.name))

    def is_ready(self, component: Component) -> bool:
        if component.ready is Ready.SOCKET:
            return self.ctr_answers()
        if component.ready is Ready.NODE:
            return self.node_ready()
        client = self.paths.certificates / "admin"
        credentials = ("--cert", f"{client}.crt", "--key", f"{client}.key") if "https" in component.address else ()
        probe = ("curl", "-fsk", "--max-time", str(PROBE_SECONDS), *credentials, component.address)
        return shell.succeeds(*network.inside(*probe))

    def ctr_answers(self) -> bool:
        return shell.succeeds(self.paths.bin / "ctr", "--address", self.paths.containerd_socket, "version")

    def node_ready(self) -> bool:
        template = '{.status.conditions[?(@.type=="Ready")].status}'
        command = (
            str(self.paths.bin / "kubectl"),
            f"--kubeconfig={self.paths.kubeconfig}",
            f"--request-timeout={PROBE_SECONDS}s",
            *("get", "node", network.NODE_NAME, f"-o=jsonpath={template}"),
        )
        try:
            return shell.output(*network.inside(*command)) == "True"
        except LabError:
            return False

    def stop(self, name: str, grace: float) -> bool:
        """Stop a component by its record; whether there was one to stop."""
        record = self.record(name)
        if record is None:
            return False
        ran = record.alive
        processes.stop(record, grace)
        self.record_file(name).unlink(missing_ok=True)
        return ran

    def log_tail(self, name: str) -> str:
        try:
            text = self.log_file(name).read_text(errors="replace")
        except FileNotFoundError:
            return f"({name} wrote no log)"
        return f"the end of {self.log_file(name)}:\n{shell.tail(text)}"

    def _fingerprint(self, component: Component) -> str:
        inputs = [name for name in component.inputs if (self.paths.state / name).exists()]
        binary = (self.paths.bin / component.name).resolve()
        return hashing.of_files(self.paths.state, inputs, str(binary), *component.arguments)

    def _environment(self, component: Component) -> dict[str, str]:
        """Give a small environment: nothing of the caller's (proxies, tokens) reaches the cluster."""
        path = f"{self.paths.bin}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        common = {"PATH": path, "HOME": str(self.paths.state), "LANG": "C.UTF-8", "TZ": os.environ.get("TZ", "UTC")}
        return common | dict(component.environment)


def link_binaries(paths: Paths, folders: list[Path]) -> None:
    """Link every binary of the given folders into the state folder; links that are right are not touched."""
    paths.bin.mkdir(parents=True, exist_ok=True)
    for binary in (binary for folder in folders for binary in sorted(folder.iterdir())):
        link = paths.bin / binary.name
        if link.is_symlink() and link.readlink() == binary:
            continue
        temporary = link.with_name(f".{link.name}.new")
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(binary)
        temporary.replace(link)
