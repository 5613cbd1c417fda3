"""What the monitor would tell of a version that serves."""

from andon.core.live import Inputs, Live, Quality
from model_builder.intervals import wilson


def inputs(digest: str, **states: str) -> Inputs:
    """Give how inputs are: Drifted, Steady, NotEnoughData, or a kind of sensor fault, by their name."""
    known = ("Drifted", "Steady", "NotEnoughData")
    features = [
        {"name": name, "state": state} if state in known else {"name": name, "state": "SensorFault", "kind": state}
        for name, state in states.items()
    ]
    return Inputs.model_validate({"digest": digest, "learning": 0, "features": features})


def scores(track: str, version: int, digest: str, caught: int, faults: int) -> dict[str, object]:
    """Give the recall of a version on labelled faults, as the monitor tells it."""
    lower, upper = wilson(caught, faults) if faults else (0.0, 1.0)
    recall = {"metric": "recall", "value": caught / max(faults, 1), "lower": lower, "upper": upper}
    told: dict[str, object] = {"track": track, "version": version, "digest": digest, "labelled": faults * 3}
    return {**told, "faults": faults, "scores": [recall] if faults else []}


def quality(*versions: dict[str, object]) -> Quality:
    """Give the monitor's answer about accuracy."""
    return Quality.model_validate({"model": "spindle", "rows": 9000, "labelled": 900, "versions": list(versions)})


def drifting(digest: str) -> Live:
    """Give an input that has drifted."""
    return Live(inputs=inputs(digest, torque="Drifted", wear="Steady"))


def steady(digest: str) -> Live:
    """Give inputs that have not."""
    return Live(inputs=inputs(digest, torque="Steady", wear="Steady"))
