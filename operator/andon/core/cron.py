"""Times of a cron expression on the wall clock of a time zone: the last one, and the next.

Where clocks go forward, a time that does not exist comes as much later as the clock was moved (02:30 becomes 03:30);
where they go back, a time that exists twice is the first one. So each comes once, whatever the clock does.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import croniter
from croniter.croniter import CroniterBadDateError, CroniterError

_CLOCK_CHANGE = timedelta(hours=3)
"""More than clocks are moved by at once."""


class CronError(ValueError):
    """A cron expression or its time zone cannot be read."""


class Cron:
    """A cron expression of five fields in a time zone of IANA.

    Raises
    ------
    CronError
        Where the zone is not known, or the expression cannot be read.
    """

    def __init__(self, expression: str, time_zone: str) -> None:
        self._expression = expression
        try:
            self._zone = ZoneInfo(time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise CronError(f"time zone {time_zone} is not known") from error
        if not croniter.is_valid(expression):
            raise CronError(f"cron expression {expression} cannot be read")

    def last(self, time: datetime) -> datetime | None:
        """Give the last time up to this one, this one included; None where there was none."""
        return next((found for found in self._times(time, back=True) if found <= time), None)

    def next(self, time: datetime) -> datetime | None:
        """Give the next time after this one; None where there is none, such as on 30 February."""
        return next((found for found in self._times(time, back=False) if found > time), None)

    def _times(self, time: datetime, *, back: bool) -> Iterator[datetime]:
        # Counted on the wall clock, which knows no time zone; from far enough that a change of clocks hides none.
        wall = time.astimezone(self._zone).replace(tzinfo=None, microsecond=0)
        start = wall + _CLOCK_CHANGE if back else wall - _CLOCK_CHANGE
        found = croniter(self._expression, start)
        try:
            while True:
                one: datetime = (found.get_prev if back else found.get_next)(datetime)
                yield one.replace(tzinfo=self._zone, fold=0).astimezone(UTC)
        except (CroniterBadDateError, CroniterError):
            return
