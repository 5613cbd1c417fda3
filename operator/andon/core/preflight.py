"""Before its first request a version has to answer its golden samples as its build recorded them."""

from dataclasses import dataclass

from andon.api.conditions import Phase, Reason
from andon.api.meta import preflight_name
from andon.core.decision import Progress
from andon.core.observed import Observed


@dataclass(frozen=True)
class Proof:
    """Whether a version may get requests.

    Attributes
    ----------
    differs
        What was found, where the server answers otherwise than recorded; empty else.
    progress
        What is to be said while it may not.
    """

    passed: bool
    differs: str
    progress: Progress


def prove(observed: Observed, version: int) -> Proof:
    """Say how the preflight of a version went."""
    job = observed.preflight(version)
    if job is None or job.state == "Running":
        message = f"The server of version {version} is asked for its golden samples."
        return Proof(passed=False, differs="", progress=Progress(Phase.PREFLIGHT, Reason.PREFLIGHT_RUNNING, message))
    if job.state == "Differ":
        message = f"Version {version} got no request: {job.message} Change the spec or the data to try again."
        progress = Progress(Phase.FAILED, Reason.GOLDEN_SAMPLES_DIFFER, message, stalled=True)
        return Proof(passed=False, differs=message, progress=progress)
    if job.state == "Failed":
        name = preflight_name(observed.identity.name, version)
        message = (
            f"The golden samples of version {version} could not be asked for: {job.message or 'no reason known'}."
            f" See kubectl logs job/{name}; delete that Job to try again."
        )
        progress = Progress(Phase.PREFLIGHT, Reason.PREFLIGHT_FAILED, message, stalled=True)
        return Proof(passed=False, differs="", progress=progress)
    return Proof(passed=True, differs="", progress=Progress(Phase.PREFLIGHT, Reason.PREFLIGHT_RUNNING, job.message))
