"""`andon status`: what is so with a FaultModel, read from the cluster."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

from pydantic.alias_generators import to_camel
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from andon.api.v1alpha1 import Manifest
from andon.cli.advice import advice
from andon.cli.errors import CliError, ExitCode
from andon.cli.facts import Facts, read
from andon.cli.status_text import render

WATCH_SECONDS = 2.0
_T = TypeVar("_T")


class Source(Protocol):
    """Where the manifests come from."""

    def fault_model(self, namespace: str, name: str) -> Manifest: ...

    def versions(self, namespace: str, name: str) -> list[Manifest]: ...

    def events(self, namespace: str, name: str) -> list[Manifest]: ...


def gather(source: Source, namespace: str, name: str) -> Facts:
    """Read what is so. What a person may not read besides the FaultModel itself is a gap, not a failure."""
    manifest = source.fault_model(namespace, name)
    gaps: list[str] = []
    versions = _or_gap(lambda: source.versions(namespace, name), gaps)
    uid = manifest["metadata"].get("uid")
    events = _or_gap(lambda: source.events(namespace, name), gaps)
    if events is not None:
        # A FaultModel of the same name may have been there before.
        events = [event for event in events if (event.get("involvedObject") or {}).get("uid", uid) == uid]
    return read(manifest, versions, events, gaps)


def _or_gap(fetch: Callable[[], _T], gaps: list[str]) -> _T | None:
    try:
        return fetch()
    except CliError as error:
        gaps.append(error.message)
        return None


def exit_code(facts: Facts) -> ExitCode:
    """Say success only where this very generation is Ready."""
    return ExitCode.OK if facts.ready else ExitCode.FAILED


def as_document(facts: Facts) -> dict[str, Any]:
    """Give the facts for a program, named as in the API; what is not known is null."""
    known = asdict(facts, dict_factory=lambda fields: {to_camel(name): value for name, value in fields})
    judged = {"current": facts.current, "ready": facts.ready, "available": facts.available}
    return known | judged | {"advice": list(advice(facts))}


def show(facts: Facts, output: str, console: Console) -> None:
    """Print the facts once."""
    if output == "json":
        console.out(json.dumps(as_document(facts), indent=2), highlight=False)
    else:
        console.print(render(facts, datetime.now(UTC)))


def watch(
    fetch: Callable[[], Facts], output: str, console: Console, pause: Callable[[float], object] = time.sleep
) -> ExitCode:
    """Show the facts again and again until the person stops it (Ctrl-C); the last ones decide the exit status.

    On a terminal the text is redrawn; elsewhere, and as JSON (one line each), it is printed at every change. A lost
    connection is told and tried again.
    """
    facts, trouble = fetch(), ""
    try:
        with _display(output, console) as display:
            while True:
                display(facts, trouble)
                pause(WATCH_SECONDS)
                facts, trouble = _look_again(fetch, facts)
    except KeyboardInterrupt:
        return ExitCode.UNREACHABLE if trouble else exit_code(facts)


def _look_again(fetch: Callable[[], Facts], last: Facts) -> tuple[Facts, str]:
    try:
        return fetch(), ""
    except CliError as error:
        if error.reason == "NotFound":
            raise
        return last, error.message


@contextmanager
def _display(output: str, console: Console) -> Iterator[Callable[[Facts, str], None]]:
    if output == "json" or not console.is_terminal:
        yield _Printed(output, console)
        return
    with Live(console=console, auto_refresh=False) as live:
        yield lambda facts, trouble: live.update(_with_trouble(facts, trouble), refresh=True)


def _with_trouble(facts: Facts, trouble: str) -> RenderableType:
    text = render(facts, datetime.now(UTC))
    if not trouble:
        return text
    return Group(text, Text(f"\nThis is what was last known. {trouble} Trying again…", style="yellow"))


class _Printed:
    """Prints what changed since it was printed last."""

    def __init__(self, output: str, console: Console) -> None:
        self._output = output
        self._console = console
        self._last: tuple[Facts, str] | None = None

    def __call__(self, facts: Facts, trouble: str) -> None:
        if (facts, trouble) == self._last:
            return
        self._last = (facts, trouble)
        if self._output == "json":
            document = as_document(facts) | ({"trouble": trouble} if trouble else {})
            self._console.out(json.dumps(document), highlight=False)
        else:
            self._console.print(_with_trouble(facts, trouble))
            self._console.print()
