"""The commands of `python -m lab`."""

import json
import shutil
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from lab import build, buildah, cluster, enter, images, parts, volumes
from lab.console import CONSOLE, step
from lab.errors import LabError
from lab.paths import Paths

HELP = "A real single-node Kubernetes for tests and demos; CLUSTER=kind or CLUSTER=existing picks another cluster."
PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=HELP)


def _cluster() -> cluster.Cluster:
    return cluster.selected(Paths.from_environment())


@app.command()
def up(
    traefik: Annotated[bool, typer.Option("--traefik", help="Also a Gateway API implementation.")] = False,
) -> None:
    """Boot the cluster, or check and repair a running one."""
    _cluster().up(gateway=traefik)


@app.command()
def down() -> None:
    """Remove the cluster and everything it left."""
    _cluster().down()


@app.command()
def status() -> None:
    """Show what runs; ends with 1 unless all is well."""
    if not _cluster().show():
        raise typer.Exit(1)


@app.command("images")
def images_command(
    names: Annotated[list[str] | None, typer.Argument(help="Which; all by default.")] = None,
    only_print: Annotated[bool, typer.Option("--print", help="Print name → reference as JSON, build nothing.")] = False,
) -> None:
    """Build the images that changed and bring them into the cluster."""
    where = _cluster()
    if only_print:
        typer.echo(json.dumps(where.references(), indent=2))
        return
    for image in images.chosen(names or []):
        where.load(image)


@app.command("volumes")
def volumes_command() -> None:
    """Empty and free again the volumes whose claim is gone."""
    volumes.ensure(Paths.from_environment())


@app.command(context_settings=PASS_ON)
def run(words: Annotated[list[str], typer.Argument(metavar="-- COMMAND")]) -> None:
    """Run a command inside the cluster's network, with KUBECONFIG and PATH set and Service names resolved."""
    enter.replace_process(Paths.from_environment(), words)


@app.command()
def demo(
    data: Annotated[Path | None, typer.Option(envvar="DATA", help="Your own CSV file.", metavar="FILE")] = None,
    target: Annotated[str | None, typer.Option(envvar="TARGET", help="Its column to predict.")] = None,
) -> None:
    """Show Andon from a bare machine to predictions; leaves the cluster up and may be run again."""
    from examples.demo import story  # the lab itself does without what the demo imports

    story.tell(Paths.from_environment(), _cluster(), data, target)


@app.command("build")
def build_command() -> None:
    """Only build the lab's programs into the cache."""
    paths = Paths.from_environment()
    for part in parts.LAB:
        build.ensure(paths, part)


@app.command()
def prune() -> None:
    """Drop from the cache what no current version uses; not while something builds."""
    paths = Paths.from_environment()
    current = {build.folder(paths, part) for part in (*parts.LAB, *parts.ON_REQUEST)}
    with step("dropping old binaries and image layers"):
        for part in (*parts.LAB, *parts.ON_REQUEST):
            for folder in (paths.cache / "bin").glob(f"{part.name}-*"):
                if folder not in current:
                    shutil.rmtree(folder)
        buildah.prune_all()


def main() -> None:
    """Run the command line; a failure is told in words and ends with status 1."""
    try:
        app(standalone_mode=True)
    except LabError as error:
        CONSOLE.print(Text(str(error), style="red"))
        raise SystemExit(1) from None
