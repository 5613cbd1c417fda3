"""Times as the Kubernetes API writes them."""

from datetime import UTC, datetime


def utc_text(time: datetime) -> str:
    """Write a time in UTC and to the second, such as 2026-01-31T08:00:00Z."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
