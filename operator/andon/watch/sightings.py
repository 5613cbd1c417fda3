"""Sightings: which change of each object the watches have told of; the watchdog holds them against lists."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from andon.api.v1alpha1 import Manifest


@dataclass
class Sightings:
    """Compares watch events with lists.

    A quiet watch and a dead one look alike. But a list knows the latest change of every object, and a change that no
    event has told of by the next list was missed.
    """

    _seen: dict[tuple[str, str], str] = field(default_factory=dict)
    _overdue: dict[tuple[str, str], str] = field(default_factory=dict)

    def saw(self, kind: str, manifest: Manifest, *, deleted: bool = False) -> None:
        """Note a watch event."""
        uid, version = manifest["metadata"]["uid"], manifest["metadata"]["resourceVersion"]
        if deleted:
            self._seen.pop((kind, uid), None)
        else:
            self._seen[kind, uid] = version

    def compare(self, kind: str, listed: Iterable[Manifest]) -> tuple[list[Manifest], int]:
        """Hold a fresh list against the events.

        Returns
        -------
        unseen
            Objects whose latest change no event has told of so far: to be looked at.
        missed
            How many of them were unseen in the same state at the list before: their watch is dead.
        """
        unseen: list[Manifest] = []
        missed = 0
        present = set()
        for manifest in listed:
            place = (kind, manifest["metadata"]["uid"])
            present.add(place)
            version = manifest["metadata"]["resourceVersion"]
            if self._seen.get(place) == version:
                self._overdue.pop(place, None)
                continue
            unseen.append(manifest)
            if self._overdue.get(place) == version:
                missed += 1
            self._overdue[place] = version
        for record in (self._seen, self._overdue):
            for place in [place for place in record if place[0] == kind and place not in present]:
                del record[place]
        return unseen, missed
