"""What is noted on the router's ConfigMap, and what the status still knows where somebody took a note away."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from andon.api.meta import (
    ANNOTATION_CANARY,
    ANNOTATION_PROMOTED,
    ANNOTATION_RETRAINING,
    ANNOTATION_SIGNALS,
    ANNOTATION_SINCE,
    ANNOTATION_WATCH,
    ANNOTATION_WEIGHTS,
)
from andon.api.status import FaultModelStatus
from andon.api.v1alpha1 import Manifest
from andon.core.notes import Canary, Retraining, Watch
from andon.core.observed import Route
from andon.core.signals import Signals

_Note = TypeVar("_Note")


def configured(config: Manifest, status: FaultModelStatus) -> tuple[Route | None, datetime | None]:
    """Give the route that is written down, and since when it is."""
    annotations = _annotations(config)
    try:
        return Route.parse(annotations[ANNOTATION_WEIGHTS]), datetime.fromisoformat(annotations[ANNOTATION_SINCE])
    except (KeyError, ValueError):
        # Somebody took the note away or changed it; the status still knows what served.
        return (Route.of({status.stable.version: 100}) if status.stable is not None else None), None


def canary(config: Manifest, status: FaultModelStatus, configured: Route | None) -> Canary | None:
    """Give the note of the version on trial."""
    note = _read(config, ANNOTATION_CANARY, Canary.parse)
    if note is not None or configured is None or status.candidate is None:
        return note
    # Somebody took the note away while traffic is shared; the status still knows who is on trial.
    number = status.candidate.version
    return Canary(number, 0, datetime.fromtimestamp(0, UTC)) if 0 < configured.weight(number) < 100 else None


def watch(config: Manifest) -> Watch | None:
    """Give the note of the version before, while the one that serves is watched."""
    return _read(config, ANNOTATION_WATCH, Watch.parse)


def signals(config: Manifest) -> Signals | None:
    """Give the note of what is seen of the version that serves."""
    return _read(config, ANNOTATION_SIGNALS, Signals.parse)


def retraining(config: Manifest, status: FaultModelStatus) -> Retraining | None:
    """Give the note on building anew."""
    note, told = _read(config, ANNOTATION_RETRAINING, Retraining.parse), status.retrain
    if note is not None or told is None or told.last is None:
        return note
    # Somebody took the note away; the status still knows for which time, and the build plan depends on it.
    return Retraining(at=datetime.fromisoformat(told.last), because=told.because or "")


def promoted(config: Manifest) -> frozenset[int]:
    """Give the versions that have held all traffic at some time."""
    text = _annotations(config).get(ANNOTATION_PROMOTED, "")
    return frozenset(int(number) for number in text.split(",") if number.isdigit())


def _annotations(config: Manifest) -> dict[str, str]:
    found: dict[str, str] = config["metadata"].get("annotations") or {}
    return found


def _read(config: Manifest, annotation: str, parse: Callable[[str], _Note]) -> _Note | None:
    """Read a note; None where there is none, or none that makes sense."""
    text = _annotations(config).get(annotation)
    try:
        return parse(text) if text is not None else None
    except ValueError:
        return None
