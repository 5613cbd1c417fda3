"""Sightings: which change of each object the watches have told of; the watchdog holds them against lists."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from andon.api.v1alpha1 import Manifest

_ABSENT = "absent"
"""In the place of a resourceVersion: the object was not in the list."""


@dataclass
class Sightings:
    """Compares watch events with lists.

    A quiet watch and a dead one look alike. But a list knows the latest change of every object, and a change that no
    event has told of by the next list was missed. So was the end of an object that lists do not have any more.
    """

    _seen: dict[tuple[str, str], Manifest] = field(default_factory=dict)
    _overdue: dict[tuple[str, str], str] = field(default_factory=dict)

    def saw(self, kind: str, manifest: Manifest, *, deleted: bool = False) -> None:
        """Note a watch event."""
        place = (kind, manifest["metadata"]["uid"])
        if deleted:
            self._seen.pop(place, None)
            self._overdue.pop(place, None)
        else:
            self._seen[place] = _sketch(manifest)

    def compare(self, kind: str, listed: Iterable[Manifest]) -> tuple[list[Manifest], int]:
        """Hold a fresh list against the events.

        Returns
        -------
        unseen
            Objects whose latest change, or whose end, no event has told of so far: to be looked at.
        missed
            How many of them were unseen in the same state at the list before: their watch is dead.
        """
        now = {(kind, one["metadata"]["uid"]): one for one in listed}
        before = {place: one for place, one in self._seen.items() if place[0] == kind}
        unseen: list[Manifest] = []
        missed = 0
        for place in sorted(now.keys() | before.keys()):
            state = _version(now[place]) if place in now else _ABSENT
            if place in before and _version(before[place]) == state:
                self._overdue.pop(place, None)
                continue
            unseen.append(now.get(place) or before[place])
            if self._overdue.get(place) == state:
                missed += 1
                if state == _ABSENT:
                    del self._seen[place]
            self._overdue[place] = state
        for place in [place for place in self._overdue if place[0] == kind and place not in now | before]:
            del self._overdue[place]
        return unseen, missed


def _version(manifest: Manifest) -> str:
    return str(manifest["metadata"]["resourceVersion"])


def _sketch(manifest: Manifest) -> Manifest:
    """Keep of an object only what tells whose it is: there may be thousands."""
    meta = manifest["metadata"]
    kept = {key: meta[key] for key in ("name", "namespace", "uid", "resourceVersion", "labels") if key in meta}
    return {"metadata": kept}
