"""A cluster that exists: only reached, never changed by the lab itself. Its images are in a registry of its own."""

import os
import shutil
from pathlib import Path

from lab import images, shell, tools
from lab.console import say, step
from lab.errors import LabError
from lab.images import Image
from lab.paths import Paths

PREFIX_VARIABLE = "ANDON_IMAGE_PREFIX"


class Existing:
    """A cluster given by KUBECONFIG (or ~/.kube/config), with images under ANDON_IMAGE_PREFIX."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths

    def up(self, gateway: bool) -> None:
        """Check that the cluster answers, and link its kubeconfig to where the wrappers look."""
        if gateway:
            raise LabError("NotOurs", "the lab installs nothing into an existing cluster", remedy="leave --traefik out")
        kubeconfig = given_kubeconfig()
        tools.ensure(self.paths)
        if not (self.paths.kubeconfig.is_symlink() and self.paths.kubeconfig.readlink() == kubeconfig):
            self.paths.kubeconfig.unlink(missing_ok=True)
            self.paths.kubeconfig.symlink_to(kubeconfig)
        with step(f"reaching the cluster of {kubeconfig}"):
            self._kubectl("version", "--request-timeout=10s")

    def down(self) -> None:
        """Forget the cluster."""
        shutil.rmtree(self.paths.state, ignore_errors=True)

    def show(self) -> bool:
        nodes = shell.attempt(*self._command("get", "nodes"))
        say(nodes or "the cluster does not answer")
        return nodes is not None

    def load(self, image: Image) -> str:
        """Give the reference; whoever runs the cluster has pushed the image."""
        return registry_reference(images.reference(self.paths, image))

    def references(self) -> dict[str, str]:
        return {name: registry_reference(local) for name, local in images.references(self.paths).items()}

    def _kubectl(self, *arguments: str) -> str:
        return shell.output(*self._command(*arguments))

    def _command(self, *arguments: str) -> tuple[str, ...]:
        return (str(self.paths.bin / "kubectl"), f"--kubeconfig={self.paths.kubeconfig}", *arguments)


def given_kubeconfig() -> Path:
    """Find the kubeconfig.

    Raises
    ------
    LabError
        `KubeconfigMissing`.
    """
    file = Path(os.environ.get("KUBECONFIG") or Path.home() / ".kube" / "config").absolute()
    if not file.is_file():
        raise LabError("KubeconfigMissing", f"{file} is no file", "one kubeconfig file", "set KUBECONFIG to its path")
    return file


def registry_reference(local: str) -> str:
    """Turn a local reference into the registry's, with the same tag.

    Raises
    ------
    LabError
        `ImagePrefixMissing`.
    """
    prefix = os.environ.get(PREFIX_VARIABLE)
    if not prefix:
        raise LabError(
            "ImagePrefixMissing",
            f"{PREFIX_VARIABLE} is not set",
            "the registry and folder that hold the images, for example registry.example/andon",
            "push the images there under the tags of `CLUSTER=lab python -m lab images --print`",
        )
    return f"{prefix.rstrip('/')}/{local.rpartition('/')[2]}"
