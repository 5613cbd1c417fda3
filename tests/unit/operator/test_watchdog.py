"""Events held against lists: what was missed, and which watch is dead."""

from typing import Any

from andon.reconcile import Key
from andon.watch.health import Health
from andon.watch.resync import Resync
from andon.watch.sightings import Sightings


def pod(name: str, version: int) -> dict[str, Any]:
    labels = {"andon.dev/faultmodel": "spindle"}
    return {
        "metadata": {"name": name, "namespace": "plant", "uid": name, "resourceVersion": str(version), "labels": labels}
    }


def test_what_an_event_told_is_not_missed() -> None:
    sightings = Sightings()
    sightings.saw("Pod", pod("a", 1))
    assert sightings.compare("Pod", [pod("a", 1)]) == ([], 0)
    assert sightings.compare("Pod", [pod("a", 1)]) == ([], 0)


def test_a_change_is_missed_only_at_the_second_list() -> None:
    sightings = Sightings()
    sightings.saw("Pod", pod("a", 1))
    assert sightings.compare("Pod", [pod("a", 2)]) == ([pod("a", 2)], 0)
    assert sightings.compare("Pod", [pod("a", 2)]) == ([pod("a", 2)], 1)
    sightings.saw("Pod", pod("a", 2))
    assert sightings.compare("Pod", [pod("a", 2)]) == ([], 0)


def test_an_object_that_changes_at_every_list_is_late_not_missed() -> None:
    sightings = Sightings()
    for version in range(1, 5):
        assert sightings.compare("Pod", [pod("a", version)])[1] == 0


def test_kinds_do_not_mix() -> None:
    sightings = Sightings()
    sightings.saw("Job", pod("a", 1))
    assert sightings.compare("Pod", [pod("a", 1)])[0] == [pod("a", 1)]


def test_an_end_that_no_event_has_told_is_found() -> None:
    sightings = Sightings()
    sightings.saw("Pod", pod("a", 1))
    assert sightings.compare("Pod", []) == ([pod("a", 1)], 0)
    assert sightings.compare("Pod", []) == ([pod("a", 1)], 1)
    assert sightings.compare("Pod", []) == ([], 0)


def test_an_end_that_is_told_late_is_not_missed() -> None:
    sightings = Sightings()
    sightings.saw("Pod", pod("a", 1))
    sightings.compare("Pod", [])
    sightings.saw("Pod", pod("a", 2), deleted=True)
    assert sightings.compare("Pod", []) == ([], 0)


def test_an_object_that_came_between_list_and_event_raises_no_alarm() -> None:
    sightings = Sightings()
    sightings.saw("Pod", pod("a", 1))
    sightings.compare("Pod", [])
    assert sightings.compare("Pod", [pod("a", 1)]) == ([], 0)


async def test_a_dead_watch_fails_the_health_check_and_its_keys_are_looked_at() -> None:
    health = Health()
    added: list[Key] = []

    async def listed(kind: str, namespace: str, label: str) -> list[dict[str, Any]]:
        return [pod("a", 7)] if kind == "Pod" else []

    sightings = Sightings()
    resync = Resync(listed, sightings, health, added.append, ())
    await resync.once()
    assert health.troubles() == []
    await resync.once()
    assert health.troubles() == ["the watch of Pod tells no changes"]
    assert added == [Key("plant", "spindle")] * 2
    sightings.saw("Pod", pod("a", 7))
    await resync.once()
    assert health.troubles() == []
