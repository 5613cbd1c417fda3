"""After its promotion a version is watched: until `rollout.watch` is over the version before stands ready.

{old: 0, new: 100}, watched ─▶ {new: 100}
                            ╰▶ {old: 100, new: 0}, where the new one breaks down or breaks a limit
"""

from datetime import datetime, timedelta

from andon.api.conditions import Phase, Reason
from andon.api.durations import parse_duration
from andon.core.analysis import Assessment, Verdict
from andon.core.decision import ROUTER_POLL, Progress
from andon.core.judgement import ANALYSIS_POLL
from andon.core.observed import Observed, Route, Server
from andon.core.times import utc_text


def watch_ends(observed: Observed) -> datetime | None:
    """Give the time at which the version that serves need not be watched any more; None where none is."""
    router, asked = observed.router, observed.spec.rollout.watch
    if router.watch is None or asked is None or router.stable is None:
        return None
    if router.configured != Route.of({router.watch.former: 0, router.stable: 100}):
        return None
    return router.watch.since + parse_duration(asked)


def watching(observed: Observed, now: datetime) -> Progress | None:
    """Say that the version that serves is watched; None where it is not, or not any more."""
    ends, router = watch_ends(observed), observed.router
    if ends is None or now >= ends or router.watch is None or router.configured is None:
        return None
    if not router.follows(router.configured):
        message = f"Version {router.stable} takes all traffic; the router's pods follow."
        return Progress(Phase.SWITCHING, Reason.SWITCHING_TRAFFIC, message, look_again=ROUTER_POLL)
    message = (
        f"Version {router.stable} has all traffic and is watched until {utc_text(ends)};"
        f" version {router.watch.former} stands ready."
    )
    judged = observed.spec.rollout.analysis is not None
    left = min(ends - now, ANALYSIS_POLL) if judged else ends - now
    return Progress(Phase.WATCHING, Reason.WATCHING, message, held=True, look_again=left)


def breach(observed: Observed, found: Assessment | None, now: datetime) -> tuple[Reason, str] | None:
    """Say why the version that is watched has to go back; None where it need not, or where nothing could take over."""
    ends, watch = watch_ends(observed), observed.router.watch
    if ends is None or now >= ends or watch is None or observed.router.stable is None:
        return None
    former = observed.server(watch.former)
    if former is None or not former.ready_replicas:
        return None
    number = observed.router.stable
    back = f"Version {watch.former} takes its traffic back. Change the spec or the data to try again."
    trouble = breakdown(observed.server(number))
    if trouble:
        return Reason.CANDIDATE_FAILED, f"Version {number} failed while it was watched: {trouble}. {back}"
    if found is not None and found.verdict == Verdict.FAIL:
        return Reason.ANALYSIS_FAILED, f"Version {number} broke a limit while it was watched. {found.message} {back}"
    return None


def breakdown(server: Server | None) -> str:
    """Say why a version that gets requests cannot answer them; empty where it can."""
    if server is None:
        return "its server is gone"
    if server.ready_replicas == 0 or "CrashLoopBackOff" in server.trouble:
        return server.trouble or "none of its replicas is ready"
    return ""


def soonest(*times: timedelta | None) -> timedelta | None:
    """Give the shortest of some times; None where there is none."""
    return min((time for time in times if time is not None), default=None)
