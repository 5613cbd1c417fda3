"""Counts as routers, servers and the monitor would give them."""

from datetime import UTC, datetime, timedelta

from andon.core.comparison import Comparison
from andon.core.traffic_counts import Inferred, Routed, Traffic, Trial

_EDGES = (0.005, 0.05, 0.5, float("inf"))


def trial(version: int, *, routers: int = 0, servers: int = 0) -> Trial:
    """Give a version whose router and servers are on loopback."""
    since = datetime.now(UTC) - timedelta(hours=1)
    return Trial("plant", "spindle", version, since, ("127.0.0.1",) * routers, ("127.0.0.1",) * servers)


def traffic(now: datetime, requests: int, *, failed: int = 0, slow: int = 0) -> Traffic:
    """Give counts of HTTP requests; slow ones take between 0.05 and 0.5 seconds."""
    counts = (0, requests - slow, requests, requests)
    return Traffic(
        at=now,
        http=Routed(completed=requests, failed=failed, sent=requests),
        buckets=tuple(zip(_EDGES, map(float, counts), strict=True)),
        inferred=Inferred(requests, failed),
    )


def comparison(
    now: datetime,
    old: str,
    new: str,
    rows: int,
    *,
    disagreements: int = 0,
    faults: tuple[int, int, int] = (0, 0, 0),
    invalid: int = 0,
    assets: int = 0,
) -> Comparison:
    """Give the monitor's answer; faults are labelled ones: caught only by the old, only by the new, and all."""
    only_old, only_new, total = faults
    labelled = {"onlyOld": only_old, "onlyNew": only_new, "both": total - only_old - only_new, "total": total}
    none = {"onlyOld": 0, "onlyNew": 0, "both": 0, "total": 0}
    return Comparison.model_validate(
        {
            "model": "spindle",
            "old": old,
            "new": new,
            "at": now.isoformat(),
            "since": now.isoformat(),
            "inputs": rows,
            "assets": assets,
            "invalid": {"hits": invalid, "total": rows},
            "disagreement": {"hits": disagreements, "total": rows},
            "alarms": {"old": rows // 30, "new": rows // 30},
            "probabilityShift": {"mean": 0.0, "largest": 0.0},
            "faults": labelled,
            "sound": none,
            "queue": {"oldAlarms": 0, "onlyOld": [], "onlyNew": []},
            "history": {"trueAlarms": 0, "falseAlarms": 0, "missed": 0},
        }
    )
