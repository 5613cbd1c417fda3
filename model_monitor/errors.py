"""What the monitor refuses, each with reason, what was found, what is allowed and how to mend it."""

from __future__ import annotations

from enum import StrEnum

from model_builder.errors import shown

__all__ = ["MonitorError", "Reason", "shown"]


class Reason(StrEnum):
    """Why something was refused, in the CamelCase of Kubernetes conditions."""

    INVALID_REQUEST = "InvalidRequest"
    UNKNOWN_VERSIONS = "UnknownVersions"
    OVERLOADED = "Overloaded"
    UNAUTHENTICATED = "Unauthenticated"
    FORBIDDEN = "Forbidden"
    AUTHENTICATION_UNAVAILABLE = "AuthenticationUnavailable"
    INVALID_LABEL = "InvalidLabel"
    TOO_LARGE = "TooLarge"
    UNKNOWN_MODEL = "UnknownModel"
    UNKNOWN_PAIR = "UnknownPair"
    UNKNOWN_REQUEST = "UnknownRequest"
    AMBIGUOUS_ROW = "AmbiguousRow"
    STORAGE_UNAVAILABLE = "StorageUnavailable"
    LABEL_TABLE_UNAVAILABLE = "LabelTableUnavailable"
    CERTIFICATE_UNUSABLE = "CertificateUnusable"


_STATUS = {
    Reason.INVALID_REQUEST: 400,
    Reason.UNKNOWN_VERSIONS: 400,
    Reason.OVERLOADED: 503,
    Reason.UNAUTHENTICATED: 401,
    Reason.FORBIDDEN: 403,
    Reason.AUTHENTICATION_UNAVAILABLE: 503,
    Reason.INVALID_LABEL: 400,
    Reason.TOO_LARGE: 413,
    Reason.UNKNOWN_MODEL: 404,
    Reason.UNKNOWN_PAIR: 404,
    Reason.UNKNOWN_REQUEST: 404,
    Reason.AMBIGUOUS_ROW: 400,
    Reason.STORAGE_UNAVAILABLE: 503,
    Reason.LABEL_TABLE_UNAVAILABLE: 503,
    Reason.CERTIFICATE_UNUSABLE: 503,
}


class MonitorError(Exception):
    """Something that the monitor does not take.

    Parameters
    ----------
    reason
        Machine-readable reason.
    message
        One sentence for people, complete without the rest. Holds no values of features.
    found, allowed, remedy
        What was found, what is allowed, and how to mend it.
    """

    def __init__(self, reason: Reason, message: str, *, found: str = "", allowed: str = "", remedy: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.found = found
        self.allowed = allowed
        self.remedy = remedy

    @property
    def status(self) -> int:
        """Status of an HTTP answer."""
        return _STATUS[self.reason]

    def document(self) -> dict[str, str]:
        """Give what a client is told."""
        told = {"reason": str(self.reason), "message": self.message}
        more = {"found": self.found, "allowed": self.allowed, "remedy": self.remedy}
        return told | {name: text for name, text in more.items() if text}
