"""Counts of a version's requests, from those who see them → what is known of its errors and its latency.

Each source sees another part. The router sees every request, how long it took, and each answer with an HTTP error; but
gRPC says in a trailer how a call went, and what was answered by another version, because this one took no connection,
counts here too. The servers see how each inference went, by either protocol; but one that died tells nothing.

All of them count since their own pod began. A pod that is replaced takes its counts along, unless a Prometheus has kept
them: evidence becomes less, never more, and nothing is counted twice. For a bound that holds at all times this is as if
a part had not been looked at.
"""

from dataclasses import dataclass, field
from datetime import datetime

from andon.core.evidence import Share, slower_than

Buckets = tuple[tuple[float, float], ...]
"""Upper edge in seconds and cumulative count."""

CHECKED = 64
"""More requests than a preflight sends: the servers count these, the routers do not."""


@dataclass(frozen=True)
class Trial:
    """A version whose requests are counted.

    Attributes
    ----------
    name
        Of its FaultModel, and of the model that it serves.
    since
        When its server began to be asked for: before that it had no request.
    routers, servers
        Addresses of the router's pods, and of its own.
    """

    namespace: str
    name: str
    version: int
    since: datetime
    routers: tuple[str, ...] = ()
    servers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Routed:
    """A version's requests by one protocol, as the routers counted them.

    Attributes
    ----------
    completed
        Requests that came to an end, copies included.
    failed
        Of them, those with an HTTP status of 5xx.
    sent
        Requests that really went to a server of this version.
    retried
        Tries that failed and were tried again, at most two a request.
    """

    completed: float = 0.0
    failed: float = 0.0
    sent: float = 0.0
    retried: float = 0.0

    @property
    def refused(self) -> float:
        """Requests that no server of this version took, at least."""
        return max(self.completed - self.sent, 0.0)


@dataclass(frozen=True)
class Inferred:
    """Inferences as the servers counted them: how many, and how many of them failed."""

    total: float
    failed: float


@dataclass(frozen=True)
class Traffic:
    """What is known of the requests of one version.

    Attributes
    ----------
    at
        When it was counted.
    http, grpc
        By protocol.
    buckets
        How long requests took, of both protocols.
    inferred
        None where no server answers.
    """

    at: datetime
    http: Routed = field(default_factory=Routed)
    grpc: Routed = field(default_factory=Routed)
    buckets: Buckets = ()
    inferred: Inferred | None = None

    @property
    def completed(self) -> float:
        """Requests by either protocol that came to an end."""
        return self.http.completed + self.grpc.completed


def errors(traffic: Traffic) -> Share:
    """Count the requests that failed: for sure, and at most."""
    http, grpc = traffic.http, traffic.grpc
    inside = traffic.inferred.failed if traffic.inferred is not None else 0.0
    sure_http = max(http.failed, http.refused)
    most_http = min(http.failed + http.refused + http.retried, http.completed)
    # Failures inside a server that HTTP does not explain came by gRPC. A router that began anew has forgotten requests
    # that the servers still know: then that says nothing for sure.
    known = traffic.inferred is not None and traffic.inferred.total <= traffic.completed + CHECKED
    hidden = max(inside - http.failed, 0.0) if known else 0.0
    sure_grpc = min(max(grpc.failed, grpc.refused, hidden), grpc.completed)
    most_grpc = min(grpc.failed + grpc.refused + grpc.retried + inside, grpc.completed)
    sure = min(sure_http, http.completed) + sure_grpc
    return Share(sure, traffic.completed, traffic.at, max(most_http + most_grpc, sure))


def slow(traffic: Traffic, limit_seconds: float) -> Share:
    """Count the requests that took longer than a limit, to the width of the histogram's bucket."""
    least, most = slower_than(limit_seconds, traffic.buckets)
    total = max((count for _, count in traffic.buckets), default=0.0)
    return Share(least, total, traffic.at, most)
