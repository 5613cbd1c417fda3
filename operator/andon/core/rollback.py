"""`andon.dev/rollback`: a person gives all traffic back to a version that has held it before.

That needs no build and no analysis, and neither a window nor `suspend` nor a freeze holds it. The annotation goes on to
hold what the spec asks for; what left the line under it has to prove itself anew.
"""

from dataclasses import replace
from datetime import datetime

from andon.api.conditions import Phase, Reason
from andon.core.decision import Decision, Progress
from andon.core.observed import Observed, Version
from andon.core.settling import converge_on, settle
from andon.core.switching import left, rolled_back, saying, switch


def go_back(observed: Observed, base: Decision, stable: int, now: datetime) -> Decision:
    """Bring the version that the annotation names back to all traffic.

    Parameters
    ----------
    stable
        The version that serves.
    """
    back = observed.version_of(observed.rollback)
    known = back is not None and (back.spec.version == stable or back.spec.version in observed.router.promoted)
    if back is None or not known:
        return saying(_invalid(observed, stable), settle(observed, base, now))
    number = back.spec.version
    if number == stable:
        settled = converge_on(observed, _called_off(observed, base, now), number, now, complete=True, hurry=True)
        asked = base.verdict.digest == back.spec.digest
        return settled if asked else saying(_gone_back(observed, back), settled)
    if back.spec.digest in base.failed_digests:
        message = f"Version {number} did not come up again; version {stable} goes on serving."
        return saying(
            rolled_back(observed, stable, Reason.PROGRESS_DEADLINE_EXCEEDED, message), settle(observed, base, now)
        )
    spec = observed.spec.model_copy(update={"suspend": False})
    urgent = replace(observed, spec=spec, frozen=False)
    decision = switch(urgent, base, back, stable, now)
    takes_over = decision.route is not None and decision.route.weight(number) == 100
    return left(observed, decision, stable, Reason.ROLLBACK_ASKED, now) if takes_over else decision


def _invalid(observed: Observed, stable: int) -> Progress:
    proven = [version for version in observed.versions if version.spec.version in observed.router.promoted]
    known = ", ".join(f"{version.spec.version} ({version.spec.digest})" for version in proven[-5:])
    message = (
        f"The annotation andon.dev/rollback names {observed.rollback}, which is no version that has held all traffic;"
        f" version {stable} goes on serving. Versions that may be named: {known or 'none'}."
    )
    return Progress(Phase.FAILED, Reason.INVALID_ROLLBACK, message, stalled=True)


def _gone_back(observed: Observed, back: Version) -> Progress:
    number = back.spec.version
    message = (
        f"Version {number} serves, as the annotation andon.dev/rollback says, whatever the spec asks for."
        " To let versions reach the line again, mend the spec or the data, then take the annotation away."
    )
    return rolled_back(observed, number, Reason.ROLLBACK_ASKED, message)


def _called_off(observed: Observed, base: Decision, now: datetime) -> Decision:
    """Call off what is on trial."""
    note = base.canary
    if note is None or note.ended:
        return base
    return left(observed, base, note.version, Reason.ROLLBACK_ASKED, now)
