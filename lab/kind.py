"""kind, where Docker runs: the same images and the same way in.

The node is a container. Its network namespace is given the lab's name, so that commands enter it exactly as they enter
the lab's, and reach pods and Services there.
"""

import shutil
from pathlib import Path

from lab import build as go
from lab import buildah, configs, images, network, packages, parts, shell, tools
from lab.console import say, step
from lab.errors import LabError
from lab.images import Image
from lab.paths import REPOSITORY, Paths

NAME = "andon"
NODE = f"{NAME}-control-plane"
WAIT = "180s"


class Kind:
    """A cluster made by kind."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths

    def up(self, gateway: bool) -> None:
        """Create the cluster unless it is there, and name its network namespace."""
        if gateway:
            raise LabError("NotForKind", "Traefik runs beside the lab's own node only", remedy="leave --traefik out")
        packages.check_root()
        check_docker()
        tools.ensure(self.paths)
        kind = self._kind()
        if NAME not in shell.output(kind, "get", "clusters").split():
            with step("creating the kind cluster", "1 to 3 minutes"):
                shell.run(*create_command(kind, self.paths))
        shell.run(kind, "export", "kubeconfig", f"--name={NAME}", f"--kubeconfig={self.paths.kubeconfig}")
        self._enter_node()
        say("kind is up: lab/kubectl get nodes")

    def down(self) -> None:
        """Delete the cluster, the name of its namespace and the state folder."""
        check_docker()
        shell.run(self._kind(), "delete", "cluster", f"--name={NAME}")
        network.delete()
        shutil.rmtree(self.paths.state, ignore_errors=True)

    def show(self) -> bool:
        nodes = shell.attempt(*self._kubectl("get", "nodes"))
        say(nodes or "kind is down")
        return nodes is not None

    def load(self, image: Image) -> str:
        name = images.reference(self.paths, image)
        if not shell.succeeds("docker", "image", "inspect", name):
            with step(f"building image {name}", image.expected):
                shell.run(*build_command(image, name))
        with step(f"loading {name}"):
            shell.run(self._kind(), "load", "docker-image", name, f"--name={NAME}")
        return name

    def references(self) -> dict[str, str]:
        return images.references(self.paths)

    def _kind(self) -> str:
        return shutil.which("kind") or str(go.ensure(self.paths, parts.KIND) / "kind")

    def _kubectl(self, *arguments: str) -> list[str]:
        return network.inside(str(self.paths.bin / "kubectl"), f"--kubeconfig={self.paths.kubeconfig}", *arguments)

    def _enter_node(self) -> None:
        pid = shell.output("docker", "inspect", "--format={{.State.Pid}}", NODE).strip()
        network.delete()
        shell.run("ip", "netns", "attach", network.NAMESPACE, pid)
        # Inside the node the API server is where the lab's is; its certificate names localhost.
        shell.run(*self._kubectl("config", "set-cluster", f"kind-{NAME}", f"--server={network.API_SERVER}"))
        query = ("get", "service", "kube-dns", "--namespace=kube-system", "--output=jsonpath={.spec.clusterIP}")
        self.paths.config.mkdir(parents=True, exist_ok=True)
        resolver = configs.resolver(shell.output(*self._kubectl(*query)).strip())
        (self.paths.config / "resolv.conf").write_text(resolver)


def check_docker() -> None:
    """Refuse early where no Docker daemon answers.

    Raises
    ------
    LabError
        `DockerMissing`.
    """
    if not shell.succeeds("docker", "info"):
        raise LabError(
            "DockerMissing", "no Docker daemon answers", remedy="start Docker, or use CLUSTER=lab on Linux as root"
        )


def create_command(kind: str, paths: Paths) -> list[str]:
    return [kind, "create", "cluster", f"--name={NAME}", f"--wait={WAIT}", f"--kubeconfig={paths.kubeconfig}"]


def build_command(image: Image, name: str, root: Path = REPOSITORY) -> list[str]:
    """Give the build with Docker's own base image; BuildKit understands the same secret as buildah."""
    file = root / image.dockerfile
    return ["docker", *buildah.build_command(file, root, name, {}, program=("build",))]
