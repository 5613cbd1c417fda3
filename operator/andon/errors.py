"""Andon's own errors: typed, and none of them Kopf's or the Kubernetes client's."""


class AndonError(Exception):
    """Something that the operator can name.

    Attributes
    ----------
    reason : str
        Stable, CamelCase; a metric label and a condition's reason.
    message : str
        What was found, what is allowed and how to mend it.
    """

    reason = "Error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ConflictError(AndonError):
    """The object changed since it was read: read again and decide again."""

    reason = "Conflict"


class GoneError(AndonError):
    """The object that was to be changed does not exist any more."""

    reason = "Gone"


class RejectedError(AndonError):
    """The API server refuses an object for what it says."""

    reason = "Rejected"


class UnsupportedError(AndonError):
    """What a FaultModel asks for, this cluster cannot do."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class NameTakenError(AndonError):
    """An object of a child's name is there, and belongs to somebody else."""

    reason = "NameTaken"


class ForbiddenError(AndonError):
    """The operator's service account lacks a right."""

    reason = "Forbidden"


class UnavailableError(AndonError):
    """A server does not answer, or asks to come back later.

    Attributes
    ----------
    retry_after : float or None
        Seconds that the server asked to wait, where it did.
    """

    reason = "Unavailable"

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
