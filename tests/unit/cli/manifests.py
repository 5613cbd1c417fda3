"""FaultModels as an API server gives them, in the states that people meet."""

from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
DIGEST_1 = "sha256:" + "1" * 64
DIGEST_2 = "sha256:" + "2" * 64


def condition(kind: str, status: str, reason: str, message: str, generation: int = 1) -> dict[str, Any]:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "observedGeneration": generation,
        "lastTransitionTime": "2026-03-01T11:55:00Z",
    }


def fault_model(generation: int = 1, **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "spindle", "namespace": "press-shop", "generation": generation, "uid": "u1"},
        "spec": {"source": {}},
        "status": {"observedGeneration": generation, **deepcopy(status)},
    }


def version(number: int, digest: str, f1: float, size: int) -> dict[str, Any]:
    return {
        "metadata": {"name": f"spindle-v{number}", "creationTimestamp": "2026-03-01T09:00:00Z"},
        "spec": {
            "faultModelName": "spindle",
            "version": number,
            "digest": digest,
            "artifact": {"bytes": size, "uri": "pvc://"},
            "metrics": {"f1": f1},
        },
    }


def event(kind: str, reason: str, message: str, stamp: str, uid: str = "u1") -> dict[str, Any]:
    return {
        "metadata": {"creationTimestamp": "2026-03-01T08:00:00Z"},
        "involvedObject": {"uid": uid},
        "type": kind,
        "reason": reason,
        "message": message,
        "lastTimestamp": stamp,
        "count": 2,
    }


STABLE: dict[str, Any] = {
    "stable": {"version": 1, "digest": DIGEST_1, "weight": 100},
    "artifact": {"bytes": 1_258_291, "size": "1.2Mi", "f1": "0.842"},
    "endpoints": {"http": "http://spindle.press-shop.svc:8000", "grpc": "spindle.press-shop.svc:8001"},
}
AVAILABLE = condition("Available", "True", "Serving", "Version 1 serves.")

GOOD = fault_model(
    phase="Stable",
    conditions=[AVAILABLE, condition("Ready", "True", "RolledOut", "Version 1 serves all traffic.")],
    **STABLE,
)
NOTHING = {
    "metadata": {"name": "spindle", "namespace": "press-shop", "generation": 1},
    "spec": {},
    "status": {"observedGeneration": -1},
}
BUILDING = fault_model(
    phase="Building",
    conditions=[
        condition("Available", "False", "NothingServes", "No version has reached the line yet."),
        condition("Built", "Unknown", "BuildRunning", "Job spindle-build-0a is at work."),
        condition("Ready", "False", "BuildRunning", "Job spindle-build-0a is at work."),
        condition("Reconciling", "True", "BuildRunning", "Job spindle-build-0a is at work."),
    ],
)
FAILED_TEXT = 'row 7, column "Torque [Nm]": "high" is no number. To mend it: correct the value.'
FAILED_BUILD = fault_model(
    generation=2,
    phase="Failed",
    conditions=[
        condition("Available", "True", "Serving", "Version 1 serves.", 2),
        condition("Built", "False", "NotANumber", FAILED_TEXT, 2),
        condition("Ready", "False", "NotANumber", FAILED_TEXT, 2),
        condition("Stalled", "True", "NotANumber", FAILED_TEXT, 2),
    ],
    **STABLE,
)
SWITCHING = fault_model(
    generation=2,
    phase="Switching",
    conditions=[
        condition("Available", "True", "Serving", "Version 1 serves.", 2),
        condition("Ready", "False", "SwitchingTraffic", "Traffic moves from version 1 to version 2.", 2),
        condition("Reconciling", "True", "SwitchingTraffic", "Traffic moves from version 1 to version 2.", 2),
    ],
    candidate={"version": 2, "digest": DIGEST_2, "weight": 0},
    **STABLE,
)
BEHIND = fault_model(phase="Stable", conditions=GOOD["status"]["conditions"], **STABLE)
BEHIND["metadata"]["generation"] = 2
DOWN = fault_model(
    phase="Starting",
    conditions=[
        condition("Available", "False", "VersionNotReady", "No replica of version 1 is ready: OOMKilled."),
        condition("Ready", "False", "VersionNotReady", "No replica of version 1 is ready: OOMKilled."),
    ],
    **STABLE,
)
VERSIONS = [version(2, DIGEST_2, 0.9, 900), version(1, DIGEST_1, 0.8421, 1_258_291)]
EVENTS = [
    event("Normal", "RolledOut", "Version 1 serves all traffic.", "2026-03-01T11:59:00Z"),
    event("Normal", "BuildSucceeded", "Built from 8000 rows.", "2026-03-01T11:00:00Z"),
]
