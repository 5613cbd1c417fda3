"""Sizes, ages, digests and truths as people read them; what is not known is said to be unknown."""

from __future__ import annotations

from datetime import UTC, datetime

UNKNOWN = "unknown"


def size(count: int | None) -> str:
    """Write a number of bytes, such as 812, 4.7Ki, 1.2Mi."""
    if count is None:
        return UNKNOWN
    if count < 1024:
        return f"{count}"
    amount, units = float(count), iter(("Ki", "Mi", "Gi", "Ti"))
    unit = ""
    while amount >= 1024 and (larger := next(units, None)) is not None:
        amount, unit = amount / 1024, larger
    return f"{amount:.1f}{unit}"


def score(value: float | None) -> str:
    """Write a score between 0 and 1."""
    return UNKNOWN if value is None else f"{value:.3f}"


def percent(weight: int | None) -> str:
    """Write a share of the requests."""
    return UNKNOWN if weight is None else f"{weight}%"


def short_digest(digest: str | None) -> str:
    """Write the beginning of a digest, enough to tell two apart."""
    if digest is None:
        return UNKNOWN
    algorithm, sign, hexadecimal = digest.partition(":")
    return f"{algorithm}{sign}{hexadecimal[:12]}" if sign else digest[:12]


def truth(value: bool | None) -> str:
    """Write whether something holds."""
    return UNKNOWN if value is None else ("yes" if value else "no")


def age(stamp: str | None, now: datetime) -> str:
    """Write how long ago something was, such as 42s, 5m, 3h, 12d."""
    if stamp is None:
        return UNKNOWN
    try:
        then = datetime.fromisoformat(stamp)
    except ValueError:
        return UNKNOWN
    seconds = int((now - (then if then.tzinfo else then.replace(tzinfo=UTC))).total_seconds())
    seconds = max(seconds, 0)  # the clocks of two machines differ
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * length or (unit == "d" and seconds >= length):
            return f"{seconds // length}{unit}"
    return f"{seconds}s"
