"""The choice of cluster: our own node, kind where Docker runs, or one that exists; all behind four methods."""

import os
from typing import Protocol

from lab import images, network, node, status, teardown, traefik
from lab.console import say
from lab.errors import LabError
from lab.existing import Existing
from lab.images import Image
from lab.kind import Kind
from lab.paths import Paths

VARIABLE = "CLUSTER"
DEFAULT = "lab"


class Cluster(Protocol):
    """A cluster that tests and demos can run on."""

    def up(self, gateway: bool) -> None:
        """Have it ready, with a Gateway API implementation where asked for; again and again."""

    def down(self) -> None:
        """Remove what `up` made."""

    def show(self) -> bool:
        """Print its state; whether all is well."""

    def load(self, image: Image) -> str:
        """Have an image where its nodes find it, and give the reference."""

    def references(self) -> dict[str, str]:
        """Give name → reference of the project's images, without building anything."""


class Lab:
    """The node that this package boots."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths

    def up(self, gateway: bool) -> None:
        node.up(self.paths)
        if gateway:
            traefik.up(self.paths)
        say(f"The lab is up: lab/kubectl get nodes (kubeconfig {self.paths.kubeconfig}, namespace {network.NAMESPACE})")

    def down(self) -> None:
        teardown.down(self.paths)

    def show(self) -> bool:
        return status.show(self.paths)

    def load(self, image: Image) -> str:
        return images.load(self.paths, image)

    def references(self) -> dict[str, str]:
        return images.references(self.paths)


def selected(paths: Paths) -> Cluster:
    """Give the cluster that the environment variable CLUSTER names.

    Raises
    ------
    LabError
        `UnknownCluster`.
    """
    name = os.environ.get(VARIABLE) or DEFAULT
    if name == "kind":
        return Kind(paths)
    if name == "existing":
        return Existing(paths)
    if name == DEFAULT:
        return Lab(paths)
    raise LabError("UnknownCluster", f"{VARIABLE}={name}", "lab, kind, existing", f"set {VARIABLE} to one of these")
