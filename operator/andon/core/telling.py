"""(observed, status) → what is told of a FaultModel to those who watch many: the operator's metrics."""

import re
from dataclasses import dataclass

from andon.api.conditions import ConditionType
from andon.api.status import FaultModelStatus
from andon.core.observed import Observed

_TOLD = (
    ConditionType.AVAILABLE,
    ConditionType.READY,
    ConditionType.BUILT,
    ConditionType.MONITORING_READY,
    ConditionType.INPUTS_STEADY,
    ConditionType.ACCURACY_KEPT,
)
_DIGEST_MISMATCH = re.compile(r"\bDigestMismatch\b")


@dataclass(frozen=True)
class Telling:
    """What is told of one FaultModel.

    Attributes
    ----------
    conditions
        (type, status, reason).
    weights
        (version, stable or candidate, per cent of the traffic).
    held
        (version, reason) of a new version that goes no further for now.
    troubles
        (version, DigestMismatch, FetchFailed or Other) of model servers that do not come up.
    build
        (plan, outcome, reason) of the last build that ended.
    """

    phase: str
    conditions: tuple[tuple[str, str, str], ...] = ()
    weights: tuple[tuple[int, str, int], ...] = ()
    held: tuple[int, str] | None = None
    troubles: tuple[tuple[int, str], ...] = ()
    build: tuple[str, str, str] | None = None


def telling(observed: Observed | None, status: FaultModelStatus) -> Telling:
    """Say what is told.

    Parameters
    ----------
    observed
        None where the FaultModel could not be looked at.
    """
    stable, candidate, build = status.stable, status.candidate, status.build
    tracks = (("stable", stable), ("candidate", candidate))
    held = candidate is not None and candidate.held_because
    return Telling(
        phase=status.phase or "Pending",
        conditions=tuple((one.type, one.status, one.reason) for one in status.conditions if one.type in _TOLD),
        weights=tuple((track.version, name, track.weight) for name, track in tracks if track is not None),
        held=(candidate.version, str(held)) if candidate is not None and held else None,
        troubles=_troubles(observed) if observed is not None else (),
        build=(build.plan, build.outcome, build.reason) if build is not None else None,
    )


def _troubles(observed: Observed) -> tuple[tuple[int, str], ...]:
    return tuple((server.version, _kind(server.trouble)) for server in observed.servers if server.trouble)


def _kind(trouble: str) -> str:
    if not trouble.startswith("fetch:"):
        return "Other"
    return "DigestMismatch" if _DIGEST_MISMATCH.search(trouble) else "FetchFailed"
