"""Alerts on promises to clients: how fast the error budget of 30 days is used up.

Several windows and burn rates, after Beyer et al., The Site Reliability Workbook (2018), chapter 5, table 5-8: the long
window says that it matters, the short one that it still goes on. 14.4 over an hour uses 2% of the budget, 6 over six
hours 5%, 3 over a day and 1 over three days 10%.
"""

from typing import Literal

from andon.desired.promql import template_text
from andon.desired.rules_alert import Alert, Subject

_SECONDS = {"1h": 3600, "6h": 21600, "1d": 86400, "3d": 259200}
_FAST = ((14.4, "1h", "5m"), (6.0, "6h", "30m"))
_SLOW = ((3.0, "1d", "2h"), (1.0, "3d", "6h"))

Kind = Literal["failed", "slow"]


def objective_alerts(subject: Subject) -> list[Alert]:
    """Give the alerts on availability and latency."""
    name, objectives = template_text(subject.name), subject.objectives
    limit = f"{objectives.latency_milliseconds:g} ms"
    texts: tuple[tuple[Kind, float, str, str, str], ...] = (
        (
            "failed",
            objectives.availability,
            "Error",
            f"Too many requests to {name} fail",
            "See which version fails (dashboard, Errors by version). If it is the one on trial, `andon abort`; if it is"
            " the stable one, look at the logs of its pods and of the router.",
        ),
        (
            "slow",
            objectives.latency,
            "Latency",
            f"Too many answers of {name} take more than {limit}",
            "See on the dashboard whether requests wait in the queue or the computing is slow: more replicas help"
            " against the first, a smaller model or more CPU against the second.",
        ),
    )
    alerts = []
    for kind, share, word, summary, action in texts:
        promised = f"{share * 100:.7g}% of requests in 30 days"
        for speed, windows, severity in (("Fast", _FAST, "critical"), ("Slowly", _SLOW, "warning")):
            alerts.append(
                Alert(
                    name=f"FaultModel{word}BudgetBurns{speed}",
                    severity="critical" if severity == "critical" else "warning",
                    expression=" or ".join(_burns(subject, kind, share, *window) for window in windows),
                    held="2m" if speed == "Fast" else "15m",
                    summary=summary,
                    description=(
                        f"{{{{ $value | humanizePercentage }}}} of the requests in the longer window; the promise is"
                        f" {promised}. At this rate the budget of 30 days is used up"
                        f" {'within days' if speed == 'Fast' else 'before the 30 days are over'}."
                    ),
                    action=action,
                )
            )
    return alerts


def _burns(subject: Subject, kind: Kind, share: float, factor: float, long: str, short: str) -> str:
    where, limit = subject.recorded(), f"{factor * (1 - share):.6g}"

    def ratio(window: str) -> str:
        return f"model:andon_{kind}_requests:rate{window}{where} / model:andon_requests:rate{window}{where} > {limit}"

    many = f"model:andon_{kind}_requests:rate{long}{where} * {_SECONDS[long]} >= {subject.objectives.minimum_failures}"
    return f"({ratio(long)} and {ratio(short)} and {many})"
