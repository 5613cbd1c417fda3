"""What the monitor tells of a model that serves, and what it says of inputs and accuracy: yes, no, or not known."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from andon.api.conditions import Reason
from andon.core.statistics import Interval
from andon.core.told import Told
from model_builder.spec import Gate

LISTED = 8
"""Inputs that are named in a message; more are counted."""


class Feature(Told):
    """How an input, or the score, is: `state` is NotEnoughData, Steady, Drifted or SensorFault."""

    name: str
    state: str
    kind: str | None = None


class Renewed(Told):
    """Why, since when and for whom inputs are compared with others than those of the build."""

    reason: str
    at: str
    by: str = ""


class Inputs(Told):
    """The monitor's answer about the inputs of the version with a digest."""

    digest: str = ""
    learning: int = 0
    renewal: Renewed | None = None
    features: tuple[Feature, ...] = ()


class LiveScore(Told):
    """A score with its 95% interval."""

    metric: str
    value: Annotated[float, Field(ge=0, le=1)]
    lower: Annotated[float, Field(ge=0, le=1)]
    upper: Annotated[float, Field(ge=0, le=1)]


class VersionScores(Told):
    """Scores of a version on the labelled rows of the window; `track` is stable, candidate or former."""

    track: str
    version: int
    digest: str
    labelled: int = 0
    faults: int = 0
    scores: tuple[LiveScore, ...] = ()

    def score(self, *metrics: str) -> LiveScore | None:
        """Give the first of some scores that is known."""
        known = {one.metric: one for one in self.scores}
        return next((known[metric] for metric in metrics if metric in known), None)


class Quality(Told):
    """The monitor's answer about accuracy."""

    versions: tuple[VersionScores, ...] = ()

    def of(self, digest: str) -> VersionScores | None:
        """Give the scores of the version with a digest."""
        return next((one for one in self.versions if one.digest == digest), None)

    def former(self, digest: str) -> VersionScores | None:
        """Give the scores of the version that served before the one with a digest."""
        return next((one for one in self.versions if one.track == "former" and one.digest != digest), None)


@dataclass(frozen=True)
class Live:
    """What the monitor told; None where it was silent or knows nothing."""

    inputs: Inputs | None = None
    quality: Quality | None = None


@dataclass(frozen=True)
class Reading:
    """What is seen now.

    Attributes
    ----------
    seen
        Whether there is drift, or a loss; None where nobody can say.
    sensors
        Inputs whose sensor is broken.
    no_better
        Digest of the version before, where its own live recall was no higher: going back to it mends nothing.
    """

    seen: bool | None
    reason: Reason
    message: str
    sensors: tuple[str, ...] = ()
    no_better: str = ""


def drift(inputs: Inputs | None, digest: str) -> Reading:
    """Say whether inputs have drifted from what the version that serves was built on.

    Parameters
    ----------
    digest
        Of that version: what was seen of another one says nothing of it.
    """
    if inputs is None:
        return Reading(None, Reason.MONITOR_SILENT, "The monitor does not say how the inputs are.")
    since = _renewed(inputs)
    if inputs.digest != digest or not inputs.features:
        return Reading(None, Reason.NOT_ENOUGH_DATA, "The monitor has not seen enough requests to this version yet.")
    drifted = [one.name for one in inputs.features if one.state == "Drifted"]
    broken = [f"{one.name} ({one.kind})" for one in inputs.features if one.state == "SensorFault"]
    said = " ".join(
        text
        for text, there in (
            (f"Sensors that look broken: {_listed(broken)}.", broken),
            (f"Drifted: {_listed(drifted)}.", drifted),
        )
        if there
    )
    if drifted or broken:
        waiting = any(one.state == "NotEnoughData" for one in inputs.features)
        seen = True if drifted else None if waiting else False
        reason = Reason.SENSOR_FAULT if broken else Reason.DRIFTED
        return Reading(seen, reason, f"{said}{since}", tuple(broken))
    if any(one.state == "NotEnoughData" for one in inputs.features):
        learning = " A new baseline is being learnt." if inputs.learning else ""
        message = f"There are not enough rows yet to compare all inputs.{learning}{since}"
        return Reading(None, Reason.NOT_ENOUGH_DATA, message)
    built_on = "the new baseline" if since else "what the model was built on"
    return Reading(False, Reason.NO_DRIFT_SEEN, f"No input is seen to differ from {built_on}.{since}")


def _renewed(inputs: Inputs) -> str:
    told = inputs.renewal
    if told is None:
        return ""
    by = f", by {told.by}" if told.by else ""
    return f" The baseline was renewed at {told.at[:19]}Z{by}: {told.reason}"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"{', '.join(names[:LISTED])}{more}"


def loss(
    quality: Quality | None, digest: str, gates: tuple[Gate, ...], recall_loss: float | None, min_positives: int
) -> Reading:
    """Say whether labels show that the version that serves misses a gate, or finds fewer faults than the one before.

    A gate is missed where the upper bound of the live score is below it; recall is lost where the lower bound of the
    difference is above what is allowed. Anything else is no loss that could be shown.

    Parameters
    ----------
    recall_loss
        How much lower its recall may be than that of the version before; None: that is not asked.
    min_positives
        Labelled faults without which nothing is said.
    """
    if quality is None:
        return Reading(None, Reason.MONITOR_SILENT, "The monitor does not tell how accurate the model is.")
    now = quality.of(digest)
    if now is None or now.faults < min_positives:
        message = f"Fewer than {min_positives} faults of late have a label (monitoring.minPositives): too few."
        return Reading(None, Reason.NOT_ENOUGH_DATA, message)
    before = quality.former(digest)
    missed = _missed(now, gates)
    fallen = _fallen(now, before, recall_loss, min_positives)
    if missed or fallen:
        return Reading(True, Reason.ACCURACY_LOST, " ".join([*missed, *fallen]), no_better=_no_better(now, before))
    return Reading(False, Reason.NO_LOSS_SHOWN, "The labels of late show no gate missed and no loss of recall.")


def _missed(now: VersionScores, gates: tuple[Gate, ...]) -> list[str]:
    out = []
    for gate in gates:
        score = now.score(gate.metric) if gate.min is not None else None
        if score is not None and gate.min is not None and score.upper < float(gate.min):
            out.append(f"By the labels of late {gate.metric} is at most {score.upper:.2f}; the gate asks {gate.min}.")
    return out


def _fallen(now: VersionScores, before: VersionScores | None, allowed: float | None, min_positives: int) -> list[str]:
    if allowed is None or before is None or before.faults < min_positives:
        return []
    # Of several classes the alarms' recall is told under a name of its own.
    old, new = before.score("recall", "alarmRecall"), now.score("recall", "alarmRecall")
    if old is None or new is None:
        return []
    lost = difference(old, new)
    if lost.lower <= allowed:
        return []
    return [
        f"Recall is {new.value:.2f} by the labels of late, at least {lost.lower:.2f} below the {old.value:.2f} of"
        f" version {before.version}, which served before; {allowed:g} is allowed."
    ]


def difference(first: LiveScore, second: LiveScore) -> Interval:
    """Bound the difference of two independent shares at 95%, from the interval of each.

    Newcombe (1998), Interval estimation for the difference between independent proportions, method 10: it keeps its
    level also for few rows and shares near 1.
    """
    middle = first.value - second.value
    down = ((first.value - first.lower) ** 2 + (second.upper - second.value) ** 2) ** 0.5
    up = ((first.upper - first.value) ** 2 + (second.value - second.lower) ** 2) ** 0.5
    return Interval(middle - down, middle + up)


def _no_better(now: VersionScores, before: VersionScores | None) -> str:
    """Give the digest of the version before where its live recall was no higher."""
    if before is None:
        return ""
    old, new = before.score("recall", "alarmRecall"), now.score("recall", "alarmRecall")
    return before.digest if old is not None and new is not None and old.value <= new.value else ""
