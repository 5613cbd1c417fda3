"""Condition types and reasons of a FaultModel: a stable vocabulary, for tools as much as for people."""

from enum import StrEnum


class ConditionType(StrEnum):
    """What is said of a FaultModel. `Reconciling` and `Stalled` are present only while True (kstatus)."""

    READY = "Ready"
    AVAILABLE = "Available"
    SOURCE_RESOLVED = "SourceResolved"
    BUILT = "Built"
    VALIDATED = "Validated"
    ROLLOUT_COMPLETE = "RolloutComplete"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"


class Phase(StrEnum):
    """One word for people; tools read the conditions."""

    PENDING = "Pending"
    BUILDING = "Building"
    STARTING = "Starting"
    PREFLIGHT = "Preflight"
    CANARY = "Canary"
    PAUSED = "Paused"
    AWAITING_APPROVAL = "AwaitingApproval"
    WAITING_FOR_WINDOW = "WaitingForWindow"
    SWITCHING = "Switching"
    ROLLING_BACK = "RollingBack"
    ROLLED_BACK = "RolledBack"
    STABLE = "Stable"
    SUSPENDED = "Suspended"
    FAILED = "Failed"


class Reason(StrEnum):
    """Reasons that the operator itself gives; a failed build brings the builder's."""

    PENDING = "Pending"
    SUSPENDED = "Suspended"
    BUILD_RUNNING = "BuildRunning"
    BUILD_SUCCEEDED = "BuildSucceeded"
    BUILD_FAILED = "BuildFailed"
    BUILD_OUT_OF_MEMORY = "BuildOutOfMemory"
    BUILD_TIMED_OUT = "BuildTimedOut"
    BUILD_EVICTED = "BuildEvicted"
    BUILD_NOT_STARTED = "BuildNotStarted"
    VERSION_STARTING = "VersionStarting"
    VERSION_NOT_READY = "VersionNotReady"
    VERSION_FAILED_BEFORE = "VersionFailedBefore"
    PROGRESS_DEADLINE_EXCEEDED = "ProgressDeadlineExceeded"
    SIGNATURE_CHANGED = "SignatureChanged"
    PREFLIGHT_RUNNING = "PreflightRunning"
    PREFLIGHT_FAILED = "PreflightFailed"
    GOLDEN_SAMPLES_DIFFER = "GoldenSamplesDiffer"
    CANARY_ADVANCING = "CanaryAdvancing"
    PAUSED = "Paused"
    AWAITING_APPROVAL = "AwaitingApproval"
    WAITING_FOR_WINDOW = "WaitingForWindow"
    INVALID_WINDOW = "InvalidWindow"
    SUPERSEDED = "Superseded"
    CANDIDATE_FAILED = "CandidateFailed"
    ABORTED = "Aborted"
    SWITCHING_TRAFFIC = "SwitchingTraffic"
    ROLLED_OUT = "RolledOut"
    SERVING = "Serving"
    NOTHING_SERVES = "NothingServes"
    ROUTER_NOT_READY = "RouterNotReady"
    INVALID_SPEC = "InvalidSpec"
    NAME_TAKEN = "NameTaken"
    REJECTED = "Rejected"
    FORBIDDEN = "Forbidden"
