"""What `andon status` shows of FaultModels in all states, and how it ends."""

import io
import json
from typing import Any

import pytest
from rich.console import Console

from andon.cli.errors import CliError, ExitCode, unreachable
from andon.cli.facts import Facts, read
from andon.cli.status import as_document, exit_code, gather, watch
from andon.cli.status_text import render
from tests.unit.cli import manifests as m


def text(facts: Facts, width: int = 160) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None, highlight=False)
    console.print(render(facts, m.NOW))
    output = console.file
    assert isinstance(output, io.StringIO)
    return "\n".join(line.rstrip() for line in output.getvalue().splitlines())


def facts_of(manifest: dict[str, Any], versions: list[Any] | None = None, events: list[Any] | None = None) -> Facts:
    return read(manifest, m.VERSIONS if versions is None else versions, m.EVENTS if events is None else events)


@pytest.mark.parametrize(
    ("manifest", "code", "said", "unsaid"),
    [
        (
            m.GOOD,
            ExitCode.OK,
            [
                "Phase       Stable",
                "Ready       yes, RolledOut: Version 1 serves all traffic.",
                "Serving     version 1 · 100% of requests · sha256:111111111111 · 1.2Mi · F1 0.842",
                "Candidate   none",
                "HTTP http://spindle.press-shop.svc:8000 · gRPC spindle.press-shop.svc:8001",
                "1        100%      0.842  1.2Mi",
            ],
            ["What to do", "unknown", "does not answer"],
        ),
        (
            m.NOTHING,
            ExitCode.FAILED,
            [
                "Phase       unknown (the operator has not looked at it yet)",
                "Ready       unknown",
                "Serving     unknown",
                "Candidate   unknown",
                "Endpoints   unknown",
                "see whether the operator runs",
            ],
            ["version 1 ·", "nothing yet"],
        ),
        (
            m.BUILDING,
            ExitCode.FAILED,
            [
                "Ready       no, BuildRunning: Job spindle-build-0a is at work.",
                "Serving     nothing yet",
                "Endpoints   none yet",
                "Wait: the build is at work.",
                "kubectl logs -n press-shop -l andon.dev/faultmodel=spindle,app.kubernetes.io/component=build",
            ],
            ["Mend what"],
        ),
        (
            m.FAILED_BUILD,
            ExitCode.FAILED,
            [
                f"Ready       no, NotANumber: {m.FAILED_TEXT}",
                "Serving     version 1 · 100% of requests",
                "Mend what the message",
                'andon.dev/retrain="$(date +%s)"',
            ],
            ["does not answer", "Wait:"],
        ),
        (
            m.SWITCHING,
            ExitCode.FAILED,
            ["Candidate   version 2 · 0% of requests · sha256:222222222222 · 900 · F1 0.900", "Wait: traffic moves"],
            ["Candidate   none"],
        ),
        (
            m.BEHIND,
            ExitCode.FAILED,
            [
                "Stable (of generation 1; generation 2 is not looked at yet)",
                "Ready       unknown",
                "Candidate   unknown",
                "(of an older generation)",
                "Wait: the operator has not looked at generation 2 yet.",
            ],
            ["Ready       yes"],
        ),
        (
            m.DOWN,
            ExitCode.FAILED,
            ["but it does not answer: No replica of version 1 is ready: OOMKilled.", "kubectl describe pods"],
            ["Ready       yes"],
        ),
    ],
    ids=["good", "nothing", "building", "failed-build", "switching", "behind", "down"],
)
def test_what_is_shown(manifest: dict[str, Any], code: ExitCode, said: list[str], unsaid: list[str]) -> None:
    shown = text(facts_of(manifest))
    for part in said:
        assert part in shown
    for part in unsaid:
        assert part not in shown
    assert exit_code(facts_of(manifest)) == code


def test_one_cause_is_told_once() -> None:
    assert text(facts_of(m.FAILED_BUILD)).count(m.FAILED_TEXT) == 1


def test_a_narrow_terminal_loses_no_words() -> None:
    narrow = " ".join(text(facts_of(m.FAILED_BUILD), width=60).split())
    assert "is no number. To mend it: correct the value." in narrow


def test_markup_in_a_message_is_text() -> None:
    manifest = m.fault_model(conditions=[m.condition("Ready", "False", "X", "column [bold]Torque [Nm][/bold] [/]")])
    assert "column [bold]Torque [Nm][/bold] [/]" in text(facts_of(manifest))


def test_events_newest_first_of_this_object_only() -> None:
    class Source:
        def fault_model(self, namespace: str, name: str) -> dict[str, Any]:
            return m.GOOD

        def versions(self, namespace: str, name: str) -> list[dict[str, Any]]:
            return m.VERSIONS

        def events(self, namespace: str, name: str) -> list[dict[str, Any]]:
            return [*reversed(m.EVENTS), m.event("Warning", "Old", "of another life", "2026-03-01T11:58:00Z", "u0")]

    facts = gather(Source(), "press-shop", "spindle")
    assert facts.events is not None
    assert [event.reason for event in facts.events] == ["RolledOut", "BuildSucceeded"]
    assert "60s (2×)" in text(facts).replace("  ", " ")  # noqa: RUF001


def test_what_may_not_be_read_is_unknown_and_said() -> None:
    class Source:
        def fault_model(self, namespace: str, name: str) -> dict[str, Any]:
            return m.GOOD

        def versions(self, namespace: str, name: str) -> list[dict[str, Any]]:
            raise unreachable("Forbidden", "you may not read faultmodelversions in namespace press-shop.")

        def events(self, namespace: str, name: str) -> list[dict[str, Any]]:
            return []

    facts = gather(Source(), "press-shop", "spindle")
    shown = text(facts)
    assert "Versions\n  unknown" in shown
    assert "Not shown: you may not read faultmodelversions in namespace press-shop." in shown
    # Size and score are still known from the FaultModel's own status.
    assert "1.2Mi · F1 0.842" in shown
    assert exit_code(facts) == ExitCode.OK


def test_the_document_for_programs() -> None:
    document = json.loads(json.dumps(as_document(facts_of(m.GOOD))))
    assert document["ready"] is True
    assert document["stable"]["version"] == 1
    assert document["observedGeneration"] == document["generation"] == 1
    assert document["conditions"][1]["reason"] == "RolledOut"
    assert document["advice"] == []
    assert as_document(facts_of(m.NOTHING))["ready"] is None


class Ended(KeyboardInterrupt):
    """The person presses Ctrl-C."""


def test_watch_prints_changes_tells_lost_connections_and_ends_by_the_last_state() -> None:
    answers: list[Facts | CliError] = [
        facts_of(m.BUILDING),
        facts_of(m.BUILDING),
        unreachable("NoConnection", "the API server does not answer."),
        facts_of(m.GOOD),
    ]

    def fetch() -> Facts:
        answer = answers.pop(0)
        if isinstance(answer, CliError):
            raise answer
        return answer

    def pause(_: float) -> None:
        if not answers:
            raise Ended

    console = Console(file=io.StringIO(), width=10_000, color_system=None)
    assert watch(fetch, "json", console, pause) == ExitCode.OK
    assert isinstance(console.file, io.StringIO)
    lines = [json.loads(line) for line in console.file.getvalue().splitlines()]
    assert [(line["phase"], line.get("trouble")) for line in lines] == [
        ("Building", None),
        ("Building", "the API server does not answer."),
        ("Stable", None),
    ]


@pytest.mark.parametrize(
    ("reason", "advised"),
    [
        ("AwaitingEvidence", "andon labels queue spindle"),
        ("EvidenceExhausted", "andon approve spindle"),
        ("EvidenceMissing", "andon.dev/promote="),
        ("AnalysisFailed", "change the spec or the data"),
        ("Watching", "andon rollback spindle"),
        ("Frozen", "andon.dev/freeze-"),
        ("HeldByDrift", "andon promote spindle"),
        ("HeldByAccuracyLoss", "andon promote spindle"),
        ("AccuracyLost", "The version before serves."),
        ("Drifted", "andon.dev/retrain="),
        ("RollbackAsked", "andon.dev/rollback-"),
    ],
)
def test_what_the_analysis_says_comes_with_what_to_do(reason: str, advised: str) -> None:
    evidence = {
        "version": 2,
        "verdict": "Inconclusive",
        "message": "24 faults until now.",
        "at": "2026-01-01T00:00:00Z",
    }
    ready = m.condition("Ready", "False", reason, "Held.")
    told = text(facts_of(m.fault_model(**{**m.STABLE, "evidence": evidence, "conditions": [ready]})), width=200)
    assert advised in told
    assert "version 2: Inconclusive. 24 faults until now." in told
