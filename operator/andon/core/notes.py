"""Notes beside the route, each on one line: who is on trial, and who is watched.

They are written with the route, in one write, so that they never contradict it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime


class Items(dict[str, str]):
    """The items of a note, by name.

    Raises
    ------
    ValueError
        When one is asked for that is not there: the text is no such note.
    """

    def __missing__(self, name: str) -> str:
        raise ValueError(f"no {name!r} in {','.join(f'{key}={value}' for key, value in self.items())}")


def items_of(text: str) -> Items:
    """Split a note into its items."""
    return Items(item.partition("=")[::2] for item in text.split(","))


def zoned(text: str) -> datetime:
    """Read a time of a note.

    Raises
    ------
    ValueError
        Where it is no time, or has no zone.
    """
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError(f"a time without its zone: {text}")
    return time


def stamp(time: datetime) -> str:
    """Write a time into a note, to the second."""
    return time.astimezone(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True)
class Canary:
    """The note beside the route: which version is on trial, and how far.

    Attributes
    ----------
    step
        Index of the step that it is at.
    since
        When it came to this step, or ended.
    ended
        Why it left the line (a `Reason`); empty while it is on its way.
    revision
        The revision of the spec under which it ended.
    blind
        Since when there has been no data to judge it by, where that is to be acted on; None while there is.
    """

    version: int
    step: int
    since: datetime
    ended: str = ""
    revision: str = ""
    blind: datetime | None = None

    @staticmethod
    def parse(text: str) -> "Canary":
        """Read what `str` wrote.

        Raises
        ------
        ValueError
            Where the text is no such note.
        """
        parts = items_of(text)
        since = zoned(parts["since"])
        blind = zoned(parts["blind"]) if "blind" in parts else None
        ended, revision = parts.get("ended", ""), parts.get("revision", "")
        canary = Canary(int(parts["version"]), int(parts["step"]), since, ended, revision, blind)
        if canary.step < 0:
            raise ValueError(f"a step below zero: {text}")
        return canary

    def __str__(self) -> str:
        """Write the note on one line."""
        text = f"version={self.version},step={self.step},since={stamp(self.since)}"
        if self.blind is not None:
            text = f"{text},blind={stamp(self.blind)}"
        return f"{text},ended={self.ended},revision={self.revision}" if self.ended else text


@dataclass(frozen=True)
class Watch:
    """The note beside the route while a version that was promoted is watched.

    Attributes
    ----------
    former
        The version that served before, and is kept ready.
    since
        When the other one got all traffic.
    """

    former: int
    since: datetime

    @staticmethod
    def parse(text: str) -> "Watch":
        """Read what `str` wrote.

        Raises
        ------
        ValueError
            Where the text is no such note.
        """
        parts = items_of(text)
        return Watch(int(parts["former"]), zoned(parts["since"]))

    def __str__(self) -> str:
        """Write the note on one line."""
        return f"former={self.former},since={stamp(self.since)}"


@dataclass(frozen=True)
class Retraining:
    """The note beside the route on building anew from the data as they are.

    Attributes
    ----------
    schedule
        Mark of the schedule that is kept; empty where none is.
    since
        Since when it is.
    at
        For which time the data was last read again; None: never. It is part of the build plan.
    because
        Schedule, Drift or AccuracyLoss.
    """

    schedule: str = ""
    since: datetime | None = None
    at: datetime | None = None
    because: str = ""

    @staticmethod
    def parse(text: str) -> "Retraining":
        """Read what `str` wrote.

        Raises
        ------
        ValueError
            Where the text is no such note.
        """
        parts = items_of(text)
        since, at = (zoned(parts[name]) if name in parts else None for name in ("since", "at"))
        return Retraining(parts.get("schedule", ""), since, at, parts.get("because", ""))

    def __str__(self) -> str:
        """Write the note on one line."""
        items = {
            "schedule": self.schedule,
            "since": stamp(self.since) if self.since is not None else "",
            "at": stamp(self.at) if self.at is not None else "",
            "because": self.because,
        }
        return ",".join(f"{name}={value}" for name, value in items.items() if value)
