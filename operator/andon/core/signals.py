"""Since when drift, or a loss of accuracy, is seen: damped, and noted in the cluster so that a restart forgets nothing.

    nothing ─▶ seen ─▶ (lasts) active ─▶ (over) ─▶ nothing
                                 ▲─ seen again ─╯

A state becomes active when it is still seen after some time, and ends when it has not been seen for as long. While the
monitor is silent nothing changes.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from andon.core.notes import items_of, stamp, zoned


@dataclass(frozen=True)
class Signal:
    """A state that is seen.

    Attributes
    ----------
    since
        When it was first seen.
    active
        Whether it has lasted long enough to be acted on.
    over
        Since when it has not been seen, while it is still active.
    """

    since: datetime
    active: bool = False
    over: datetime | None = None


def followed(signal: Signal | None, seen: bool | None, now: datetime, after: timedelta) -> Signal | None:
    """Take in what is seen now.

    Parameters
    ----------
    seen
        None: nobody can say.
    after
        How long it has to last to be active, and to be over.
    """
    if seen is None:
        return replace(signal, over=None) if signal is not None else None
    if seen:
        known = signal or Signal(now)
        return replace(known, active=known.active or now - known.since >= after, over=None)
    if signal is None or not signal.active:
        return None
    over = signal.over or now
    return None if now - over >= after else replace(signal, over=over)


@dataclass(frozen=True)
class Signals:
    """The note: what is seen of the version that serves, and when it was last reacted to.

    Attributes
    ----------
    version
        The version that the two signals are about.
    rolled_back
        When a reaction last gave the line to an earlier version.
    """

    version: int
    drift: Signal | None = None
    accuracy: Signal | None = None
    rolled_back: datetime | None = None

    @property
    def idle(self) -> bool:
        """Whether there is nothing to note."""
        return self.drift is None and self.accuracy is None and self.rolled_back is None

    @staticmethod
    def parse(text: str) -> "Signals":
        """Read what `str` wrote.

        Raises
        ------
        ValueError
            Where the text is no such note.
        """
        parts = items_of(text)
        version = int(parts["version"])
        times = {name: zoned(value) for name, value in parts.items() if name != "version"}
        drift, accuracy = _signal("drift", times), _signal("accuracy", times)
        return Signals(version, drift, accuracy, times.get("rolledBack"))

    def __str__(self) -> str:
        """Write the note on one line."""
        items = [f"version={self.version}"]
        for name, signal in (("drift", self.drift), ("accuracy", self.accuracy)):
            if signal is not None:
                items.append(f"{name}{'Active' if signal.active else ''}={stamp(signal.since)}")
                items += [f"{name}Over={stamp(signal.over)}"] if signal.over is not None else []
        if self.rolled_back is not None:
            items.append(f"rolledBack={stamp(self.rolled_back)}")
        return ",".join(items)


def _signal(name: str, times: dict[str, datetime]) -> Signal | None:
    active = times.get(f"{name}Active")
    since = active or times.get(name)
    return Signal(since, active is not None, times.get(f"{name}Over")) if since is not None else None
