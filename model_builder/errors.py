"""What can go wrong in a build, each with reason, what was found, what is allowed and how to mend it."""

from __future__ import annotations

from enum import StrEnum
from functools import partial

EXIT_OK = 0
EXIT_RETRY = 1
EXIT_INPUT = 3


class Reason(StrEnum):
    """Why a build stopped, in the CamelCase of Kubernetes conditions."""

    INVALID_SPEC = "InvalidSpec"
    UNSUPPORTED_URI = "UnsupportedUri"
    FORBIDDEN_URI = "ForbiddenUri"
    DATA_NOT_FOUND = "DataNotFound"
    BUCKET_NOT_FOUND = "BucketNotFound"
    DATA_FORBIDDEN = "DataForbidden"
    DATA_UNAVAILABLE = "DataUnavailable"
    CREDENTIALS_MISSING = "CredentialsMissing"
    CA_BUNDLE_INVALID = "CABundleInvalid"
    CHECKSUM_MISMATCH = "ChecksumMismatch"
    DATA_TOO_LARGE = "DataTooLarge"
    TOO_MANY_ROWS = "TooManyRows"
    TOO_MANY_COLUMNS = "TooManyColumns"
    UNKNOWN_FORMAT = "UnknownFormat"
    EMPTY_FILE = "EmptyFile"
    NO_ROWS = "NoRows"
    ENCODING_ERROR = "EncodingError"
    MALFORMED_CSV = "MalformedCsv"
    MALFORMED_PARQUET = "MalformedParquet"
    DUPLICATE_COLUMN = "DuplicateColumn"
    TARGET_NOT_FOUND = "TargetNotFound"
    TARGET_INCOMPLETE = "TargetIncomplete"
    TARGET_IS_FEATURE = "TargetIsFeature"
    ONE_CLASS = "OneClass"
    TOO_MANY_CLASSES = "TooManyClasses"
    TOO_FEW_ROWS = "TooFewRows"
    UNKNOWN_POSITIVE_CLASS = "UnknownPositiveClass"
    COLUMN_NOT_FOUND = "ColumnNotFound"
    TEXT_COLUMN = "TextColumn"
    NOT_A_NUMBER = "NotANumber"
    EMPTY_COLUMN = "EmptyColumn"
    INFINITE_VALUE = "InfiniteValue"
    MIXED_DECIMAL_MARKS = "MixedDecimalMarks"
    NO_FEATURES = "NoFeatures"
    GROUP_INCOMPLETE = "GroupIncomplete"
    TOO_FEW_GROUPS = "TooFewGroups"
    INVALID_TIMESTAMP = "InvalidTimestamp"
    UNSORTED_TIMESTAMPS = "UnsortedTimestamps"
    MIXED_TIME_ZONES = "MixedTimeZones"
    TARGET_LEAKAGE = "TargetLeakage"
    TOO_MANY_SLICES = "TooManySlices"
    INDEPENDENT_DATA_DIFFERS = "IndependentDataDiffers"
    GATE_NOT_MET = "GateNotMet"
    GATE_INCONCLUSIVE = "GateInconclusive"
    GOLDEN_SAMPLES_DIFFER = "GoldenSamplesDiffer"
    PARITY_FAILED = "ParityFailed"
    PICKLE_REFUSED = "PickleRefused"
    UNKNOWN_MODEL_FORMAT = "UnknownModelFormat"
    MODEL_TOO_LARGE = "ModelTooLarge"
    MODEL_UNREADABLE = "ModelUnreadable"
    MODEL_CRASHED = "ModelCrashed"
    EXTERNAL_DATA_REFUSED = "ExternalDataRefused"
    UNSUPPORTED_OPERATOR = "UnsupportedOperator"
    UNSUPPORTED_OPSET = "UnsupportedOpset"
    UNTRUSTED_TYPE = "UntrustedType"
    UNSUPPORTED_ESTIMATOR = "UnsupportedEstimator"
    MODEL_INPUTS_DIFFER = "ModelInputsDiffer"
    MODEL_OUTPUTS_DIFFER = "ModelOutputsDiffer"
    EXPORT_UNSUPPORTED = "ExportUnsupported"
    EXPLANATION_UNSUPPORTED = "ExplanationUnsupported"
    OUTPUT_NOT_EMPTY = "OutputNotEmpty"
    STORE_UNAVAILABLE = "StoreUnavailable"
    ARTIFACT_NOT_FOUND = "ArtifactNotFound"
    DIGEST_MISMATCH = "DigestMismatch"
    COMPUTE_UNREACHABLE = "ComputeUnreachable"
    COMPUTE_DIFFERS = "ComputeDiffers"
    COMPUTE_FAILED = "ComputeFailed"
    EXTRA_MISSING = "ExtraMissing"
    DISK_FULL = "DiskFull"
    OUT_OF_MEMORY = "OutOfMemory"
    INTERNAL_ERROR = "InternalError"


class BuilderError(Exception):
    """A build or a fetch that cannot go on.

    Parameters
    ----------
    reason
        Machine-readable reason.
    message
        One sentence for people, complete without the rest.
    found, allowed, remedy
        What was found, what is allowed, and how to mend it.
    retry
        Whether the same attempt may succeed later with nobody changing the input.
    """

    def __init__(
        self,
        reason: Reason,
        message: str,
        *,
        found: str = "",
        allowed: str = "",
        remedy: str = "",
        retry: bool = False,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.found = found
        self.allowed = allowed
        self.remedy = remedy
        self.retry = retry

    def __reduce__(self) -> tuple[object, ...]:
        """Come back whole from another process."""
        found, allowed, remedy, retry = self.found, self.allowed, self.remedy, self.retry
        made = partial(BuilderError, found=found, allowed=allowed, remedy=remedy, retry=retry)
        return made, (self.reason, self.message)

    @property
    def exit_code(self) -> int:
        """Exit status of the process: 3 where the input is at fault, 1 where a retry may help."""
        return EXIT_RETRY if self.retry else EXIT_INPUT


def shown(text: str, longest: int = 80) -> str:
    """Quote a value from a file for a message: control characters escaped, long values cut."""
    printable = "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
    return f'"{printable}"' if len(printable) <= longest else f'"{printable[: longest - 1]}…"'


def listed(names: list[str] | tuple[str, ...], most: int = 12) -> str:
    """List names for a message, cut after the first few."""
    text = ", ".join(shown(name) for name in names[:most])
    return text if len(names) <= most else f"{text} and {len(names) - most} more"
