"""The clock of the machine."""

from datetime import UTC, datetime


class SystemClock:
    """Answers `andon.ports.Clock`."""

    def now(self) -> datetime:
        """Give the time in UTC."""
        return datetime.now(UTC)
