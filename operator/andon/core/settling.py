"""Give all traffic to one version and let the others go: the end of each rollout, and the way back from any step.

{old: 40, new: 60} ─▶ {old: 100, new: 0} ─▶ {old: 100} ─▶ the new server goes

A router may learn of its clusters before its route. So a version leaves it only when no route names that any more, be
it as the one that answers where another cannot: after a watch the former version first stands behind no other.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from andon.api.conditions import Phase, Reason
from andon.core.decision import ROUTER_POLL, Decision, Progress
from andon.core.notes import Canary
from andon.core.observed import Observed, Route
from andon.core.watching import soonest, watching

DRAIN = timedelta(seconds=5)
"""How long a server that gets no more requests still stands, for those that it is answering."""


def settle(observed: Observed, base: Decision, now: datetime, *, hurry: bool = False) -> Decision:
    """Let what serves hold all traffic, whatever was on its way.

    Parameters
    ----------
    hurry
        Whether to watch what serves no longer: something else is to come.
    """
    stable = observed.router.stable
    if stable is None:
        return replace(base, servers=())
    return converge_on(observed, base, stable, now, hurry=hurry)


def converge_on(
    observed: Observed, base: Decision, number: int, now: datetime, *, complete: bool = False, hurry: bool = False
) -> Decision:
    """Give all traffic to one version, then let the others go."""
    router, final = observed.router, Route.of({number: 100})
    if router.configured is not None and (router.configured.weight(number) < 100 or router.configured.shadow):
        return replace(_take_back(observed, base, router.configured, number, now), watch=None)
    keep_all = replace(base, servers=tuple(sorted({number, *base.servers})))
    if router.configured != final:
        watched = watching(observed, now) if not hurry and number == router.stable else None
        if watched is not None:
            told = replace(base.progress, look_again=soonest(base.progress.look_again, watched.look_again))
            return replace(keep_all, progress=watched if complete else told)
        keep_all = replace(keep_all, watch=None)
        if _may_leave(observed, number, now):
            keep_all = replace(keep_all, route=final, canary=_last_word(observed, base.canary))
        return replace(keep_all, progress=_draining(observed, base, number, complete=complete))
    base = replace(base, canary=_last_word(observed, base.canary), watch=None)
    if not router.follows(final):
        keep_all = replace(keep_all, canary=base.canary)
        return replace(keep_all, progress=_draining(observed, base, number, complete=complete))
    base = replace(base, servers=(number,))
    if not complete:
        return base
    return replace(base, progress=_arrived(observed, number))


def _may_leave(observed: Observed, number: int, now: datetime) -> bool:
    """Whether no request can meet a version other than the one that has all traffic."""
    router = observed.router
    if router.watch is not None or router.configured is None or router.configured_since is None:
        return False
    others = set(router.configured.versions) - {number}
    drained = now - router.configured_since >= DRAIN
    return drained and router.follows(router.configured) and not any(router.behind(version) for version in others)


def _take_back(observed: Observed, base: Decision, route: Route, number: int, now: datetime) -> Decision:
    """Let a version on trial lose its traffic; it stays known until the last request has left it."""
    note = base.canary
    if note is None or not note.ended:
        candidate = route.trial_beside(number) or number
        step = note.step if note is not None else 0
        revision = observed.identity.revision
        note = Canary(candidate, step, now, ended=Reason.SUPERSEDED, revision=revision)
    back = Route.of({**dict.fromkeys(route.versions, 0), number: 100})
    servers = tuple(sorted({number, *route.versions, *base.servers}))
    return replace(base, servers=servers, route=back, canary=note, progress=_leaving(note, number))


def _leaving(note: Canary, number: int) -> Progress:
    message = f"Version {note.version} is wanted no more; its traffic goes back to version {number}."
    return Progress(Phase.ROLLING_BACK, note.ended, message, look_again=ROUTER_POLL)


def _last_word(observed: Observed, note: Canary | None) -> Canary | None:
    """Keep the note of a version that failed as long as that says something of the spec as it is."""
    if note is None or note.ended in ("", Reason.SUPERSEDED) or note.revision != observed.identity.revision:
        return None
    return note


def _draining(observed: Observed, base: Decision, number: int, *, complete: bool) -> Progress:
    note, route = base.canary, observed.router.configured
    if note is not None and note.ended == Reason.SUPERSEDED and route is not None and note.version in route.versions:
        return _leaving(note, number)
    if not complete:  # something else is to be said; only look again soon
        return replace(base.progress, look_again=ROUTER_POLL)
    message = f"Version {number} takes all traffic; the router's pods follow."
    return Progress(Phase.SWITCHING, Reason.SWITCHING_TRAFFIC, message, look_again=ROUTER_POLL)


def _arrived(observed: Observed, number: int) -> Progress:
    server = observed.server(number)
    if server is not None and server.ready:
        return Progress(Phase.STABLE, Reason.ROLLED_OUT, f"Version {number} serves all traffic.", complete=True)
    trouble = f": {server.trouble}" if server is not None and server.trouble else "."
    message = f"Version {number} holds all traffic, but not all its replicas are ready{trouble}"
    return Progress(Phase.STARTING, Reason.VERSION_NOT_READY, message)
