"""What the operator tells of FaultModels on /metrics, and that kinds that come make it look at all of them."""

from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from andon.adapters.kubernetes import KubernetesCluster
from andon.api.status import BuildResult, CandidateTrack, Condition, FaultModelStatus, Track
from andon.core.telling import Telling, telling
from andon.errors import UnavailableError
from andon.reconcile import Key
from andon.watch.fleet import Fleet
from andon.watch.health import Health
from andon.watch.resync import Resync
from andon.watch.sightings import Sightings

TOLD = Telling(
    phase="Canary",
    conditions=(("Available", "True", "Serving"),),
    weights=((1, "stable", 95), (2, "candidate", 5)),
    held=(2, "Paused"),
    troubles=((2, "DigestMismatch"), (2, "DigestMismatch")),
    build=("plan-a", "Succeeded", "BuildSucceeded"),
)


def _lines(registry: CollectorRegistry) -> set[str]:
    return {line for line in generate_latest(registry).decode().splitlines() if line.startswith("andon_")}


def test_series_of_a_fault_model() -> None:
    registry = CollectorRegistry()
    fleet = Fleet(registry)
    fleet.tell("plant", "spindle", TOLD)
    where = 'model="spindle",model_namespace="plant"'
    lines = _lines(registry)
    assert len(lines) == 6
    for wanted in (
        f'andon_faultmodel_phase{{{where},phase="Canary"}} 1.0',
        f'andon_faultmodel_version_weight{{{where},track="candidate",version="2"}} 5.0',
        f'andon_faultmodel_held{{{where},reason="Paused",version="2"}} 1.0',
        f'andon_faultmodel_server_trouble{{{where},reason="DigestMismatch",version="2"}} 1.0',
    ):
        assert wanted in lines, lines
    fleet.forget("plant", "spindle")
    assert _lines(registry) == set()


def test_builds_are_counted_once_and_not_those_from_before() -> None:
    registry = CollectorRegistry()
    fleet = Fleet(registry)
    ended = replace(TOLD, build=("plan-b", "Failed", "GateNotMet"))
    for told in (TOLD, TOLD, ended, ended):
        fleet.tell("plant", "spindle", told)
    counted = {line for line in _lines(registry) if line.startswith("andon_builds_total")}
    assert counted == {'andon_builds_total{outcome="Failed",reason="GateNotMet"} 1.0'}


def test_what_is_told_is_read_from_the_status() -> None:
    def condition(kind: str, status: str) -> Condition:
        return Condition.model_validate(
            {
                "type": kind,
                "status": status,
                "reason": "Serving",
                "message": "",
                "observedGeneration": 1,
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }
        )

    status = FaultModelStatus(
        phase="Canary",
        conditions=(condition("Available", "True"), condition("SourceResolved", "True")),
        stable=Track(version=1, digest="sha256:a", weight=95),
        candidate=CandidateTrack(version=2, digest="sha256:b", weight=5, held_because="Paused"),
        build=BuildResult(plan="plan-a", outcome="Succeeded", reason="BuildSucceeded", message=""),
    )
    assert telling(None, status) == replace(TOLD, troubles=())


@pytest.mark.parametrize(
    ("kinds", "looked_at"),
    [
        ([set(), set()], 0),
        ([set(), {"PrometheusRule"}], 2),
        ([{"PrometheusRule"}, {"PrometheusRule"}], 0),
        ([{"PrometheusRule"}, set()], 2),
    ],
)
async def test_kinds_that_come_or_go_make_the_operator_look_at_every_model(
    kinds: list[set[str]], looked_at: int
) -> None:
    added: list[Key] = []
    sightings = Sightings()
    answers = iter(kinds)

    async def listed(kind: str, namespace: str, label: str) -> list[dict[str, object]]:
        if kind != "FaultModel":
            return []
        return [
            {"metadata": {"namespace": "plant", "name": name, "uid": name, "resourceVersion": "1"}}
            for name in ("spindle", "press")
        ]

    async def there() -> frozenset[str]:
        return frozenset(next(answers))

    resync = Resync(listed, sightings, Health(), added.append, (), there)
    await resync.once()  # sees both for the first time
    for name in ("spindle", "press"):
        sightings.saw("FaultModel", (await listed("FaultModel", "", ""))[name == "press"], deleted=False)
    added.clear()
    await resync.once()
    assert len(added) == looked_at


async def test_a_list_that_fails_does_not_lose_that_a_kind_has_come() -> None:
    added: list[Key] = []
    answers = iter([frozenset[str](), frozenset({"PodMonitor"}), frozenset({"PodMonitor"})])
    fails = iter([False, True, False])

    async def listed(kind: str, namespace: str, label: str) -> list[dict[str, object]]:
        if kind != "FaultModel":
            return []
        if next(fails):
            raise UnavailableError("no answer")
        return [{"metadata": {"namespace": "plant", "name": "spindle", "uid": "a", "resourceVersion": "1"}}]

    async def there() -> frozenset[str]:
        return next(answers)

    sightings = Sightings()
    resync = Resync(listed, sightings, Health(), added.append, (), there)
    await resync.once()
    seen = {"metadata": {"namespace": "plant", "name": "spindle", "uid": "a", "resourceVersion": "1"}}
    sightings.saw("FaultModel", seen, deleted=False)
    added.clear()
    with pytest.raises(UnavailableError):
        await resync.once()
    await resync.once()
    assert added == [Key("plant", "spindle")]


async def test_a_list_of_metadata_may_be_null(monkeypatch: pytest.MonkeyPatch) -> None:
    """So the API server writes one without items, which a plain list is not."""

    async def answer(*_: object, **__: object) -> dict[str, object]:
        return {"metadata": {}, "items": None}

    monkeypatch.setattr(KubernetesCluster, "_call", answer)
    monkeypatch.setattr(KubernetesCluster, "__init__", lambda self: None)
    assert await KubernetesCluster().list_metadata("Job", "") == []  # type: ignore[call-arg]
