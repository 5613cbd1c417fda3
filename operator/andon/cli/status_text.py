"""The facts of a FaultModel as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from andon.api.conditions import ConditionType
from andon.cli.advice import advice
from andon.cli.facts import ConditionFacts, EvidenceFacts, Facts, VersionFacts
from andon.cli.words import UNKNOWN, age, percent, score, short_digest, size, truth

EVENTS_SHOWN = 5


def render(facts: Facts, now: datetime) -> RenderableType:
    """Give all that `andon status` shows, for a console of any width."""
    parts: list[RenderableType] = [_summary(facts)]
    parts += _section("Conditions", _conditions(facts, now) if facts.conditions else None)
    parts += _section("Versions", _versions(facts.versions, now))
    parts += _section("Events", _events(facts, now))
    for gap in facts.gaps:
        parts.append(Text(f"Not shown: {gap}", style="yellow"))
    steps = advice(facts)
    if steps:
        parts += _section("What to do", _steps(steps))
    return Group(*parts)


def _section(title: str, body: RenderableType | None) -> list[RenderableType]:
    content: RenderableType = Text(UNKNOWN if title != "Conditions" else "none yet") if body is None else body
    return [Text(), Text(title, style="bold"), Padding(content, (0, 0, 0, 2))]


def _summary(facts: Facts) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("FaultModel", f"{facts.name} (namespace {facts.namespace})")
    table.add_row("Phase", _phase(facts))
    table.add_row("Ready", _ready(facts))
    table.add_row("Serving", _serving(facts))
    table.add_row("Candidate", _track(facts.candidate) if facts.candidate else ("none" if facts.current else UNKNOWN))
    table.add_row("Endpoints", _endpoints(facts))
    if facts.evidence is not None:
        table.add_row("Evidence", _evidence(facts.evidence))
    if facts.failed_digests:
        table.add_row("Given up", ", ".join(short_digest(digest) for digest in facts.failed_digests))
    return table


def _phase(facts: Facts) -> Text:
    text = Text(facts.phase or UNKNOWN)
    if facts.deleting:
        text.append(", being deleted", style="yellow")
    if facts.suspended:
        text.append(", suspended by spec.suspend", style="yellow")
    if facts.observed_generation is None:
        text.append(" (the operator has not looked at it yet)", style="yellow")
    elif not facts.current:
        text.append(
            f" (of generation {facts.observed_generation}; generation {facts.generation} is not looked at yet)",
            style="yellow",
        )
    return text


def _ready(facts: Facts) -> Text:
    text = Text(truth(facts.ready), style=_style(facts.ready))
    condition = facts.condition(ConditionType.READY)
    if facts.current and condition is not None:
        text.append(f", {condition.reason}: {condition.message}", style="default")
    return text


def _serving(facts: Facts) -> Text:
    if facts.stable is None:
        return Text("nothing yet" if facts.observed_generation is not None else UNKNOWN)
    text = Text(_track(facts.stable))
    if facts.available is None:
        text.append(" (unknown whether it answers)", style="yellow")
    elif not facts.available:
        condition = facts.condition(ConditionType.AVAILABLE)
        text.append(f" but it does not answer: {condition.message if condition else UNKNOWN}", style="red")
    return text


def _track(version: VersionFacts) -> str:
    return (
        f"version {version.version} · {percent(version.weight)} of requests · {short_digest(version.digest)}"
        f" · {size(version.bytes)} · F1 {score(version.f1)}"
    )


def _evidence(evidence: EvidenceFacts) -> Text:
    style = _style({"Pass": True, "Fail": False}.get(evidence.verdict))
    text = Text(f"version {evidence.version}: {evidence.verdict}", style=style)
    return text.append(f". {evidence.message}" if evidence.message else "", style="default")


def _endpoints(facts: Facts) -> str:
    if facts.http is None and facts.grpc is None:
        return "none yet" if facts.observed_generation is not None else UNKNOWN
    return f"HTTP {facts.http or UNKNOWN} · gRPC {facts.grpc or UNKNOWN}"


def _style(good: bool | None) -> str:
    return "yellow" if good is None else ("green" if good else "red")


def _conditions(facts: Facts, now: datetime) -> Table:
    table = Table.grid(padding=(0, 2))
    for column in ("type", "status", "reason", "age"):
        table.add_column(column, no_wrap=True)
    table.add_column("message", overflow="fold")
    ready = facts.condition(ConditionType.READY)
    said = {ready.message: ""} if ready is not None and facts.current else {}
    for condition in sorted(facts.conditions, key=lambda condition: condition.type != ConditionType.READY):
        # One cause may be behind several conditions: it is told once.
        first = said.setdefault(condition.message, condition.type)
        message = condition.message if first == condition.type else (f"as {first}" if first else "see Ready above")
        if not condition.current:
            message += " (of an older generation)"
        status = Text(condition.status, style=_condition_style(condition))
        table.add_row(Text(condition.type), status, Text(condition.reason), age(condition.since, now), Text(message))
    return table


def _condition_style(condition: ConditionFacts) -> str:
    if condition.type == ConditionType.STALLED:
        return _style(condition.status != "True")
    if condition.type == ConditionType.RECONCILING:
        return "default"
    return _style({"True": True, "False": False}.get(condition.status))


def _versions(versions: tuple[VersionFacts, ...] | None, now: datetime) -> RenderableType | None:
    if versions is None:
        return None
    if not versions:
        return Text("none yet")
    table = _table("VERSION", "REQUESTS", "F1", "SIZE", "DIGEST", "AGE")
    for version in versions:
        table.add_row(
            str(version.version),
            percent(version.weight),
            score(version.f1),
            size(version.bytes),
            short_digest(version.digest),
            age(version.created, now),
        )
    return table


def _events(facts: Facts, now: datetime) -> RenderableType | None:
    if facts.events is None:
        return None
    if not facts.events:
        return Text("none (a cluster keeps them for an hour)")
    table = _table("LAST SEEN", "TYPE", "REASON")
    table.add_column("MESSAGE", overflow="fold")
    for event in facts.events[:EVENTS_SHOWN]:
        seen = age(event.last_seen, now) + (f" ({event.count}×)" if event.count > 1 else "")  # noqa: RUF001
        table.add_row(seen, Text(event.type), Text(event.reason), Text(event.message))
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        table.add_column(column, no_wrap=True)
    return table


def _steps(steps: Iterable[str]) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for number, step in enumerate(steps, start=1):
        table.add_row(f"{number}.", Text(step))
    return table
