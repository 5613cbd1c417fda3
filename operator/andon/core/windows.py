"""Allow and deny windows in the plant's time zone: may a version gain traffic now, and if not, when next?

A window opens at a wall-clock time (`andon.core.cron`) and lasts for real time.
"""

from dataclasses import dataclass
from datetime import datetime

from andon.api.durations import parse_duration
from andon.api.rollout import Window
from andon.core.cron import Cron, CronError

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
        self._duration = parse_duration(window.duration)
        try:
            self._cron = Cron(window.cron, window.time_zone)
        except CronError as error:
            raise WindowError(str(error)) from error

    def holds(self, time: datetime) -> bool:
        opened = self._cron.last(time)
        return opened is not None and time < opened + self._duration

    def next_boundary(self, time: datetime) -> datetime | None:
        """Give the next time after this one at which the window opens or ends."""
        opened = self._cron.last(time)
        if opened is not None and time < opened + self._duration:
            return opened + self._duration
        return self._cron.next(time)
