"""Before its first request a version has to answer its golden samples as its build recorded them, and in time."""

from dataclasses import dataclass

from andon.api.conditions import Phase, Reason
from andon.api.meta import preflight_name
from andon.core.decision import Progress
from andon.core.observed import Observed

_REFUSED = {"Differ": Reason.GOLDEN_SAMPLES_DIFFER, "Slow": Reason.LATENCY_OVER_LIMIT}


@dataclass(frozen=True)
class Proof:
    """Whether a version may get requests.

    Attributes
    ----------
    refused
        Why it never may, where the server answers otherwise than recorded, or too late; None else.
    progress
        What is to be said while it may not.
    """

    passed: bool
    progress: Progress
    refused: Reason | None = None


def prove(observed: Observed, version: int) -> Proof:
    """Say how the preflight of a version went."""
    job = observed.preflight(version)
    if job is None or job.state == "Running":
        message = f"The server of version {version} is asked for its golden samples."
        return Proof(passed=False, progress=Progress(Phase.PREFLIGHT, Reason.PREFLIGHT_RUNNING, message))
    if job.state in _REFUSED:
        refused = _REFUSED[job.state]
        message = f"Version {version} got no request: {job.message} Change the spec or the data to try again."
        return Proof(passed=False, progress=Progress(Phase.FAILED, refused, message, stalled=True), refused=refused)
    if job.state == "Failed":
        name = preflight_name(observed.identity.name, version)
        message = (
            f"The golden samples of version {version} could not be asked for: {job.message or 'no reason known'}."
            f" See kubectl logs job/{name}; delete that Job to try again."
        )
        progress = Progress(Phase.PREFLIGHT, Reason.PREFLIGHT_FAILED, message, stalled=True)
        return Proof(passed=False, progress=progress)
    return Proof(passed=True, progress=Progress(Phase.PREFLIGHT, Reason.PREFLIGHT_RUNNING, job.message))
