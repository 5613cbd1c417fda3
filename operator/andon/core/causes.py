"""What is seen of the version that serves, and what is wanted for it: `monitoring.onDrift`, `onAccuracyLoss`."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from andon.api.conditions import Phase, Reason
from andon.api.durations import parse_duration
from andon.core.decision import Progress
from andon.core.live import Reading, drift, loss
from andon.core.observed import Observed, Version
from andon.core.signals import Signal, Signals, followed

LIVE_POLL = timedelta(seconds=30)
"""How often to ask the monitor how a model does: it tells by itself of nothing."""


@dataclass(frozen=True)
class Cause:
    """One of the two things that are reacted to.

    Attributes
    ----------
    reason
        With which a version leaves for it.
    held
        With which a new version is held for it.
    reaction
        What the spec wants done.
    """

    reason: Reason
    held: Reason
    field: str
    reaction: str
    reading: Reading
    signal: Signal | None

    @property
    def active(self) -> bool:
        """Whether it has lasted long enough to be acted on."""
        return self.signal is not None and self.signal.active


def readings(observed: Observed) -> tuple[Reading, Reading] | None:
    """Say how inputs and accuracy of the version that serves are; None where nothing is watched, or nothing serves."""
    spec, stable = observed.spec.monitoring, observed.router.stable
    serving = observed.version(stable) if stable is not None else None
    if not spec.enabled or serving is None:
        return None
    digest, allowed = serving.spec.digest, spec.recall_loss
    accuracy = loss(
        observed.live.quality,
        digest,
        observed.spec.validation.gates,
        float(allowed) if allowed is not None else None,
        spec.min_positives,
    )
    return drift(observed.live.inputs, digest), accuracy


def signals(observed: Observed, now: datetime) -> Signals | None:
    """Give the note on what is seen, as it is to be now; None where there is nothing to note."""
    found, stable = readings(observed), observed.router.stable
    if found is None or stable is None:
        return None
    before = observed.router.signals or Signals(stable)
    if before.version != stable:  # what was seen of another version says nothing of this one
        before = Signals(stable, rolled_back=before.rolled_back)
    after = parse_duration(observed.spec.monitoring.damping.after)
    noted = replace(
        before,
        drift=followed(before.drift, found[0].seen, now, after),
        accuracy=followed(before.accuracy, found[1].seen, now, after),
    )
    return None if noted.idle else noted


def causes(observed: Observed, noted: Signals | None) -> tuple[Cause, ...]:
    """Give both things that are reacted to, as they are; none where nothing is watched."""
    found, spec = readings(observed), observed.spec.monitoring
    if found is None:
        return ()
    seen = (noted.drift, noted.accuracy) if noted is not None else (None, None)
    return (
        Cause(
            Reason.ACCURACY_LOST,
            Reason.HELD_BY_ACCURACY_LOSS,
            "onAccuracyLoss",
            spec.on_accuracy_loss,
            found[1],
            seen[1],
        ),
        Cause(Reason.DRIFTED, Reason.HELD_BY_DRIFT, "onDrift", spec.on_drift, found[0], seen[0]),
    )


def held(observed: Observed, noted: Signals | None, target: Version, share: int) -> Progress | None:
    """Say why a new version may not gain traffic; None where it may.

    A version that a person has promoted by its digest may: it can be the cure.
    """
    if observed.promote == target.spec.digest:
        return None
    cause = next((one for one in causes(observed, noted) if one.active and one.reaction == "Hold"), None)
    if cause is None:
        return None
    message = (
        f"Version {target.spec.version} has {share}% of the requests; monitoring.{cause.field} is Hold, so it gets no"
        f" more while this lasts: {cause.reading.message} To let it in all the same, set the annotation"
        f" andon.dev/promote to {target.spec.digest}."
    )
    return Progress(Phase.FROZEN, cause.held, message, held=True, look_again=LIVE_POLL)


def cause_to_go_back(observed: Observed, noted: Signals | None) -> Cause | None:
    """Give what a roll-back is wanted for; None where none is."""
    return next((one for one in causes(observed, noted) if one.active and one.reaction == "RollBack"), None)
