"""The commands: `python -m lab up | down | status | images | volumes | run`."""

import json
from typing import Annotated

import typer
from rich.text import Text

from lab import enter, images, node, status, teardown, volumes
from lab.console import CONSOLE
from lab.errors import LabError
from lab.paths import Paths

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="A real single-node Kubernetes.")


@app.command()
def up() -> None:
    """Boot the cluster, or check and repair a running one."""
    paths = Paths.from_environment()
    node.up(paths)


@app.command()
def down() -> None:
    """Remove the cluster and everything it left."""
    teardown.down(Paths.from_environment())


@app.command("status")
def status_command() -> None:
    """Show what runs; status 1 unless all is well."""
    if not status.show(Paths.from_environment()):
        raise typer.Exit(1)


@app.command("volumes")
def volumes_command() -> None:
    """Empty and free again the volumes whose claim is gone."""
    volumes.ensure(Paths.from_environment())


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def run(words: Annotated[list[str], typer.Argument(metavar="-- COMMAND")]) -> None:
    """Run a command inside the lab's network, with KUBECONFIG and PATH set."""
    enter.replace_process(Paths.from_environment(), words)


@app.command("images")
def images_command(
    names: Annotated[list[str] | None, typer.Argument(help="Which; all by default.")] = None,
    print_only: Annotated[bool, typer.Option("--print", help="Print name → reference as JSON.")] = False,
) -> None:
    """Build the images that changed and import them."""
    paths = Paths.from_environment()
    if not print_only:
        for image in images.chosen(names or []):
            images.load(paths, image)
    else:
        typer.echo(json.dumps(images.references(paths), indent=2))


def main() -> None:
    """Run the command line; a failure is told in words and ends with status 1."""
    try:
        app(standalone_mode=True)
    except LabError as error:
        CONSOLE.print(Text(str(error), style="red"))
        raise SystemExit(1) from None
