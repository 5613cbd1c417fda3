"""Allow and deny windows in the plant's time zone: may a version gain traffic now, and if not, when next?

A window opens at a wall-clock time and lasts for real time. Where clocks go forward, an opening that does not exist
comes as much later as the clock was moved (02:30 becomes 03:30); where they go back, an opening that exists twice is
the first one. So each opening comes once, whatever the clock does.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import croniter
from croniter.croniter import CroniterBadDateError, CroniterError

from andon.api.durations import parse_duration
from andon.api.rollout import Window

_CLOCK_CHANGE = timedelta(hours=3)
"""More than clocks are moved by at once."""

_BOUNDARIES = 500
"""How many openings and ends are looked at for the next time that is free."""


class WindowError(ValueError):
    """A window cannot be read."""


@dataclass(frozen=True)
class Gate:
    """Whether a version may gain traffic now.

    Attributes
    ----------
    opens
        When it may next, where it may not now; None where no such time was found.
    """

    open: bool
    opens: datetime | None = None


def gate(windows: tuple[Window, ...], now: datetime) -> Gate:
    """Say whether versions may gain traffic: inside an Allow window, where there is one, and inside no Deny window.

    Raises
    ------
    WindowError
        Where a time zone is not known, or a cron expression cannot be read.
    """
    read = tuple(_Schedule(window) for window in windows)
    if _free(read, now):
        return Gate(open=True)
    time = now
    for _ in range(_BOUNDARIES):
        nearest = min(filter(None, (schedule.next_boundary(time) for schedule in read)), default=None)
        if nearest is None:
            break
        time = nearest
        if _free(read, time):
            return Gate(open=False, opens=time)
    return Gate(open=False)


def _free(schedules: "tuple[_Schedule, ...]", time: datetime) -> bool:
    allow = [schedule for schedule in schedules if schedule.allows]
    deny = [schedule for schedule in schedules if not schedule.allows]
    allowed = not allow or any(schedule.holds(time) for schedule in allow)
    return allowed and not any(schedule.holds(time) for schedule in deny)


class _Schedule:
    def __init__(self, window: Window) -> None:
        self.allows = window.kind == "Allow"
        self._cron = window.cron
        self._duration = parse_duration(window.duration)
        try:
            self._zone = ZoneInfo(window.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise WindowError(f"time zone {window.time_zone} is not known") from error
        if not croniter.is_valid(window.cron):
            raise WindowError(f"cron expression {window.cron} cannot be read")

    def holds(self, time: datetime) -> bool:
        opened = self._last_opening(time)
        return opened is not None and time < opened + self._duration

    def next_boundary(self, time: datetime) -> datetime | None:
        """Give the next time after this one at which the window opens or ends."""
        opened = self._last_opening(time)
        if opened is not None and time < opened + self._duration:
            return opened + self._duration
        return next((opening for opening in self._openings(time, back=False) if opening > time), None)

    def _last_opening(self, time: datetime) -> datetime | None:
        return next((opening for opening in self._openings(time, back=True) if opening <= time), None)

    def _openings(self, time: datetime, *, back: bool) -> Iterator[datetime]:
        # Counted on the wall clock, which knows no time zone; from far enough that a change of clocks hides none.
        wall = time.astimezone(self._zone).replace(tzinfo=None, microsecond=0)
        start = wall + _CLOCK_CHANGE if back else wall - _CLOCK_CHANGE
        found = croniter(self._cron, start)
        try:
            while True:
                opening: datetime = (found.get_prev if back else found.get_next)(datetime)
                yield opening.replace(tzinfo=self._zone, fold=0).astimezone(UTC)
        except (CroniterBadDateError, CroniterError):
            return  # never, such as on 30 February
